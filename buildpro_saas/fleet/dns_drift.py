"""Where the DNS differs from the records, as Drift Findings: what is told of it, and what is mended by itself."""

import frappe

from buildpro_saas.agent.errors import AgentError, NotOursError, is_transient, seconds_asked
from buildpro_saas.domains import record_marks, records, zone_drift
from buildpro_saas.domains.zone_drift import Departure
from buildpro_saas.fleet import drift_advice as advice
from buildpro_saas.fleet.drift_facts import DNS_RECORD, DNS_ZONE, Finding

DOCTYPE = "Drift Finding"
LONGEST_SUBJECT = 300
REST = "buildpro_dns_rests:{}"  # in Redis while a provider wants to be left alone
ADVICE = {
	record_marks.MISSING: advice.MADE_AGAIN,
	record_marks.CHANGED: advice.CHANGED_RECORD,
	record_marks.FOREIGN: advice.FOREIGN_RECORD,
	record_marks.LEFT_OVER: advice.RECORD_GOES,
	zone_drift.SHADOWED: advice.SHADOWED_NAME,
	zone_drift.UNKNOWN: advice.UNKNOWN_RECORD,
	zone_drift.SPARE_WILDCARD: advice.SPARE_WILDCARD,
	zone_drift.TAKEN: advice.TAKEN_NAME,
}
OURS = (
	record_marks.MISSING,
	record_marks.CHANGED,
	record_marks.LEFT_OVER,
	zone_drift.UNKNOWN,
	zone_drift.SPARE_WILDCARD,
)
# What is told of a finding that was mended, by its status from then on.
MENDED = {
	"Resolved": "It was made again.",
	"Removed": "It was taken away at the DNS provider, with its mark.",
}


def findings(bench: str) -> list[Finding]:
	"""The differences between the zones of the Bench's own names and the records.

	Where a zone cannot be read now, nothing is known anew: what was found before is still reported. So a DNS provider that is away closes nothing.
	"""
	if not records.is_managed(bench):
		return []
	if frappe.cache().get_value(REST.format(bench), expires=True):
		return _as_before(bench)
	try:
		return [_finding(each) for each in zone_drift.departures(bench)]
	except Exception as error:
		if not isinstance(error, AgentError) and not is_transient(error):
			raise
		frappe.db.rollback()
		if seconds := int(seconds_asked(error)):
			frappe.cache().set_value(REST.format(bench), True, expires_in_sec=seconds)
		unread = [] if is_transient(error) else [_unread(bench, error)]
		return [*_as_before(bench), *unread]


def _finding(each: Departure) -> Finding:
	subject = " ".join(filter(None, (each.name, each.kind, each.value)))[:LONGEST_SUBJECT]
	is_mended = each.is_safe or each.key != record_marks.MISSING
	action = ADVICE[each.key] if is_mended else advice.IN_THE_WAY
	return Finding(DNS_RECORD, subject, each.sentence, action, is_ours=each.key in OURS, departure=each)


def _unread(bench: str, error: AgentError) -> Finding:
	return Finding(
		DNS_ZONE,
		bench,
		f"The DNS could not be compared: {error}",
		error.hint or advice.ZONE_UNREAD,
		is_ours=False,
	)


def _as_before(bench: str) -> list[Finding]:
	of = {"bench": bench, "kind": DNS_RECORD, "status": ("in", ("Open", "Ignored"))}
	rows = frappe.get_all(DOCTYPE, of, ["kind", "subject", "what", "action", "is_ours"])
	return [Finding(row.kind, row.subject, row.what, row.action, bool(row.is_ours)) for row in rows]


def mend(bench: str, finding: Finding, is_old: bool) -> str:
	"""Mend what is safe to mend; returns the finding's new status, "" where it is left. is_old: whether it was seen for an hour.

	What is missing is made again at once. What nothing needs goes after that hour.
	"""
	each = finding.departure
	if not each.is_safe or not (each.row or is_old):
		return ""
	try:
		zone_drift.mend(bench, each)
	except NotOursError:  # somebody has put his own there meanwhile: the next look tells
		frappe.db.rollback()
		return ""
	return "Resolved" if each.row else "Removed"
