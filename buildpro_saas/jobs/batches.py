"""Batches: one piece of work for many tenants, a row each. Made, paused, resumed, narrowed, retried, stopped by their rules.

A batch's rows are worked through by runners, which are Provisioning Jobs of its playbook (batch_runner.py): any number of batches of one
playbook share them, so that the most urgent row is always the next.
"""

from collections.abc import Collection, Iterable

import frappe
from frappe import _
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.jobs import batch_rows, batch_runners, lifecycle, registry
from buildpro_saas.jobs.named_locks import named_lock

DOCTYPE = "Batch"
EVENT = "batch_update"
ENDED = ("Completed", "Cancelled")
LEAST_FOR_RATE = 10  # tenants that have had their turn before a share of them says anything
WIDEST = 16
GOING_ON = (*batch_rows.OPEN, "Paused", "Stopped")


def start(
	playbook: str,
	tenants: Iterable[tuple[str, str]],
	*,
	why: str,
	inputs: dict | None = None,
	width: int = 1,
	priority: int = 0,
	stop_after: int = 0,
	stop_rate: float = 0,
):
	"""Make a Batch that does the playbook's work with each tenant, and return its document; it begins once this transaction commits.

	tenants: (name, bench) in the order of their turns. `why` is shown with it; `inputs` is plain data for the work. width: how many
	tenants of a bench at once. priority: of two batches of a playbook, rows of the one with the higher number go first. It stops after
	`stop_after` failures, or once `stop_rate` per cent of those done have failed; 0: never. Raises frappe.ValidationError for a
	playbook that does not work on many, no tenant, and numbers that make no sense.
	"""
	book, tenants = registry.get(playbook), list(tenants)
	if not book.is_for_many:
		frappe.throw(_("The playbook {0} works on one tenant at a time.").format(playbook))
	if not tenants:
		frappe.throw(_("There is no tenant to work on: say which."))
	if not 1 <= width <= WIDEST:
		frappe.throw(_("The width must be between 1 and {0}, not {1}.").format(WIDEST, width))
	if stop_after < 0 or not 0 <= stop_rate <= 100:
		frappe.throw(_("It can stop after 1 or more failures, or at a rate of up to 100 %; 0 is never."))
	batch = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"title": title_of(book, [name for name, _bench in tenants], why),
			"playbook": playbook,
			"status": "Waiting",
			"total": len(tenants),
			"width": width,
			"priority": priority,
			"stop_after": stop_after,
			"stop_rate": stop_rate,
			"inputs": frappe.as_json({**(inputs or {}), "why": why}),
		}
	)
	batch.flags.by_engine = True
	batch.insert(ignore_permissions=True)
	batch_rows.add(batch.name, tenants)
	batch_runners.wake_after_commit(playbook, {bench for _name, bench in tenants})
	return batch


def add(batch: str, tenants: Collection[tuple[str, str]], why: str, priority: int) -> bool:
	"""Add tenants, (name, bench) of each, to a batch that has not begun; those that it is for already stay where they are.

	False, and nothing is done, where it has begun, or was rolled back.
	"""
	row = frappe.db.get_value(
		DOCTYPE, batch, ["status", "playbook", "inputs", "priority"], as_dict=True, for_update=True
	)
	if not row or row.status != "Waiting":
		return False
	there = batch_rows.counts(batch)
	batch_rows.add(batch, tenants, first=sum(there.values()))
	inputs = frappe.parse_json(row.inputs)
	if why not in inputs["why"].split("; "):
		inputs["why"] += f"; {why}"
	names = frappe.get_all(batch_rows.ROW, {"batch": batch}, pluck="tenant", order_by="position")
	values = {
		"inputs": frappe.as_json(inputs),
		"title": title_of(registry.get(row.playbook), names, inputs["why"]),
		"total": len(names),
		"priority": max(row.priority, priority),
	}
	frappe.db.set_value(DOCTYPE, batch, values, update_modified=False)
	batch_runners.wake_after_commit(row.playbook, {bench for _name, bench in tenants})
	return True


def title_of(book, tenants: list[str], why: str) -> str:
	"""What a batch of the Playbook for these tenants is called."""
	whom = tenants[0] if len(tenants) == 1 else _("{0} tenants").format(len(tenants))
	return f"{book.title}: {whom} ({why})"[:140]


# -- staff's buttons -----------------------------------------------------------------------------------------------


