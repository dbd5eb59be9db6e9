"""Compares each bench with the admin site's records, lists the differences, and mends what is safe to mend."""

import time

import frappe
from frappe.utils import add_to_date, now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.facts import Entry
from buildpro_saas.fleet import (
	bench_trash,
	dns_drift,
	drift,
	expected_state,
	holds,
	images,
	lost_sites,
	site_standing,
	standby,
	store_checks,
	store_records,
)
from buildpro_saas.fleet.drift_facts import DATABASE, IMAGE, SET_ASIDE, STANDBY, Finding
from buildpro_saas.jobs import lifecycle, sites
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.jobs.named_locks import named_lock

LOCK = "reconcile"
LOCK_WAIT = 30  # seconds for another comparison of the same bench to finish
AGE = 3600  # seconds for which an orphan has been seen, and its folder unchanged, before it is removed
OPEN = ("Open", "Ignored")
# Frappe drops columns whose names have `_seen` in them from every list, hence `_found`.
FIELDS = (
	*("name", "kind", "subject", "what", "action"),
	*("mark", "is_ours", "status", "first_found", "last_found"),
)


def compare_benches() -> None:
	"""Every ten minutes, on the admin site: compare each bench with the records, and mend."""
	if not site_role.is_admin_site():
		return
	benches = bench_trash.with_account()
	for bench in benches:
		lifecycle.shielded(lambda bench: compare(bench, is_mending=True), bench)
	bench_trash.look_into(benches)


def put_back(name: str) -> list[Entry]:
	"""Put an entry of the trash back where it was, with the folder or database that belongs to it. Returns what was put back. Commits.

	No record has it, but it is left alone from then on: its Drift Finding is Ignored. Raises AgentError with what is in the way.
	"""
	bench, entries = bench_trash.put_back(name)
	keys = {(entry.kind, entry.subject, entry.mark) for entry in entries}
	for row in compare(bench):
		if (row.kind, row.subject, row.mark or "") in keys:
			_end(row.name, "Ignored")
	frappe.db.commit()
	return entries


def compare(bench: str, *, is_mending: bool = False) -> list:
	"""Compare the bench with the records now, bring its Drift Findings up to date, and commit. Returns FIELDS of the open findings.

	is_mending: also remove orphans that are old enough, and take broken images and standby sites out of use. While another comparison is
	under way, its findings are returned. Raises AgentError where the bench has no database account.
	"""
	with named_lock(LOCK, bench, wait=LOCK_WAIT) as is_ours:
		if is_ours:
			findings = [*look(bench), *dns_drift.findings(bench)]
			_record(bench, findings)
			if is_mending:
				_mend(bench, findings)
	frappe.db.commit()
	return [row for row in _rows(bench).values() if row.status == "Open"]


def look(bench: str) -> list[Finding]:
	"""The differences between the bench and the records. Jobs go on meanwhile.

	So the records are read before and after the look at the bench. Only what differs from both is a difference.
	"""
	there, before = door_of(bench), expected_state.believed(bench)
	found = there.do("take_inventory", prefix=before.prefix)
	after = expected_state.believed(bench)
	evidence = expected_state.evidence(after, found, bench, there)
	also_before = {finding.key for finding in drift.compare(before, found, evidence)}
	differing = [finding for finding in drift.compare(after, found, evidence) if finding.key in also_before]
	# what the last look at each store has found (steps/store_check.py), and what copying it offsite has met
	return differing + store_records.findings(store_checks.facts_of(bench))


# -- recording -----------------------------------------------------------------------------------------------------


def _rows(bench: str) -> dict[tuple, frappe._dict]:
	"""{finding's key: FIELDS} of the bench's findings that are open or ignored."""
	rows = frappe.get_all(
		"Drift Finding", {"bench": bench, "status": ("in", OPEN)}, FIELDS, order_by="creation"
	)
	return {(row.kind, row.subject, row.mark or "", bool(row.is_ours)): row for row in rows}


def _record(bench: str, findings: list[Finding]) -> None:
	"""Write down new findings and those that are still there. Others become Resolved. Commits."""
	rows, now = _rows(bench), now_datetime()
	for finding in findings:
		told = {"what": finding.what, "action": finding.action, "last_found": now}
		if row := rows.pop(finding.key, None):
			frappe.db.set_value("Drift Finding", row.name, told, update_modified=False)
		else:
			_insert(bench, finding, {**told, "first_found": now})
	for row in rows.values():
		_end(row.name, "Resolved")
	frappe.db.commit()


def _insert(bench: str, finding: Finding, told: dict) -> None:
	frappe.get_doc(
		{
			"doctype": "Drift Finding",
			"bench": bench,
			"kind": finding.kind,
			"subject": finding.subject,
			"mark": finding.mark,
			"is_ours": int(finding.is_ours),
			"status": "Open",
			**told,
		}
	).insert(ignore_permissions=True)


