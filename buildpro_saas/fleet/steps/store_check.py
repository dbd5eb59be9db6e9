"""Checking a tenant's store, here and offsite, and holding the records against what lies there."""

from collections.abc import Callable

import frappe
from frappe.utils import now_datetime

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.fleet import backup_keys, backups, offsite, store_checks, store_records
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600


class CheckStore(Step):
	"""Read the store's structure and a part of its data, each time another; note what is wrong, and what is there."""

	title = "Check store"
	timeout = 12 * HOUR
	retry = RetryPolicy(attempts=5)

	def run(self, context: Context) -> None:
		store = context.inputs["store"]
		number = frappe.db.get_value(backup_keys.STORE, store, "checks") or 0
		spec, place = backups.store_spec(store), offsite.spec(store)
		share = store_checks.share_of(number, store_checks.PARTS)
		error = _fault(lambda: _run(context, "check_store", share=share, **spec))
		context.log(error or f"the store is sound; read {share} of its data")
		values = {"check_error": error, "checked_at": now_datetime(), "checks": number + 1}
		if place:
			share = store_checks.share_of(number, store_checks.PARTS_OFFSITE)
			error_offsite = _fault(lambda: _run(context, "check_offsite", share=share, **spec, **place))
			context.log(error_offsite or f"offsite it is sound; read {share} of its data")
			values |= {"offsite_check_error": error_offsite, "offsite_checked_at": now_datetime()}
		frappe.db.set_value(backup_keys.STORE, store, values)


class CompareStore(Step):
	"""Hold the records against what lies in the store and offsite, both ways, and finish forgetting that was broken off.

	Fails at its end where the check has found damage.
	"""

	title = "Compare with the records"
	timeout = HOUR
	retry = RetryPolicy(attempts=5)

	def run(self, context: Context) -> None:
		store = context.inputs["store"]
		damage = frappe.db.get_value(
			backup_keys.STORE, store, ["check_error", "offsite_check_error"], as_dict=True
		)
		error = damage.check_error or damage.offsite_check_error
		try:
			self._compare(context, store, is_sound=not error)
		except TransientError:
			raise
		except AgentError:
			if not error:
				raise
		if error:
			frappe.db.commit()  # what was compared stands
			raise AgentError(error, "`saas drift` says what to do.")

	def _compare(self, context: Context, store: str, *, is_sound: bool) -> None:
		spec, place = backups.store_spec(store), offsite.looked_at(store)
		here = _listed(_run(context, "list_backups", **spec))
		there = _listed(_run(context, "list_offsite", **spec, **place)) if place else {}
		found = store_records.compare(store_checks.records_of(store), here, there)
		store_checks.set_compared(store, found, place["offsite"] if there else None)
		lost = sum(not any(places) for places in found.places.values())
		strangers = len({each for ids in found.strangers.values() for each in ids})
		context.log(
			f"{len(here)} backups here, {len(there)} offsite; {lost} lost, {strangers} without a record"
		)
		if not is_sound:
			return
		if ids := found.leftovers[store_records.HERE]:
			_run(context, "forget_backups", backups=ids, **spec)
			context.log(f"forgot {len(ids)} again, whose records say that they are gone")
		ids = found.leftovers[store_records.OFFSITE]
		if ids and not place["offsite"]["only_adds"]:
			_run(context, "forget_offsite", backups=ids, **spec, **place)
			context.log(f"forgot {len(ids)} offsite again, whose records say that they are gone")


def _listed(found: list) -> dict[str, str]:
	return {each.backup: each.taken_at for each in found}


def _fault(check: Callable[[], None]) -> str:
	"""What a check has found; empty where all is well. What passes by itself is no damage, and raised."""
	try:
		check()
	except TransientError:
		raise
	except AgentError as error:
		return str(error)
	return ""


def _run(context: Context, operation: str, **spec):
	"""One of a step's several operations."""
	return context.bench.run(
		operation,
		id=f"{context.operation}/{operation}",
		timeout=CheckStore.timeout,
		log=context.log,
		checkpoint=context.checkpoint,
		**spec,
	)