def pause(batch: str) -> None:
	"""Give nobody another turn until it is resumed. Raises frappe.ValidationError where it is not under way."""
	_go(batch, ("Waiting", "Running"), status="Paused")


def resume(batch: str) -> None:
	"""Go on after a pause, or after its rules have stopped it: what has failed until now does not stop it again."""
	_go(batch, ("Paused", "Stopped"))
	failed = batch_rows.counts(batch, is_current=True)[batch_rows.FAILED]
	frappe.db.set_value(DOCTYPE, batch, {"status": "Running", "reason": "", "forgiven": failed})
	settle(batch, is_current=True)
	_wake_its_benches(batch)


def retry_failed(batch: str) -> int:
	"""Give those with whom it went wrong another turn, with all their attempts; returns how many."""
	_go(batch, ("Running", "Paused", "Stopped", "Completed"))
	of_these = {"batch": batch, "status": batch_rows.FAILED}
	names = frappe.db.get_values(batch_rows.ROW, of_these, "name", for_update=True, pluck=True)
	if not names:
		frappe.throw(_("With no tenant of {0} did it go wrong.").format(batch))
	values = {"status": batch_rows.WAITING, "attempts": 0, "run_after": None}
	frappe.db.set_value(batch_rows.ROW, {"name": ("in", names)}, values, update_modified=False)
	status = frappe.db.get_value(DOCTYPE, batch, "status", for_update=True)
	values = {"forgiven": 0, "ended_at": None, "reason": ""}
	frappe.db.set_value(DOCTYPE, batch, {**values, "status": "Paused" if status == "Paused" else "Running"})
	_count(batch, is_current=True)
	_wake_its_benches(batch)
	return len(names)


def leave_out(batch: str, tenants: Collection[str]) -> int:
	"""Take tenants (names) out that have not had their turn; returns how many were. One whose turn it is, or was, stays as it is.

	Raises frappe.ValidationError for a name that the batch has no row of.
	"""
	_go(batch, ("Waiting", "Running", "Paused", "Stopped"))
	known = frappe.get_all(batch_rows.ROW, {"batch": batch, "tenant": ("in", list(tenants))}, pluck="tenant")
	if unknown := sorted(set(tenants) - set(known)):
		frappe.throw(_("{0} is not for {1}.").format(batch, ", ".join(unknown)))
	number = _leave_out(batch, _("Taken out before its turn."), tenants)
	settle(batch, is_current=True)
	return number


def cancel(batch: str) -> None:
	"""Leave out all that have not had their turn, and end it; those at work end theirs."""
	_go(batch, ("Waiting", "Running", "Paused", "Stopped"), status="Cancelled", ended_at=now_datetime())
	_leave_out(batch, _("Cancelled before its turn."))
	_count(batch, is_current=True)


def _leave_out(batch: str, message: str, tenants: Collection[str] | None = None) -> int:
	of_these = {"batch": batch, "status": batch_rows.WAITING}
	if tenants is not None:
		of_these["tenant"] = ("in", list(tenants))
	names = frappe.db.get_values(batch_rows.ROW, of_these, "name", for_update=True, pluck=True)
	values = {"status": batch_rows.LEFT_OUT, "message": message, "ended_at": now_datetime()}
	if names:
		frappe.db.set_value(batch_rows.ROW, {"name": ("in", names)}, values, update_modified=False)
	return len(names)


def _go(batch: str, expected: Collection[str], **values) -> None:
	"""Write fields of the batch, its row held until the caller commits; raises frappe.ValidationError where its status is another."""
	status = frappe.db.get_value(DOCTYPE, batch, "status", for_update=True)
	if status is None:
		frappe.throw(_("There is no batch {0}.").format(batch), frappe.DoesNotExistError)
	if status not in expected:
		frappe.throw(
			_("{0} is {1}; this can be done while it is {2}.").format(
				batch, _(status), _(" or ").join(map(_, expected))
			)
		)
	if values:
		frappe.db.set_value(DOCTYPE, batch, values)


# -- how it goes on ------------------------------------------------------------------------------------------------


