"""What becomes of alerts, look by look: pure rules."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.monitoring.alert_rules import (
	ACKNOWLEDGED,
	CLOSED,
	ESCALATED,
	FLAPPING,
	IS_CLOSED,
	OPEN,
	OPENED,
	REPEATED,
	SAME,
	SUSPECTED,
	WORSE,
	Alert,
	Patience,
	step,
)
from buildpro_saas.monitoring.checks.check import CRITICAL, INFO, WARNING, Finding

BEGIN = datetime(2026, 11, 27, 12)
MINUTE = timedelta(minutes=1)
DOWN = Finding(
	"site.down", "Tenant", "acme", "acme.example.com does not answer.", severity=CRITICAL, tenant="acme"
)
MARIADB = Finding(
	"mariadb.down", "Service", "MariaDB of b1", "It does not answer.", severity=CRITICAL, bench="b1"
)


class Looks:
	"""Looks in a row, a minute apart, and the alerts after each."""

	def __init__(self, looks: int = 2, patience: Patience | None = None):
		self.alerts: list[Alert] = []
		self.now, self.looks, self.patience = BEGIN, looks, patience or Patience(None, None)

	def look(self, *findings: Finding, excused: Iterable[str] = (), after: timedelta = MINUTE) -> list[Alert]:
		self.now += after
		known = [
			alert for alert in self.alerts if alert.status != CLOSED or alert.closed_at > self.now - SAME
		]
		for number, alert in enumerate(known):
			alert.name = alert.name or f"A{number}"
		self.alerts = step(
			known,
			list(findings),
			looks=lambda _check: self.looks,
			is_excused=lambda finding: finding.subject in excused,
			now=self.now,
			patience=self.patience,
		)
		return self.alerts

	def states(self) -> dict[str, str]:
		return {alert.finding.subject: alert.status for alert in self.alerts}


def test_an_alert_opens_after_so_many_looks_in_a_row_and_closes_by_itself():
	looks = Looks(looks=3)
	statuses = []
	for findings in ([DOWN], [DOWN], [], [DOWN], [DOWN], [DOWN], [DOWN], [], []):
		looks.look(*findings)
		statuses.append(looks.states().get("acme", ""))
	assert statuses == [
		*(SUSPECTED, SUSPECTED, "", SUSPECTED, SUSPECTED, OPEN, OPEN, OPEN, CLOSED),
	]
	(alert,) = looks.alerts
	assert (alert.event, alert.event_number, alert.times, alert.closed_at) == (IS_CLOSED, 2, 2, looks.now)


def test_what_is_found_once_in_between_does_not_keep_it_from_being_one_alert():
	looks = Looks()
	for findings in ([DOWN], [DOWN], [], [DOWN], [DOWN]):
		looks.look(*findings)
	(alert,) = looks.alerts
	assert (alert.status, alert.event_number, alert.opened) == (OPEN, 1, 1)


def test_a_hundred_sites_behind_one_mariadb_are_one_alert():
	looks = Looks()
	behind = [replace(DOWN, subject=f"t{number}", cause=MARIADB.identity) for number in range(100)]
	looks.look(MARIADB, *behind)
	(alert,) = looks.look(MARIADB, *behind)
	assert (alert.finding, alert.status, len(alert.behind)) == (MARIADB, OPEN, 100)
	# it comes back, and some sites do not
	for _look in range(2):
		looks.look(*behind[:2])
	assert looks.states() == {"MariaDB of b1": CLOSED, "t0": OPEN, "t1": OPEN}


def test_what_was_there_before_its_cause_hangs_on_it_and_is_told_no_more():
	looks = Looks(patience=Patience(repeat=timedelta(minutes=2)))
	for _look in range(2):
		looks.look(DOWN)
	caused = replace(DOWN, cause=MARIADB.identity)
	for _look in range(5):
		looks.look(MARIADB, caused)
	site = next(alert for alert in looks.alerts if alert.finding.subject == "acme")
	assert (site.status, site.cause, site.event_number) == (OPEN, MARIADB.identity, 1)
	looks.look(DOWN)
	assert not next(alert for alert in looks.alerts if alert.finding.subject == "acme").cause


def test_causes_of_causes_and_circles():
	middle = replace(DOWN, subject="middle", cause=MARIADB.identity)
	last = replace(DOWN, subject="last", cause=middle.identity)
	looks = Looks(looks=1)
	(alert,) = looks.look(MARIADB, middle, last)
	assert sorted(alert.behind) == ["last", "middle"]
	one, other = replace(DOWN, subject="one"), replace(DOWN, subject="other")
	one, other = replace(one, cause=other.identity), replace(other, cause=one.identity)
	told = Looks(looks=1).look(one, other)
	assert told and all(alert.status == OPEN for alert in told)  # whichever: nobody is left out of sight


def test_nothing_follows_from_what_is_excused_found_or_not():
	looks = Looks()
	for _look in range(3):
		assert looks.look(DOWN, excused=["acme"]) == []
	for _look in range(2):
		looks.look(DOWN)
	for findings in ([], [], [], [DOWN]):
		(alert,) = looks.look(*findings, excused=["acme"])
		assert (alert.status, alert.event_number) == (OPEN, 1)
	for _look in range(2):
		looks.look()
	assert looks.states() == {"acme": CLOSED}


def test_worse_is_told_again_even_where_it_was_acknowledged():
	looks = Looks(looks=1)
	(alert,) = looks.look(replace(DOWN, severity=WARNING))
	alert.status = ACKNOWLEDGED
	(alert,) = looks.look(replace(DOWN, severity=INFO))
	assert (alert.status, alert.event) == (ACKNOWLEDGED, OPENED)
	(alert,) = looks.look(DOWN)
	assert (alert.status, alert.event, alert.event_number) == (OPEN, WORSE, 2)


def test_a_critical_one_that_nobody_acknowledges_is_escalated_once_and_repeated():
	patience = Patience(repeat=timedelta(minutes=10), escalate=timedelta(minutes=5))
	looks, events = Looks(looks=1, patience=patience), []
	for _look in range(30):
		(alert,) = looks.look(DOWN)
		events.append((alert.event, alert.event_number))
	assert list(dict.fromkeys(events)) == [(OPENED, 1), (ESCALATED, 2), (REPEATED, 3), (REPEATED, 4)]
	alert.status = ACKNOWLEDGED
	for _look in range(30):
		(alert,) = looks.look(DOWN)
	assert alert.event_number == 4


def test_nobody_is_reminded_while_it_is_silenced():
	looks = Looks(looks=1, patience=Patience(timedelta(minutes=2), timedelta(minutes=2)))
	(alert,) = looks.look(DOWN)
	alert.silenced_until = looks.now + timedelta(minutes=10)
	for _look in range(9):
		(alert,) = looks.look(DOWN)
	assert alert.event_number == 1
	for _look in range(2):
		(alert,) = looks.look(DOWN)
	assert alert.event == ESCALATED


def test_what_comes_and_goes_is_said_to_flap_and_closes_once_it_is_quiet():
	looks, events = Looks(looks=1), []
	for _time in range(6):
		for findings in ([DOWN], [], []):
			(alert,) = looks.look(*findings)
			events.append(alert.event)
	assert alert.is_flapping and alert.status == OPEN
	assert list(dict.fromkeys(events)) == [OPENED, IS_CLOSED, FLAPPING]
	assert events.count(FLAPPING) == 18 - events.index(FLAPPING)  # told once, and no end in between
	looks.look(after=timedelta(minutes=40))
	assert looks.states() == {"acme": CLOSED} and not alert.is_flapping


def test_what_comes_back_after_an_hour_is_another_alert():
	looks = Looks(looks=1)
	for findings in ([DOWN], [], []):
		looks.look(*findings)
	looks.look(DOWN, after=timedelta(hours=2))
	(alert,) = looks.alerts
	assert (alert.opened, alert.status, alert.name) == (1, OPEN, "")


def test_what_is_over_stays_on_record_when_its_cause_brings_it_back():
	looks = Looks(looks=1)
	for findings in ([DOWN], [], []):
		looks.look(*findings)
	looks.look(MARIADB, replace(DOWN, cause=MARIADB.identity))
	assert looks.states() == {"acme": CLOSED, "MariaDB of b1": OPEN}


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=60))
def test_no_look_is_ever_told_that_did_not_change_anything(seen):
	"""Whatever comes: one alert for one finding, its events are counted up, and none stands that was never found."""
	looks, before = Looks(), 0
	for is_down, is_mariadb_down, is_excused in seen:
		caused = replace(DOWN, cause=MARIADB.identity)
		findings = [caused] * is_down + [MARIADB] * is_mariadb_down
		looks.look(*findings, excused=["acme"] if is_excused else ())
		identities = [alert.finding.identity for alert in looks.alerts]
		assert len(set(identities)) == len(identities)
		for alert in looks.alerts:
			assert alert.event_number or alert.status == SUSPECTED
			assert alert.is_on == (alert.opened_at is not None and alert.closed_at is None)
		now = sum(alert.event_number for alert in looks.alerts)
		assert now - before <= 2
		before = now
