"""All checks, and one look with all of them."""

from dataclasses import dataclass

import frappe

from buildpro_saas.monitoring.checks import bench, records, sites
from buildpro_saas.monitoring.checks.check import (
	RECORDS,
	SECURITY,
	SERVICE,
	WARNING,
	Check,
	Finding,
	missed,
	worst,
)

BROKEN = "check.broken"
ALL = (*bench.CHECKS, *sites.CHECKS, *records.CHECKS)
OF = {key: check for check in ALL for key in check.keys}


@dataclass(frozen=True)
class Looked:
	"""What came of a check: its findings; `unseen` says why nothing is known where that is so (it may be of some benches alone)."""

	check: Check
	findings: tuple[Finding, ...]
	unseen: str = ""

	@property
	def severity(self) -> str:
		"""The worst of its findings; "" for none."""
		return worst(finding.severity for finding in self.findings)


def look(facts: dict) -> list[Looked]:
	"""Every check on the facts. A check that ends with an error is told in a finding of its own, and keeps no other."""
	return [_look(check, facts) for check in ALL]


def _look(check: Check, facts: dict) -> Looked:
	if check.needs == SECURITY and facts["security"] is None:
		return Looked(check, (), "It was not looked at this time.")
	try:
		return Looked(check, tuple(check.look(facts)), _unseen(check, facts))
	except Exception as error:
		frappe.log_error(title=f"Check {check.key}")
		broken = Finding(
			*(BROKEN, SERVICE, check.title, f"The check {check.title!r} ended with an error: {error}"),
			"See the Error Log. Alerts of this check stay as they are.",
			severity=WARNING,
		)
		return Looked(check, (broken,), str(error) or type(error).__name__)


def _unseen(check: Check, facts: dict) -> str:
	if check.needs in (RECORDS, SECURITY):
		return ""
	told = [
		f"{name}: {why}"
		for name, of_bench in facts["benches"].items()
		if (why := missed(of_bench, check.needs))
	]
	return " ".join(told)