def _end(name: str, status: str, **values: str | None) -> None:
	"""Give the finding a status, as a change that the document's timeline shows."""
	doc = frappe.get_doc("Drift Finding", name)
	doc.update({"status": status, **values})
	doc.save(ignore_permissions=True)


def resolve(kind: str, subject: str) -> None:
	"""Note that a Drift Finding's difference is gone. The caller commits."""
	of = {"kind": kind, "subject": subject, "status": ("in", OPEN)}
	for name in frappe.get_all("Drift Finding", of, pluck="name"):
		_end(name, "Resolved")


# -- mending -------------------------------------------------------------------------------------------------------


def _mend(bench: str, findings: list[Finding]) -> None:
	"""Do what can be done without asking. A fault is written into the finding's action, and does not keep the other findings."""
	rows = _rows(bench)
	# databases go before folders: the folder says what its database is; without it that could be a customer's
	for finding in sorted(findings, key=lambda each: each.kind != DATABASE):
		row = rows.get(finding.key)
		if not row or row.status != "Open":
			continue
		try:
			if finding.kind in (IMAGE, STANDBY):
				_take_out_of_use(bench, finding)
			elif finding.departure:
				is_old = row.first_found <= add_to_date(now_datetime(), seconds=-AGE)
				if status := dns_drift.mend(bench, finding, is_old):
					_end(row.name, status, action=dns_drift.MENDED[status])
			elif finding.unmarked:
				there = door_of(bench)
				if site_standing.mark_database_again(there, finding.unmarked, finding.mark, finding.subject):
					_end(row.name, "Resolved")
			elif finding.is_user_lost or finding.is_held:
				_mend_site(finding)
				_end(row.name, "Resolved")
			elif is_due(finding, row):
				_remove(bench, finding.key, row.name)
		except Exception as error:
			frappe.db.rollback()  # raises when the connection is gone: then there is nothing more to be done here
			frappe.log_error(title=f"Drift Finding {row.name}")
			action = f"It could not be mended by itself, and is tried again: {error}"
			frappe.db.set_value("Drift Finding", row.name, "action", action, update_modified=False)
			frappe.db.commit()


def _mend_site(finding: Finding) -> None:
	"""Make a tenant's database user again, or let go of its site. Raises SiteTakenError where somebody is at work on the site."""
	with sites.taken(finding.subject):
		tenant = frappe.get_doc("Tenant", finding.subject)
		if finding.is_user_lost:
			lost_sites.let_user_in(tenant)
		else:
			holds.let_go_of_unknown(tenant)


def is_due(finding: Finding, row) -> bool:
	"""Whether it is an orphan that has been seen for an hour. A folder must not have changed for an hour, either."""
	is_old = row.first_found <= add_to_date(now_datetime(), seconds=-AGE)
	is_still = not finding.folder or finding.folder.modified <= time.time() - AGE
	return finding.is_removable and is_old and is_still


def _take_out_of_use(bench: str, finding: Finding) -> None:
	"""Take the image or standby site out of use. Both ways look again, under the row's lock, whether it is Ready."""
	if finding.kind == IMAGE:
		images.set_stale(finding.subject, finding.what)
	elif standby.take(finding.subject, "Ready"):
		standby.discard(standby.row(finding.subject), door_of(bench))


def _remove(bench: str, key: tuple, row: str) -> None:
	"""Remove the orphan after a fresh look, by its mark.

	No lock is needed. The mark is that of a job that has ended. What begins after the look carries another mark, which the agent leaves
	alone. As long as a lone user is there, no job makes a database of its name.
	"""
	finding = {fresh.key: fresh for fresh in look(bench)}.get(key)
	found = frappe.db.get_value(
		"Drift Finding", row, ["status", "first_found"], as_dict=True, for_update=True
	)
	frappe.db.commit()
	if not finding or not found or found.status != "Open" or not is_due(finding, found):
		return  # claimed, gone, or ignored by staff meanwhile
	there = door_of(bench)
	if finding.folder:
		entry = there.do("trash_folder", path=finding.folder.path, mark=finding.mark)
	elif finding.kind == DATABASE and finding.subject.startswith(SET_ASIDE):
		entry = there.do("drop_set_aside", name=finding.subject)
	elif finding.kind == DATABASE:
		entry = there.do("trash_database", name=finding.subject, mark=finding.mark)
	else:
		entry = there.do("drop_lone_user", name=finding.subject)
	_end(row, "Removed", action=_kept(entry), trash=entry and entry.name)
	frappe.db.commit()


def _kept(entry: Entry | None) -> str:
	if not entry:
		return "Nothing of it was worth keeping."
	return f"It lies in the bench's trash for {bench_trash.days()} days. Press Put Back, or `saas put-back {entry.name}`."
