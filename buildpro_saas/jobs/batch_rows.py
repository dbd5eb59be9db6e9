"""The rows of batches: one tenant's turn each.

Any number of runners claim them at once. Every change of a row is one statement.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import frappe
from frappe.utils import add_to_date, cstr, now_datetime

from buildpro_saas.jobs import turns

ROW = "Batch Row"
WAITING, RUNNING, COMPLETED, FAILED, LEFT_OUT = STATUSES = (
	"Waiting",
	"Running",
	"Completed",
	"Failed",
	"Left Out",
)
UNFINISHED = (WAITING, RUNNING)
LONGEST_MESSAGE = 500
SHOWN = 50  # failed rows in a form
OPEN = ("Waiting", "Running")  # statuses in which a batch gives its rows turns


@dataclass(frozen=True)
class Claimed:
	"""A row whose turn it is. attempts: how many turns it has had, this one counted."""

	name: str
	batch: str
	tenant: str
	attempts: int


def add(batch: str, tenants: Iterable[tuple[str, str]], first: int = 0) -> None:
	"""Add a row for each (tenant, bench), in their order, from position `first` on. A tenant that has a row in the batch keeps it."""
	now, user = now_datetime(), frappe.session.user
	fields = [
		"name",
		"creation",
		"modified",
		"owner",
		"modified_by",
		"batch",
		"tenant",
		"bench",
		"position",
		"status",
	]
	rows = [
		(frappe.generate_hash(length=10), now, now, user, user, batch, tenant, bench, position, WAITING)
		for position, (tenant, bench) in enumerate(tenants, start=first)
	]
	if rows:
		frappe.db.bulk_insert(ROW, fields, rows, ignore_duplicates=True)


def claim(
	playbook: str, bench: str, runner: str, slot: int, most: int, *, is_for_old: bool = False
) -> list[Claimed]:
	"""Give the next rows their turn, at most `most`: of the batch with the highest priority, in its order. Commits.

	is_for_old: of the oldest batch instead, where one has waited for turns.PATIENCE. A runner makes every second claim so.
	Runner number `slot` takes rows of batches that are wider than `slot`. That keeps each batch to its width. Rows that another
	runner is just claiming are passed over, never waited for.
	"""
	frappe.db.commit()
	for batch in turns.batches_in_order(_open_batches(playbook, slot), now_datetime(), is_for_old=is_for_old):
		now = now_datetime()
		if not batch.started_at:
			# the batch before its rows, as everybody locks them
			frappe.db.sql(
				"update tabBatch set status = 'Running', started_at = %s where name = %s and status in %s",
				(now, batch.name, OPEN),
			)
		rows = _lock_next(batch.name, bench, most)
		if not rows:
			frappe.db.rollback()
			continue
		frappe.db.sql(
			f"""update `tab{ROW}` set status = %(running)s, runner = %(runner)s, attempts = attempts + 1, run_after = null,
			modified = %(now)s where name in %(names)s""",
			{"running": RUNNING, "runner": runner, "now": now, "names": [row.name for row in rows]},
		)
		frappe.db.commit()
		return [Claimed(row.name, batch.name, row.tenant, row.attempts + 1) for row in rows]
	frappe.db.commit()
	return []


def _open_batches(playbook: str, slot: int) -> list:
	return frappe.db.sql(
		"""select name, priority, creation, started_at from tabBatch
		where playbook = %s and status in %s and width > %s""",
		(playbook, OPEN, slot),
		as_dict=True,
	)


def _lock_next(batch: str, bench: str, most: int) -> list:
	"""Lock the next rows in the order of the index `turns`. With a sort of its own MariaDB would lock every row that waits.

	That index does not have the status. If it did, a claim would move its rows within the index, into gaps that other claims lock, and
	two claims at once would be a deadlock. So another index finds the first row that waits, without a lock. The rows are locked from
	there on.
	"""
	now = now_datetime()
	first = frappe.db.sql(
		f"""select position from `tab{ROW}` force index (states) where batch = %s and bench = %s and status = %s
		and (run_after is null or run_after <= %s) order by position limit 1""",
		(batch, bench, WAITING, now),
	)
	if not first:
		return []
	return frappe.db.sql(
		f"""select name, tenant, attempts from `tab{ROW}` force index (turns)
		where batch = %s and bench = %s and position >= %s and status = %s and (run_after is null or run_after <= %s)
		order by position limit %s for update skip locked""",
		(batch, bench, first[0][0], WAITING, now, most),
		as_dict=True,
	)


# -- how a turn ends ---------------------------------------------------------------------------------------------------


def done(row: Claimed, status: str, message: str, seconds: float) -> None:
	"""Write that the turn is over. seconds: how long it took. The caller commits, together with what the turn wrote."""
	_end_turn(row, status=status, message=message, seconds=seconds, ended_at=now_datetime())


def again(row: Claimed, message: str, seconds: float, delay: float, *, is_counted: bool = True) -> None:
	"""Let the row have another turn after `delay` seconds. The caller commits.

	is_counted: whether this turn was an attempt. seconds: how long it took.
	"""
	at = add_to_date(now_datetime(), seconds=delay)
	attempts = row.attempts - (not is_counted)
	_end_turn(row, status=WAITING, message=message, seconds=seconds, run_after=at, attempts=attempts)


def give_back(rows: Collection[Claimed]) -> None:
	"""Let rows wait again that were claimed and had no turn. The caller commits."""
	for row in rows:
		_end_turn(row, status=WAITING, attempts=row.attempts - 1)


def _end_turn(row: Claimed, message: str | None = None, **values) -> None:
	if message is not None:
		values["message"] = cstr(message)[:LONGEST_MESSAGE]
	sets = ", ".join(f"`{field}` = %({field})s" for field in values)
	frappe.db.sql(
		f"update `tab{ROW}` set {sets} where name = %(row)s and status = %(running)s",
		{**values, "row": row.name, "running": RUNNING},
	)


def take_back(runners: Collection[str]) -> list[str]:
	"""Let the rows of runners that have died wait again; returns their batches. The caller commits.

	A runner takes its rows in their order. So of each runner's rows the first had its turn, which counts as an attempt. The others had
	none.
	"""
	of_these = {"runner": ("in", list(runners)), "status": RUNNING}
	# read first, which locks nothing: nearly always there is none
	rows = (
		frappe.get_all(ROW, of_these, ["name", "batch", "runner"], order_by="runner, position")
		if runners
		else []
	)
	at_work = {row.runner: row.name for row in reversed(rows)}
	for row in rows:
		frappe.db.sql(
			f"""update `tab{ROW}` set status = %s, attempts = greatest(attempts - %s, 0) where name = %s and status = %s""",
			(WAITING, at_work[row.runner] != row.name, row.name, RUNNING),
		)
	return list({row.batch for row in rows})


def site_is_free(tenant: str) -> list[tuple[str, str]]:
	"""Let the tenant's rows have their turn now, not later; returns (playbook, bench) of each. The caller commits."""
	rows = frappe.db.sql(
		f"""select turn.name, batch.playbook, turn.bench from `tab{ROW}` turn join tabBatch batch on batch.name = turn.batch
		where turn.tenant = %s and turn.status = %s and turn.run_after is not null and batch.status in %s""",
		(tenant, WAITING, OPEN),
	)
	if rows:
		names = ("in", [name for name, _playbook, _bench in rows])
		frappe.db.set_value(ROW, {"name": names}, "run_after", None, update_modified=False)
	return [(playbook, bench) for _name, playbook, bench in rows]


