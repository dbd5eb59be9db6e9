"""Who is told of an alert and when, and in which words: pure rules."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.monitoring import messages
from buildpro_saas.monitoring.alert_rules import ACKNOWLEDGED, CLOSED, OPEN, Alert
from buildpro_saas.monitoring.checks.check import CRITICAL, INFO, WARNING, Finding
from buildpro_saas.monitoring.telling_rules import Route, hours, is_due

FRIDAY = datetime(2026, 11, 27)
NOON, NIGHT = FRIDAY.replace(hour=12), FRIDAY.replace(hour=23)
FOUND = Finding(
	"disk.room", "Bench", "b1: sites", "Little is left.", "Free some.", severity=WARNING, bench="b1"
)


def alert(**changes) -> Alert:
	severity = changes.pop("severity", WARNING)
	of = {"status": OPEN, "event": "Opened", "event_number": 1, "opened_at": NOON, "name": "ALERT-1"}
	return Alert(replace(FOUND, severity=severity), **{**of, **changes})


@pytest.mark.parametrize(
	("text", "inside", "outside"),
	[
		("Mon-Fri 08:00-18:00", NOON, NIGHT),
		("08:00-18:00", NOON, NIGHT),
		("Fri 22:00-06:00", NIGHT, NOON),
		("Fri 22:00-06:00", NIGHT + timedelta(hours=5), NIGHT - timedelta(hours=19)),
		("Sat-Mon 00:00-24:00", NOON + timedelta(days=2), NOON),
		("Mon 01:00-02:00, Fri 11:59-12:01", NOON, NIGHT),
	],
)
def test_hours(text, inside, outside):
	spans = hours(text)
	assert any(span.has(inside) for span in spans)
	assert not any(span.has(outside) for span in spans)


@pytest.mark.parametrize(
	"text",
	[
		"always",
		"Mon",
		"8-18",
		"Mon-Fri 8:00-18:00",
		"25:00-26:00",
		"24:30-01:00",
		"08:00-08:00",
		"Mo 08:00-18:00",
	],
)
def test_what_is_no_hours(text):
	with pytest.raises(ValueError):
		hours(text)


@given(st.text(max_size=40))
def test_any_text_is_hours_or_refused(text):
	try:
		assert isinstance(hours(text), list)
	except ValueError as error:
		assert error.args


def test_each_event_is_told_once():
	assert is_due(alert(), 0, Route(), NOON)
	assert not is_due(alert(), 1, Route(), NOON)
	assert is_due(alert(event="Repeated", event_number=2), 1, Route(), NOON)


def test_severity_and_hours():
	route = Route(WARNING, tuple(hours("Mon-Fri 08:00-18:00")))
	assert not is_due(alert(severity=INFO), 0, route, NOON)
	assert is_due(alert(), 0, route, NOON) and not is_due(alert(), 0, route, NIGHT)
	assert is_due(alert(severity=CRITICAL), 0, route, NIGHT)
	# what was over before anybody was told is told to nobody
	assert not is_due(alert(status=CLOSED, event="Closed", event_number=2), 0, route, NOON)
	assert is_due(alert(status=CLOSED, event="Closed", event_number=2), 1, route, NOON)


def test_what_is_silenced_acknowledged_or_behind_another_is_not_told():
	silenced = alert(silenced_until=NOON + timedelta(hours=1))
	assert not is_due(silenced, 0, Route(), NOON)
	assert is_due(silenced, 0, Route(), NOON + timedelta(hours=2))
	assert not is_due(alert(status=ACKNOWLEDGED), 0, Route(), NOON)
	assert not is_due(alert(cause="ALERT-2"), 0, Route(), NOON)


def test_the_words_of_a_message():
	one = messages.of_alerts([alert(behind=["acme", "beta"], is_flapping=True)], "admin.example.com")
	assert one.title == "[Warning] Little is left." and one.severity == WARNING
	assert (
		one.lines[0]
		== "Warning: Little is left. It comes and goes. With it, 2 are wrong: acme, beta. Free some. (ALERT-1)"
	)
	assert one.alerts[0]["event"] == "Opened" and one.alerts[0]["behind"] == 2
	many = messages.of_alerts([alert(severity=CRITICAL), *[alert()] * 40], "admin.example.com")
	assert many.title == "[Critical] Little is left. and 40 more" and many.severity == CRITICAL
	assert "And 21 more." in many.lines and len(many.alerts) == 41
	over = messages.of_alerts([alert(status=CLOSED, event="Closed")], "admin.example.com")
	assert over.title == "[Closed] Little is left." and "Free some" not in over.text


def test_the_digest_says_so_where_nothing_is_open():
	quiet = messages.digest([], [], NOON, "admin.example.com")
	assert (
		quiet.lines[0] == "Nothing is open." and quiet.title == "admin.example.com: 0 alerts open, 0 closed"
	)
	told = messages.digest([alert()], [alert(status=CLOSED)], NOON, "admin.example.com")
	assert "* Little is left." in told.text and "Warning: Little is left." in told.text
