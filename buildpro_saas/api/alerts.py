"""Alerts over HTTP: what stands, and taking it on or silencing it. For SaaS Manager and SaaS Support."""

import frappe

from buildpro_saas import given
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.monitoring import alert_records


@frappe.whitelist(methods=["GET"])
@arguments.checked
def report(with_closed: int | str = 0) -> list[dict]:
	"""Alerts that stand, the worst first: [{"name", "status", "severity", "check_key", "subject", "tenant", "bench", "sentence", "advice", …}].

	with_closed: 1 for those that are closed, too.
	"""
	staff.only_for_staff()
	return alert_records.overview(with_closed=bool(given.count(with_closed, "with_closed", 1)))


@frappe.whitelist(methods=["POST"])
@arguments.checked
def acknowledge(alert: str) -> dict:
	"""Say that somebody has taken it on: {"status"}. Raises frappe.ValidationError for one that is not open."""
	staff.only_for_staff()
	alert_records.acknowledge(alert, frappe.session.user)
	return {"status": alert_records.ACKNOWLEDGED}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def silence(alert: str, reason: str, hours: int | str = 4) -> dict:
	"""Tell nobody of it for so many hours (0 ends a silence): {"silenced_until"}. Raises frappe.ValidationError without a reason."""
	staff.only_for_staff()
	hours = given.count(hours, "hours", alert_records.LONGEST_SILENCE)
	return {"silenced_until": str(alert_records.silence(alert, reason, hours, frappe.session.user))}