# -- what they come to -------------------------------------------------------------------------------------------------


def counts(batch: str, *, is_current: bool = False) -> dict[str, int]:
	"""{status: how many rows}, with all statuses.

	is_current: count the rows as they are now, and not as they were when this transaction began to read.
	"""
	lock = "lock in share mode" if is_current else ""
	rows = frappe.db.sql(
		f"select status, count(*) from `tab{ROW}` where batch = %s group by status {lock}", batch
	)
	return {**dict.fromkeys(STATUSES, 0), **dict(rows)}


def next_due(playbook: str, bench: str, slot: int):
	"""When the next row is due that runner number `slot` may take; None where none waits."""
	return frappe.db.sql(
		f"""select min(coalesce(turn.run_after, turn.creation)) from `tab{ROW}` turn join tabBatch batch on batch.name = turn.batch
		where batch.playbook = %s and batch.status in %s and batch.width > %s and turn.bench = %s and turn.status = %s""",
		(playbook, OPEN, slot, bench, WAITING),
	)[0][0]


def tenants_under_way(playbook: str) -> set[str]:
	"""The tenants who wait for their turn in a batch of the playbook, or have it."""
	return set(
		frappe.db.sql_list(
			f"""select distinct turn.tenant from `tab{ROW}` turn join tabBatch batch on batch.name = turn.batch
			where batch.playbook = %s and batch.status in %s and turn.status in %s""",
			(playbook, OPEN, UNFINISHED),
		)
	)


def messages(batch: str) -> list:
	"""What was said of its tenants, in their order, SHOWN at most: rows with tenant, status, message and seconds."""
	fields = ["tenant", "status", "message", "seconds"]
	return frappe.get_all(ROW, {"batch": batch}, fields, order_by="position", limit=SHOWN)


def progress(batch: str) -> dict:
	"""What is shown of a batch while it goes on.

	{"status", "reason", "seconds": since its first turn, or in all, "total", "counts": {status: number}, "at_work": up to 5 tenants,
	"failed": [{"tenant", "message", "attempts", "seconds"}], up to SHOWN of them}
	"""
	fields = ["status", "reason", "started_at", "ended_at"]
	doc = frappe.db.get_value("Batch", batch, fields, as_dict=True)
	found = counts(batch)
	failed = frappe.get_all(
		ROW,
		{"batch": batch, "status": FAILED},
		["tenant", "message", "attempts", "seconds"],
		order_by="position",
		limit=SHOWN,
	)
	at_work = frappe.get_all(
		ROW, {"batch": batch, "status": RUNNING}, pluck="tenant", order_by="position", limit=5
	)
	seconds = ((doc.ended_at or now_datetime()) - doc.started_at).total_seconds() if doc.started_at else 0
	return {
		"status": doc.status,
		"reason": doc.reason or "",
		"seconds": round(seconds, 1),
		"total": sum(found.values()),
		"counts": found,
		"at_work": at_work,
		"failed": failed,
	}


def let_go_on(batch: str) -> None:
	"""Let the jobs go on that wait for the batch (StepWaits): it has ended, or was stopped. They are sent with the next that ends."""
	waiting = frappe.get_all("Provisioning Job", {"waits_for": batch, "status": "Waiting"}, pluck="name")
	for job in waiting:
		frappe.db.set_value("Provisioning Job", job, "run_after", None, update_modified=False)
