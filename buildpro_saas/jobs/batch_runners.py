"""The runners of batches: Provisioning Jobs that work through rows. They are started where they are missing."""

from collections.abc import Collection

import frappe
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas.jobs import after_commit, batch_rows, lifecycle
from buildpro_saas.jobs.bench_door import is_reached
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.jobs.named_locks import named_lock

LOCK = "batch_runners"
WAIT = 10  # seconds to wait while another process starts runners
# For so many seconds no runner follows one that failed: staff read in its job why, and mend it.
REST = 300


def wake_after_commit(playbook: str, benches: Collection[str]) -> None:
	"""Have runners started once this transaction, which made rows, is committed. benches: names of those with rows."""
	for bench in sorted(benches):
		frappe.db.after_commit.add(lambda bench=bench: wake(playbook, bench))


def wake(playbook: str, bench: str) -> None:
	"""Start the runners that are missing for rows that wait on the bench. Called after commits, and each minute. Commits, never raises.

	Whoever makes rows looks for runners after the commit. A runner looks for rows after the commit that ends it. So one of the two
	sees the other.
	"""
	with (
		after_commit.never_raising(f"Starting runners of {playbook} on {bench}"),
		named_lock(LOCK, f"{playbook}/{bench}", wait=WAIT) as is_ours,
	):
		if is_ours:
			frappe.db.commit()  # a fresh snapshot, taken under the lock
			_start(playbook, bench)
			frappe.db.commit()


def _start(playbook: str, bench: str) -> None:
	if not is_reached(bench):
		return
	of_these = {"playbook": playbook, "bench": bench}
	just_now = add_to_date(now_datetime(), seconds=-REST)
	there = {
		frappe.parse_json(inputs).get("slot")
		for status in ({"status": ("in", UNFINISHED)}, {"status": "Failed", "ended_at": (">", just_now)})
		for inputs in frappe.get_all("Provisioning Job", {**of_these, **status}, pluck="inputs")
	}
	for slot in range(_width(playbook, bench)):
		if slot not in there and _is_due(playbook, bench, slot):
			lifecycle.start(playbook, tenant=None, bench=bench, inputs={"slot": slot}, about=bench)


def _width(playbook: str, bench: str) -> int:
	"""How many rows of the bench may have their turn at once: as the widest batch there says, and never more than wait."""
	widest, rows = frappe.db.sql(
		f"""select max(batch.width), count(*) from `tab{batch_rows.ROW}` turn join tabBatch batch on batch.name = turn.batch
		where batch.playbook = %s and batch.status in %s and turn.bench = %s and turn.status = %s""",
		(playbook, batch_rows.OPEN, bench, batch_rows.WAITING),
	)[0]
	return min(widest or 0, rows)


def _is_due(playbook: str, bench: str, slot: int) -> bool:
	due = batch_rows.next_due(playbook, bench, slot)
	return due is not None and get_datetime(due) <= now_datetime()
