"""When a name that waits is looked at again, and what a look says."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.domains import looks, records


def test_the_pauses_grow_and_do_not_end():
	pauses = [looks.pause_after(number) for number in range(1, 40)]
	assert pauses == sorted(pauses)
	assert pauses[0] == looks.MINUTE and pauses[-1] == looks.LONGEST_WAIT


def test_a_dns_that_does_not_answer_says_nothing_about_the_name():
	unknown = looks.Look(None, True, "No server answers.")
	assert not unknown.is_good and not unknown.is_known
	assert looks.Look(True, True, "").is_good
	assert looks.Look(False, True, "Set a TXT record.").is_known


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)), st.text("abc.", min_size=1, max_size=9))
def test_a_name_that_is_well_is_looked_at_within_two_days_at_a_full_hour(now, host):
	at = looks.next_day(host, now)
	assert timedelta(0) < at - now <= timedelta(days=2)
	assert (at.minute, at.second) == (0, 0)
	assert at.hour == looks.next_day(host, now + timedelta(days=5)).hour


def test_a_thousand_names_are_spread_over_the_day():
	now = datetime(2026, 11, 27, 12)
	hours = [looks.next_day(f"erp.customer{number}.example", now).hour for number in range(1000)]
	assert max(hours.count(hour) for hour in range(24)) < 80


def test_only_what_nobody_has_proven_is_given_up(monkeypatch):
	now = datetime(2026, 11, 27, 12)
	monkeypatch.setattr(looks, "now_datetime", lambda: now)
	usual = {"state": records.WAITING, "kind": records.CUSTOMERS, "verified_at": None, "failures": 100}
	old, young = now - timedelta(days=looks.UNPROVEN_DAYS, seconds=1), now - timedelta(days=1)

	def given_up(**values) -> bool:
		return looks.is_given_up(SimpleNamespace(**{**usual, "creation": old, **values}))

	assert given_up()
	assert not given_up(creation=young)
	# its clock has leapt ahead
	assert not given_up(failures=12)
	# a name that dangles stays its tenant's
	assert not given_up(verified_at=young)
	assert not given_up(state=records.LIVE)
	assert not given_up(kind=records.OWN)
