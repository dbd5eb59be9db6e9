"""What becomes of alerts as findings come and go: opened, repeated, worse, escalated, closed, flapping. Plain data in and out.

One finding is one alert. What another finding brings about opens none: it is counted with that one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from buildpro_saas.monitoring.checks.check import CRITICAL, ORDER, Finding

SUSPECTED, OPEN, ACKNOWLEDGED, CLOSED = "Suspected", "Open", "Acknowledged", "Closed"
OPENED, REPEATED, WORSE, ESCALATED, FLAPPING, IS_CLOSED = (
	*("Opened", "Repeated", "Worse", "Escalated", "Flapping", "Closed"),
)
MISSES = 2  # looks in a row without it before it is over
# It came back within that time: the same alert, opened again. So often, it is said to be flapping, and is over once it is quiet for long.
SAME = timedelta(hours=1)
FLAPS = 3
QUIET = timedelta(minutes=30)


@dataclass
class Alert:
	"""One alert, as its record has it. name: "" for one that has no record yet. looks, misses: in a row. event: the newest that is to be
	told, with its number. opened: how often it was opened, without an hour in between."""

	finding: Finding
	name: str = ""
	status: str = SUSPECTED
	looks: int = 0
	misses: int = 0
	times: int = 0
	opened: int = 0
	opened_at: datetime | None = None
	last_found_at: datetime | None = None
	closed_at: datetime | None = None
	escalated_at: datetime | None = None
	repeated_at: datetime | None = None
	silenced_until: datetime | None = None
	is_flapping: bool = False
	cause: str = ""
	behind: list[str] = field(default_factory=list)
	event: str = ""
	event_number: int = 0

	@property
	def is_on(self) -> bool:
		"""Whether it stands: found and not over."""
		return self.status in (OPEN, ACKNOWLEDGED)

	def tell(self, event: str) -> None:
		"""Note that this is to be told."""
		self.event, self.event_number = event, self.event_number + 1


@dataclass(frozen=True)
class Patience:
	"""repeat: after so long an alert that nobody has acknowledged is told again; escalate: a critical one, to others, once. None: never."""

	repeat: timedelta | None = timedelta(hours=4)
	escalate: timedelta | None = timedelta(minutes=30)


def step(
	known: list[Alert],
	findings: list[Finding],
	*,
	looks: Callable[[str], int],
	is_excused: Callable[[Finding], bool],
	now: datetime,
	patience: Patience,
) -> list[Alert]:
	"""All alerts after one look; those that were only suspected and are found no more are left out.

	known: those that are not closed, and those closed within SAME. looks: by a finding's check, how often in a row it is found before it is
	opened. is_excused: whether nothing follows from this finding, found or not.
	"""
	by_identity = {alert.finding.identity: alert for alert in known}
	counted = {each.identity: each for each in findings if not is_excused(each)}
	roots = {identity: _root(identity, counted) for identity in counted}
	behind: dict[str, list[str]] = {}
	for identity, root in roots.items():
		if root != identity:
			behind.setdefault(root, []).append(counted[identity].subject)
	left = []
	for identity, finding in counted.items():
		alert = by_identity.pop(identity, None) or Alert(finding)
		if roots[identity] != identity:
			if alert.is_on:
				_hang_on(alert, finding, roots[identity], now)
			left += [alert] if alert.status != SUSPECTED else []
			continue
		alert.behind = behind.get(identity, [])
		_found(alert, finding, looks(alert.finding.check), now)
		_remind(alert, now, patience)
		left.append(alert)
	for alert in by_identity.values():
		if is_excused(alert.finding):
			left.append(alert)
		elif _missed(alert, now):
			left.append(alert)
	return left


def _root(identity: str, counted: dict[str, Finding]) -> str:
	"""The last cause of a finding that is found, too; the finding itself where it has none, or where causes go round in a circle."""
	seen = [identity]
	while (cause := counted[seen[-1]].cause) in counted:
		if cause in seen:
			return identity
		seen.append(cause)
	return seen[-1]


def _hang_on(alert: Alert, finding: Finding, root: str, now: datetime) -> None:
	"""It was there before its cause was: it stands, and is told no more."""
	alert.finding, alert.cause, alert.last_found_at, alert.misses = finding, root, now, 0


def _found(alert: Alert, finding: Finding, looks: int, now: datetime) -> None:
	is_worse = ORDER.index(finding.severity) > ORDER.index(alert.finding.severity)
	alert.finding, alert.last_found_at, alert.cause, alert.misses = finding, now, "", 0
	alert.looks += 1
	if alert.is_on:
		alert.times += 1
		if is_worse:
			alert.status = OPEN
			alert.tell(WORSE)
	elif alert.looks >= looks:
		_open(alert, now)


def _open(alert: Alert, now: datetime) -> None:
	alert.status, alert.opened_at, alert.closed_at = OPEN, now, None
	alert.times, alert.opened = alert.times + 1, alert.opened + 1
	alert.repeated_at, alert.escalated_at = now, None
	if alert.is_flapping:
		return  # told already
	if alert.opened >= FLAPS:
		alert.is_flapping = True
	alert.tell(FLAPPING if alert.is_flapping else OPENED)


def _remind(alert: Alert, now: datetime, patience: Patience) -> None:
	if alert.status != OPEN or (alert.silenced_until and now < alert.silenced_until):
		return
	since_open = now - alert.opened_at
	if (
		patience.escalate
		and alert.finding.severity == CRITICAL
		and not alert.escalated_at
		and since_open >= patience.escalate
	):
		alert.escalated_at = alert.repeated_at = now
		alert.tell(ESCALATED)
	elif patience.repeat and now - (alert.repeated_at or alert.opened_at) >= patience.repeat:
		alert.repeated_at = now
		alert.tell(REPEATED)


def _missed(alert: Alert, now: datetime) -> bool:
	"""It was looked for and not found. Returns whether the alert is still needed."""
	alert.looks = 0
	if alert.status == SUSPECTED:
		return False
	if not alert.is_on:
		return True
	alert.misses += 1
	is_quiet = not alert.is_flapping or now - (alert.last_found_at or now) >= QUIET
	if alert.misses >= MISSES and is_quiet:
		alert.status, alert.closed_at, alert.cause, alert.behind = CLOSED, now, "", []
		alert.is_flapping = False
		alert.tell(IS_CLOSED)
	return True