def settle(batch: str, *, is_current: bool = False) -> None:
	"""Write what the rows come to, and end the batch where none has its turn before it. The caller commits.

	The batch is held before its rows are counted: whoever gives rows another turn holds it, too. So the caller has either committed just
	before, or says is_current, and the rows are read as they are now.
	"""
	row = frappe.db.get_value(DOCTYPE, batch, ["status", "started_at"], as_dict=True, for_update=True)
	if not row:
		return
	if row.status == "Cancelled":
		# those whose turn was given back since
		_leave_out(batch, _("Cancelled before its turn."))
	found = _count(batch, is_current=is_current)
	if row.status in ENDED or any(found[status] for status in batch_rows.UNFINISHED):
		return
	now = now_datetime()
	seconds = (now - get_datetime(row.started_at)).total_seconds() if row.started_at else 0
	values = {"status": "Completed", "reason": "", "ended_at": now, "duration": seconds}
	frappe.db.set_value(DOCTYPE, batch, values)


def _count(batch: str, *, is_current: bool) -> dict[str, int]:
	found = batch_rows.counts(batch, is_current=is_current)
	values = {
		"total": sum(found.values()),
		"completed": found[batch_rows.COMPLETED],
		"failed": found[batch_rows.FAILED],
		"left_out": found[batch_rows.LEFT_OUT],
	}
	frappe.db.set_value(DOCTYPE, batch, values, update_modified=False)
	frappe.publish_realtime(EVENT, {"batch": batch}, doctype=DOCTYPE, docname=batch, after_commit=True)
	return found


def stop_by_rules(batch: str) -> None:
	"""After a failure: stop the batch where that was one too many. The caller commits."""
	fields = ["status", "stop_after", "stop_rate", "forgiven"]
	rules = frappe.db.get_value(DOCTYPE, batch, fields, as_dict=True, for_update=True)
	found = batch_rows.counts(batch)
	failed, ended = found[batch_rows.FAILED], found[batch_rows.FAILED] + found[batch_rows.COMPLETED]
	newly, of_these = failed - rules.forgiven, ended - rules.forgiven
	rate = 100 * newly / of_these if of_these >= LEAST_FOR_RATE else 0
	if rules.stop_after and newly >= rules.stop_after:
		reason = _("It went wrong with {0} tenants.").format(failed)
	elif rules.stop_rate and rate >= rules.stop_rate:
		reason = _("It went wrong with {0} of {1} tenants.").format(newly, of_these)
	else:
		return
	if rules.status in batch_rows.OPEN:
		hint = _("Look at what it says of them, mend the cause, then press Resume, Retry Failed, or Cancel.")
		frappe.db.set_value(DOCTYPE, batch, {"status": "Stopped", "reason": f"{reason} {hint}"})


# -- looking after -----------------------------------------------------------------------------------------------------


def _wake_its_benches(batch: str) -> None:
	playbook = frappe.db.get_value(DOCTYPE, batch, "playbook")
	waiting = {"batch": batch, "status": batch_rows.WAITING}
	batch_runners.wake_after_commit(playbook, set(frappe.get_all(batch_rows.ROW, waiting, pluck="bench")))


def recover_batches() -> None:
	"""Every minute, on the admin site: find rows whose runner has died and is not resumed, end what is over, and start runners where they are missing."""
	if not site_role.is_admin_site():
		return
	going_on = frappe.get_all(DOCTYPE, {"status": ("in", GOING_ON)}, ["name", "playbook"])
	# those that were at work when it was cancelled end their turns, if they live
	since = add_to_date(now_datetime(), days=-1)
	cancelled = frappe.get_all(DOCTYPE, {"status": "Cancelled", "ended_at": (">", since)}, pluck="name")
	rows = {"batch": ("in", [*(batch.name for batch in going_on), *cancelled])}
	for runner in frappe.get_all(
		batch_rows.ROW, {**rows, "status": batch_rows.RUNNING}, pluck="runner", distinct=True
	):
		lifecycle.shielded(_take_back_if_dead, runner)
	for name in [*(batch.name for batch in going_on), *cancelled]:
		lifecycle.shielded(_settle_now, name)
	waiting = frappe.get_all(
		batch_rows.ROW, {**rows, "status": batch_rows.WAITING}, ["batch", "bench"], distinct=True
	)
	playbooks = {batch.name: batch.playbook for batch in going_on}
	for playbook, bench in sorted(
		{(playbooks[row.batch], row.bench) for row in waiting if row.batch in playbooks}
	):
		batch_runners.wake(playbook, bench)


def _take_back_if_dead(runner: str) -> None:
	with named_lock(lifecycle.JOB_LOCK, runner) as is_nobody_at_it:
		if is_nobody_at_it:
			frappe.db.commit()
			batch_rows.take_back([runner])
			frappe.db.commit()


def _settle_now(batch: str) -> None:
	frappe.db.commit()
	settle(batch)
	frappe.db.commit()
