"""Of what nothing is said for now: what our own jobs are at work on, and what was not looked at. Plain data in and out."""

from dataclasses import dataclass

from buildpro_saas.monitoring.checks import BROKEN, OF
from buildpro_saas.monitoring.checks.check import RECORDS, SECURITY, Check, missed

AFTER_START = 10 * 60  # seconds that a machine takes to have all of its services up again
WINDOW = 30 * 60  # seconds after the time of a restart in which the restart itself may be


@dataclass(frozen=True)
class Excuses:
	"""tenants, benches: name → why nothing is said of it now, as a sentence. blind: (part, bench) of what was not looked at. broken: checks' keys."""

	tenants: dict[str, str]
	benches: dict[str, str]
	blind: frozenset[tuple[str, str]]
	broken: frozenset[str] = frozenset()

	def why(self, key: str, bench: str, tenant: str) -> str:
		"""Why nothing follows from what this check finds, or does not find, of this tenant on this bench; "" where it counts.

		key: what the finding is called.
		"""
		check = OF.get(key)
		if key in self.broken:
			return "The check did not come to its end."
		if not check:
			return ""
		if check.needs != RECORDS and (check.needs, bench) in self.blind:
			return "It was not looked at."
		return self._standing_off(check, bench, tenant)

	def _standing_off(self, check: Check, bench: str, tenant: str) -> str:
		if not check.stands_off:
			return ""
		return self.tenants.get(tenant, "") or self.benches.get(bench, "")


def of(facts: dict, looked: list) -> Excuses:
	"""The excuses that follow from the facts, and from what came of the checks (checks.Looked)."""
	parts = {check.needs for check in OF.values()} - {RECORDS, SECURITY}
	blind = {
		(part, name) for name, bench in facts["benches"].items() for part in parts if missed(bench, part)
	}
	if facts["security"] is None:
		blind |= {(SECURITY, name) for name in facts["benches"]}
	broken = {
		key for each in looked for key in each.check.keys if any(one.check == BROKEN for one in each.findings)
	}
	return Excuses(
		{name: row["engaged"] for name, row in facts["tenants"].items() if row["engaged"]},
		{name: why for name, bench in facts["benches"].items() if (why := bench.get("quiet", ""))},
		frozenset(blind),
		frozenset(broken),
	)


def is_restarting(now: float, booted_at: float, windows: list[float]) -> bool:
	"""Whether the machine has just restarted in one of its windows. windows: the last time of each, seconds since the epoch."""
	return now - booted_at < AFTER_START and any(0 <= booted_at - window <= WINDOW for window in windows)
