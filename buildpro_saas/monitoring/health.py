"""How everything is now, check by check: the checks on fresh facts, without waiting for a second look. Nothing is kept, nobody is told."""

from dataclasses import asdict

from buildpro_saas.monitoring import checks, excuses, facts
from buildpro_saas.monitoring.checks.check import CRITICAL

FINE, FOUND, NOT_SEEN, EXCUSED = "Fine", "Found", "Not Seen", "Excused"


def now(*, with_security: bool = False) -> list[dict]:
	"""[{"check", "title", "state", "severity", "unseen", "findings"}] of each check. with_security: also of the benches, which takes seconds.

	findings: those of checks.Finding, each with "excused": why nothing follows from it ("" where it counts), and "behind": the identity of the
	finding that brings it about, where that is found, too.
	"""
	seen = facts.gather(with_security=with_security)
	looked = checks.look(seen)
	excused = excuses.of(seen, looked)
	identities = {finding.identity for each in looked for finding in each.findings}
	return [_row(each, excused, identities) for each in looked]


def _row(looked: checks.Looked, excused: excuses.Excuses, identities: set[str]) -> dict:
	findings = [
		{
			**asdict(each),
			"excused": excused.why(each.check, each.bench, each.tenant),
			"behind": each.cause if each.cause in identities else "",
		}
		for each in looked.findings
	]
	counting = [finding for finding in findings if not finding["excused"]]
	return {
		**{"check": looked.check.key, "title": looked.check.title},
		**{"state": _state(findings, counting, looked.unseen), "unseen": looked.unseen},
		"severity": checks.worst(finding["severity"] for finding in counting),
		"findings": findings,
	}


def _state(findings: list[dict], counting: list[dict], unseen: str) -> str:
	if counting:
		return FOUND
	if unseen:
		return NOT_SEEN
	return EXCUSED if findings else FINE


def exit_code(rows: list[dict]) -> int:
	"""0: nothing is wrong. 1: something is, or could not be seen. 2: something critical is wrong."""
	if any(row["severity"] == CRITICAL for row in rows):
		return 2
	is_unwell = any(row["severity"] in ("Warning",) or row["state"] == NOT_SEEN for row in rows)
	return 1 if is_unwell else 0
