"""Alerts as the doctype Monitoring Alert has them: read, written, acknowledged, silenced, pruned."""

import json
from datetime import datetime, timedelta

import frappe
from frappe import _
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas.monitoring.alert_rules import ACKNOWLEDGED, CLOSED, OPEN, SAME, SUSPECTED, Alert
from buildpro_saas.monitoring.checks.check import ORDER, Finding
from buildpro_saas.refusal import refuse

DOCTYPE = "Monitoring Alert"
LONGEST_SILENCE = 24 * 90  # hours
TOLD_FOR = timedelta(days=1)  # so long after its end somebody is still told of it
LEAST_DAYS = 2
AT_ONCE = 500
OF_FINDING = ("subject_kind", "subject", "sentence", "advice", "severity", "bench", "tenant")
OF_ALERT = (
	*("status", "looks", "misses", "times", "opened", "opened_at", "last_found_at", "closed_at"),
	*("escalated_at", "repeated_at", "is_flapping", "event", "event_number"),
)
SHOWN = (
	*("name", "status", "severity", "check_key", "subject_kind", "subject", "tenant", "bench", "sentence"),
	*("advice", "behind", "is_flapping", "opened_at", "last_found_at", "closed_at", "times"),
	*("acknowledged_by", "silenced_until", "silence_reason", "cause"),
)


def known(now: datetime) -> list[Alert]:
	"""Those that stand, and those closed so lately that they would be the same alert again."""
	return [_alert(row) for row in _rows(now - SAME)]


def telling(now: datetime, since: datetime | None = None) -> list[tuple[Alert, dict[str, int]]]:
	"""Those of which somebody may have to be told, the worst first; each with {way of telling: the number of the event that it was told last}.

	since: with those that were closed since then; left out, within a day.
	"""
	rows = _rows(since or now - TOLD_FOR)
	found = [(_alert(row), json.loads(row.told or "{}")) for row in rows]
	opened = [each for each in found if each[0].status != SUSPECTED]
	return sorted(opened, key=lambda each: (-ORDER.index(each[0].finding.severity), each[0].name))


def _rows(closed_since: datetime) -> list:
	"""All that is on record of alerts that are not closed, or were after that moment. They are held until the caller commits.

	Read as they are now, since staff may just have acknowledged one.
	"""
	return frappe.db.sql(
		f"select * from `tab{DOCTYPE}` where status != %s or closed_at > %s order by name for update",
		(CLOSED, closed_since),
		as_dict=True,
	)


def _alert(row) -> Alert:
	finding = Finding(row.check_key, **{field: row[field] or "" for field in OF_FINDING})
	values = {field: row[field] for field in OF_ALERT}
	values |= {"is_flapping": bool(row.is_flapping), "event": row.event or ""}
	values |= {"behind": (row.behind or "").split("\n") if row.behind else [], "cause": row.cause or ""}
	return Alert(finding, row.name, silenced_until=row.silenced_until, **values)


def keep(before: list[Alert], after: list[Alert]) -> None:
	"""Write what a look has changed: new alerts, those that go on, and the end of suspicions. The caller commits."""
	gone = {alert.name for alert in before} - {alert.name for alert in after}
	if gone:
		frappe.db.delete(DOCTYPE, {"name": ("in", sorted(gone))})
	for alert in after:
		if not alert.name:
			alert.name = _insert(alert)
	names = {alert.finding.identity: alert.name for alert in after}
	for alert in after:
		# a cause may stand under its name since it was read, or under its identity since this look
		values = {**_values(alert), "cause": names.get(alert.cause, alert.cause) or None}
		frappe.db.set_value(DOCTYPE, alert.name, values, update_modified=False)


def _insert(alert: Alert) -> str:
	doc = frappe.get_doc({"doctype": DOCTYPE, "identity": alert.finding.identity, **_values(alert)})
	return doc.insert(ignore_permissions=True, ignore_links=True).name


def _values(alert: Alert) -> dict:
	found = alert.finding
	values = {field: getattr(found, field) for field in OF_FINDING} | {"check_key": found.check}
	values |= {"bench": found.bench or None, "tenant": found.tenant or None}
	values |= {field: getattr(alert, field) for field in OF_ALERT} | {"is_flapping": int(alert.is_flapping)}
	return {**values, "subject": found.subject[:255], "behind": "\n".join(alert.behind)}


def set_told(name: str, told: dict[str, int]) -> None:
	"""Note which event each way of telling was given last. The caller commits."""
	frappe.db.set_value(DOCTYPE, name, "told", json.dumps(told), update_modified=False)


# -- what staff ask for ----------------------------------------------------------------------------------------------


def overview(*, with_closed: bool = False, limit: int = 200) -> list[dict]:
	"""Alerts that stand, the worst first; with those of the last days that are closed, after them."""
	statuses = (OPEN, ACKNOWLEDGED, CLOSED) if with_closed else (OPEN, ACKNOWLEDGED)
	rows = frappe.get_all(
		DOCTYPE, {"status": ("in", statuses)}, list(SHOWN), order_by="opened_at desc, name desc", limit=limit
	)
	return sorted(rows, key=lambda row: (row.status == CLOSED, bool(row.cause), -ORDER.index(row.severity)))


def acknowledge(name: str, by: str) -> None:
	"""Note that somebody has taken it on. Raises frappe.ValidationError for one that is not open."""
	row = _held(name)
	if row.status != OPEN:
		refuse(_("{0} is {1}: only an open alert can be acknowledged."), name, _(row.status))
	_change(name, status=ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=now_datetime())


def silence(name: str, reason: str, hours: int, by: str) -> datetime:
	"""Have nobody told of it for so many hours; 0 ends a silence. Returns until when. Raises frappe.ValidationError without a reason."""
	row = _held(name)
	if row.status not in (OPEN, ACKNOWLEDGED):
		refuse(_("{0} is {1}: there is nothing to silence."), name, _(row.status))
	if not (reason or "").strip():
		refuse(_("Say why it is silenced: others will ask."), title=_("Reason"))
	until = get_datetime(add_to_date(now_datetime(), hours=hours))
	_change(name, silenced_until=until, silence_reason=reason.strip()[:300], silenced_by=by)
	return until


def _held(name: str):
	"""The alert's row, held until the caller commits. Raises frappe.DoesNotExistError where there is none."""
	row = frappe.db.get_value(DOCTYPE, name, ["status"], as_dict=True, for_update=True)
	if not row:
		refuse(_("There is no alert {0}: see `saas alerts`."), name, error=frappe.DoesNotExistError)
	return row


def _change(name: str, **values) -> None:
	"""Change the alert as its timeline shows it."""
	doc = frappe.get_doc(DOCTYPE, name)
	doc.update(values)
	doc.save(ignore_permissions=True)


def prune(days: int) -> int:
	"""Delete the alerts that were closed more than `days` ago (at least LEAST_DAYS); returns how many. Commits as it goes."""
	before = add_to_date(now_datetime(), days=-max(days, LEAST_DAYS))
	old = frappe.get_all(DOCTYPE, {"status": CLOSED, "closed_at": ("<", before)}, pluck="name")
	for first in range(0, len(old), AT_ONCE):
		frappe.db.delete(DOCTYPE, {"name": ("in", old[first : first + AT_ONCE])})
		frappe.db.commit()
	return len(old)
