"""Batches: one piece of work for many tenants, with a row for each. They are made, paused, resumed, narrowed, retried and stopped here.

Runners work through the rows. They are Provisioning Jobs of the batch's playbook (batch_runner.py). All batches of one playbook
share them, so the most urgent row is the next. A batch that has waited long gets every second claim (turns.py).
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
	"""Make a Batch that does the playbook's work with each tenant, and return its document. It begins once this transaction commits.

	tenants: (name, bench), in the order of their turns. why: shown with the batch. inputs: plain data for the work. width: how many
	tenants of a bench at once. priority: of two batches of a playbook the higher number goes first. It stops after `stop_after`
	failures, or once `stop_rate` per cent of the ended turns have failed; 0 is never.

	Raises frappe.ValidationError for a playbook that does not work on many, no tenant, and numbers that make no sense.
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
	"""Add tenants, (name, bench) of each, to a batch that has not begun. Those that it has already stay where they are.

	Returns False, and does nothing, where the batch has begun or was rolled back.
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
	"""Give nobody another turn until it is resumed. Raises frappe.ValidationError unless it is Waiting or Running."""
	_go(batch, ("Waiting", "Running"), status="Paused")


def resume(batch: str) -> None:
	"""Go on after a pause, or after its rules have stopped it. What failed before does not stop it again.

	Raises frappe.ValidationError unless it is Paused or Stopped.
	"""
	_go(batch, ("Paused", "Stopped"))
	failed = batch_rows.counts(batch, is_current=True)[batch_rows.FAILED]
	frappe.db.set_value(DOCTYPE, batch, {"status": "Running", "reason": "", "forgiven": failed})
	settle(batch, is_current=True)
	_wake_its_benches(batch)


def retry_failed(batch: str) -> int:
	"""Give the failed tenants another turn, with all their attempts; returns how many.

	Raises frappe.ValidationError where none has failed, or the batch waits or is Cancelled.
	"""
	_go(batch, ("Running", "Paused", "Stopped", "Completed"))
	of_these = {"batch": batch, "status": batch_rows.FAILED}
	names = frappe.db.get_values(batch_rows.ROW, of_these, "name", for_update=True, pluck=True)
	if not names:
		frappe.throw(_("With no tenant of {0} did it go wrong.").format(batch))
	values = {"status": batch_rows.WAITING, "attempts": 0, "run_after": None}
	frappe.db.set_value(batch_rows.ROW, {"name": ("in", names)}, values, update_modified=False)
	status = frappe.db.get_value(DOCTYPE, batch, "status", for_update=True)
	values = {"forgiven": 0, "ended_at": None, "duration": 0, "reason": ""}
	frappe.db.set_value(DOCTYPE, batch, {**values, "status": "Paused" if status == "Paused" else "Running"})
	_count(batch, is_current=True)
	_wake_its_benches(batch)
	return len(names)


def leave_out(batch: str, tenants: Collection[str]) -> int:
	"""Take tenants (names) out before their turn; returns how many were. One that has or had its turn stays as it is.

	Raises frappe.ValidationError for a name that the batch has no row of, and for a batch that has ended.
	"""
	_go(batch, ("Waiting", "Running", "Paused", "Stopped"))
	known = frappe.get_all(batch_rows.ROW, {"batch": batch, "tenant": ("in", list(tenants))}, pluck="tenant")
	if unknown := sorted(set(tenants) - set(known)):
		frappe.throw(_("{0} is not for {1}.").format(batch, ", ".join(unknown)))
	number = _leave_out(batch, _("Taken out before its turn."), tenants)
	settle(batch, is_current=True)
	return number


def cancel(batch: str) -> None:
	"""Leave out all that have not had their turn, and end the batch. Tenants at work end their turns.

	Raises frappe.ValidationError once it has ended.
	"""
	_go(batch, ("Waiting", "Running", "Paused", "Stopped"))
	_end(batch, "Cancelled")
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
	"""Write fields of the batch, and hold its row until the caller commits.

	Raises frappe.ValidationError where the batch's status is none of `expected`.
	"""
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
	"""Write what the rows come to, and end the batch where no row waits or runs any more. The caller commits.

	The batch is held before its rows are counted. Whoever gives rows another turn holds it, too. So the caller either commits just
	before, or says is_current: then the rows are counted as they are now.
	"""
	status = frappe.db.get_value(DOCTYPE, batch, "status", for_update=True)
	if status is None:
		return
	if status == "Cancelled":
		# rows that were given back since it was cancelled
		_leave_out(batch, _("Cancelled before its turn."))
	found = _count(batch, is_current=is_current)
	if status in ENDED or any(found[status] for status in batch_rows.UNFINISHED):
		return
	_end(batch, "Completed", reason="")


def _end(batch: str, status: str, **values) -> None:
	# as it is now: the caller holds the row
	now, started = now_datetime(), frappe.db.get_value(DOCTYPE, batch, "started_at", for_update=True)
	seconds = (now - get_datetime(started)).total_seconds() if started else 0
	frappe.db.set_value(DOCTYPE, batch, {"status": status, "ended_at": now, "duration": seconds, **values})
	batch_rows.let_go_on(batch)


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


# -- looking after -----------------------------------------------------------------------------------------------------


def _wake_its_benches(batch: str) -> None:
	playbook = frappe.db.get_value(DOCTYPE, batch, "playbook")
	waiting = {"batch": batch, "status": batch_rows.WAITING}
	batch_runners.wake_after_commit(playbook, set(frappe.get_all(batch_rows.ROW, waiting, pluck="bench")))


def recover_batches() -> None:
	"""Every minute, on the admin site: take back rows of runners that died, end batches that are over, start missing runners."""
	if not site_role.is_admin_site():
		return
	going_on = frappe.get_all(DOCTYPE, {"status": ("in", GOING_ON)}, ["name", "playbook"])
	# when a batch was cancelled, runners may have been at work on its rows; those that live end their turns
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
