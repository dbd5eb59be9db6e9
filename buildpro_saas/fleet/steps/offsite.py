"""Copying a store's backups offsite, and forgetting there what is not kept there."""

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backup_keys, backups, offsite, offsite_copies
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600


class CopyOffsite(Step):
	"""Copy what is not there yet. Backups go on meanwhile. Broken off, it goes on with what had arrived."""

	title = "Copy offsite"
	timeout = 24 * HOUR
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> None:
		store = context.inputs["store"]
		if not (place := offsite.where()):
			context.log("SaaS Settings name no place any more")
			return
		names = offsite_copies.wanted(store, context.tenant.get("name")).copied
		ids = ids_of(names)
		spec = {**backups.store_spec(store), "offsite": place}
		wrapped = frappe.db.get_value(backup_keys.STORE, store, "wrapped_key")
		of_site = {} if context.tenant.get("name") else {"admin_site": frappe.local.site}
		copied = context.run(
			"copy_offsite", self.timeout, backups=ids, wrapped_key=wrapped, **of_site, **spec
		)
		context.log(
			f"{len(ids)} backups lie in {offsite.described(place)}, which has {copied.size / backups.MB:.1f} MB of this tenant"
		)
		# all that lie there are asked for: some may be offsite alone
		found = context.bench.run("list_offsite", **_at_once(context, "list"), **spec)
		offsite_copies.set_copied(store, place, [each.backup for each in found], copied.size)
		if missing := set(ids) - set(copied.backups):
			frappe.db.commit()
			raise AgentError(
				f"{len(missing)} backups that are on record as kept are not in the store, so they were not copied.",
				"Have it compared with the records: `saas check-backups`.",
			)


class ForgetOffsite(Step):
	"""Forget there what is not kept there, unless nothing may be removed or its last check found damage."""

	title = "Forget offsite what is not needed"
	timeout = 6 * HOUR

	def run(self, context: Context) -> None:
		store = context.inputs["store"]
		place = offsite.where()
		names = offsite_copies.wanted(store, context.tenant.get("name")).forgotten
		if not place or place["only_adds"] or not names:
			context.log("all are kept")
			return
		if damage := frappe.db.get_value(backup_keys.STORE, store, "offsite_check_error"):
			context.log(f"nothing is removed from a damaged store: {damage}")
			return
		spec = {**backups.store_spec(store), "offsite": place}
		size = context.run("forget_offsite", self.timeout, backups=ids_of(names), **spec)
		context.log(f"forgot {', '.join(names)} offsite, where {size / backups.MB:.1f} MB are left")
		frappe.db.set_value(backup_keys.STORE, store, "offsite_size", size / backups.MB)
		backups.set_gone(names, backups.OFFSITE)


def ids_of(names: list[str]) -> list[str]:
	"""The IDs in the store of backups, in the order in which they were made."""
	if not names:
		return []
	return frappe.get_all(
		backups.DOCTYPE, {"name": ("in", names)}, pluck="backup_id", order_by="creation, name"
	)


def _at_once(context: Context, what: str) -> dict:
	"""Arguments of one more operation of a step, beside its main one."""
	return {
		"id": f"{context.operation}/{what}",
		"timeout": HOUR,
		"log": context.log,
		"checkpoint": context.checkpoint,
	}
