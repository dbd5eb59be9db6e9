"""An authority's limits, kept by counting what was asked of it before: plain data in and out.

Times are seconds since the epoch. What was asked comes from the agent (operation acme_history).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from buildpro_saas.agent.certificate_facts import DAY, Asked

HOUR = 3600.0
# Second labels under which registries of countries sell names: erp.example.co.uk is of example.co.uk.
SHARED_LABELS = frozenset("ac co com edu gob gov gv ltd ne net nom or org plc sch".split())


@dataclass(frozen=True)
class Limit:
	"""So many within so many seconds."""

	count: int
	seconds: float


@dataclass(frozen=True)
class Limits:
	"""What an authority takes. As they are, Let's Encrypt's of 2026; a share is left for what is done beside this app."""

	orders: Limit = Limit(270, 3 * HOUR)  # of 300, of an account
	of_domain: Limit = Limit(45, 7 * DAY)  # of 50 certificates, of a registered domain
	duplicates: Limit = Limit(4, 7 * DAY)  # of 5, of exactly the same names
	failures: Limit = Limit(4, HOUR)  # of 5 failed proofs, of a host


@dataclass(frozen=True)
class Due:
	"""A certificate that is due. is_told: its order tells the authority which certificate it renews (ARI), so that no limit counts."""

	certificate: str
	names: list[str]
	is_renewal: bool = False
	is_told: bool = False


@dataclass
class Plan:
	"""Which of those that are due are ordered now, and when each of the others may be."""

	now: list[Due] = field(default_factory=list)
	later: dict[str, float] = field(default_factory=dict)


def registered_domain(host: str) -> str:
	"""The domain that a registry sold, told by its labels alone: the public suffix list is not asked.

	Where that takes several domains for one, the limit is only kept too well.
	"""
	labels = host.removeprefix("*.").rstrip(".").lower().split(".")
	is_shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SHARED_LABELS
	return ".".join(labels[-3 if is_shared else -2 :])


class Tally:
	"""What was asked of an authority, counted by what its limits count. domain_of: host name → registered domain."""

	def __init__(
		self,
		asked: Iterable[Asked],
		limits: Limits | None = None,
		domain_of: Callable[[str], str] = registered_domain,
	):
		self.limits = limits or Limits()
		self._domain_of = domain_of
		self._orders: list[float] = []
		self._same: defaultdict[tuple, list[float]] = defaultdict(list)
		self._of_domain: defaultdict[str, list[float]] = defaultdict(list)
		self._failed: defaultdict[str, list[float]] = defaultdict(list)
		for each in asked:
			self.add(each)

	def add(self, asked: Asked) -> None:
		"""Count it. Orders that tell what they renew are not counted by authorities; what was issued was counted as it was ordered."""
		if asked.what == "failed":
			for host in asked.names:
				self._failed[host].append(asked.at)
		elif asked.what == "order" and not asked.is_told:
			self._orders.append(asked.at)
			self._same[_set_of(asked.names)].append(asked.at)
			for domain in set(map(self._domain_of, asked.names)):
				self._of_domain[domain].append(asked.at)

	def allowed_from(self, due: Due, now: float) -> float:
		"""When the authority takes an order for it by its limits: `now`, or a later time."""
		limits = self.limits
		waits = [
			_free_from(self._failed.get(name.removeprefix("*."), []), limits.failures, now)
			for name in due.names
		]
		if not due.is_told:
			waits.append(_free_from(self._orders, limits.orders, now))
			waits.append(_free_from(self._same.get(_set_of(due.names), []), limits.duplicates, now))
		if not (due.is_told or due.is_renewal):
			for domain in set(map(self._domain_of, due.names)):
				waits.append(_free_from(self._of_domain.get(domain, []), limits.of_domain, now))
		return max(waits, default=now)


def is_limited(due: Due, asked: Iterable[Asked], now: float, limits: Limits | None = None) -> bool:
	"""Whether an order for it would break a limit now."""
	return Tally(asked, limits).allowed_from(due, now) > now


def planned(
	due: list[Due], asked: Iterable[Asked], now: float, limits: Limits | None = None, at_once: int = 50
) -> Plan:
	"""Who of those that are due is ordered now. due: the most urgent first. at_once: the most that one run orders.

	Those that are ordered now count for those behind them. A certificate that must wait keeps none behind it back.
	"""
	plan, tally = Plan(), Tally(asked, limits)
	for each in due:
		allowed = tally.allowed_from(each, now)
		if allowed > now or len(plan.now) >= at_once:
			plan.later[each.certificate] = allowed
			continue
		plan.now.append(each)
		tally.add(Asked(now, "order", each.certificate, each.names, each.is_told))
	return plan


def _set_of(names: list[str]) -> tuple:
	return tuple(sorted(set(names)))


def _free_from(times: list[float], limit: Limit, now: float) -> float:
	"""From when on fewer than the limit were within its time. A time that lies ahead was noted by a clock that ran ahead."""
	counted = sorted(min(each, now) for each in times if each > now - limit.seconds)
	excess = len(counted) - limit.count
	return now if excess < 0 else counted[excess] + limit.seconds
