"""What people are told of alerts, in words and as data. Plain data in and out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from buildpro_saas.monitoring.alert_rules import CLOSED, Alert
from buildpro_saas.monitoring.checks.check import worst

AT_ONCE, NAMED = 20, 5  # alerts that one message tells whole; of what hangs on one, so many are named


@dataclass(frozen=True)
class Message:
	"""What is told in one go. lines: the text, a paragraph each. alerts: the same for a program."""

	title: str
	lines: tuple[str, ...]
	severity: str
	alerts: tuple[dict, ...] = ()

	@property
	def text(self) -> str:
		"""The text as a whole."""
		return "\n\n".join(self.lines)


def of_alerts(alerts: Sequence[Alert], site: str) -> Message:
	"""One message of alerts of which each has something new. site: the admin site's name."""
	first = alerts[0]
	more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
	title = f"[{_head(first)}] {_short(first.finding.sentence)}{more}"
	left = len(alerts) - AT_ONCE
	lines = [_paragraph(alert) for alert in alerts[:AT_ONCE]]
	lines += [f"And {left} more."] if left > 0 else []
	lines.append(f"See Alert on {site}, or `saas alerts`.")
	severity = worst(alert.finding.severity for alert in alerts)
	return Message(title, tuple(lines), severity, tuple(as_plain(alert) for alert in alerts))


def digest(shown: Sequence[Alert], closed: Sequence[Alert], since: datetime, site: str) -> Message:
	"""What stands, and what was closed since then."""
	lines = [_paragraph(alert) for alert in shown] or ["Nothing is open."]
	if closed:
		told = "\n".join(f"* {alert.finding.sentence}" for alert in closed)
		lines.append(f"Closed since {since:%Y-%m-%d %H:%M}:\n{told}")
	lines.append(f"See Alert on {site}, or `saas health`.")
	title = f"{site}: {len(shown)} alerts open, {len(closed)} closed"
	severity = worst(alert.finding.severity for alert in shown) or "Info"
	return Message(title, tuple(lines), severity, tuple(as_plain(alert) for alert in shown))


def as_plain(alert: Alert) -> dict:
	"""An alert for a program. event: Opened, Repeated, Worse, Escalated, Flapping or Closed. Times are the admin site's."""
	found = alert.finding
	return {
		**{"alert": alert.name, "event": alert.event, "status": alert.status, "severity": found.severity},
		**{"check": found.check, "subject_kind": found.subject_kind, "subject": found.subject},
		**{"tenant": found.tenant, "bench": found.bench},
		**{"sentence": found.sentence, "advice": found.advice, "behind": len(alert.behind)},
		"opened_at": str(alert.opened_at or ""),
		"closed_at": str(alert.closed_at or ""),
	}


def _head(alert: Alert) -> str:
	return "Closed" if alert.status == CLOSED else alert.finding.severity


def _paragraph(alert: Alert) -> str:
	words = [f"{_head(alert)}: {alert.finding.sentence}"]
	if alert.is_flapping:
		words.append("It comes and goes.")
	if alert.behind:
		others = ", ".join(alert.behind[:NAMED]) + (" …" if len(alert.behind) > NAMED else "")
		words.append(f"With it, {len(alert.behind)} are wrong: {others}.")
	if alert.status != CLOSED and alert.finding.advice:
		words.append(alert.finding.advice)
	return f"{' '.join(words)} ({alert.name})"


def _short(sentence: str) -> str:
	return sentence if len(sentence) <= 110 else f"{sentence[:109]}…"
