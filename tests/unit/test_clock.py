"""Which time a site goes by when its server's clock is wrong."""

from datetime import datetime, timedelta

import pytest

from buildpro_saas.entitlements import clock

NOW = 1_800_000_000
HOUR, DAY = 3600, 24 * 3600


@pytest.mark.parametrize(
	("known", "trusted"),
	[
		(0, NOW),
		(NOW - DAY, NOW),
		(NOW + 299, NOW),
		(NOW + HOUR, NOW + HOUR),
		(NOW + 60 * DAY, NOW + 60 * DAY),
	],
)
def test_a_clock_behind_what_has_been_is_not_believed(known, trusted):
	assert clock.trusted(NOW, known) == trusted
	assert clock.is_behind(NOW, known) == (trusted != NOW)


@pytest.mark.parametrize(
	("known", "word", "noted"),
	[
		(NOW - HOUR, None, NOW),
		(NOW, None, None),
		(NOW + HOUR, None, None),
		(NOW - 60 * DAY, None, None),
		(NOW - 60 * DAY, NOW - 60 * DAY, None),
		(NOW - 60 * DAY, NOW + 200, NOW),  # a machine that was asleep
		(NOW + DAY, NOW, None),
		(0, None, None),
		(0, NOW, NOW),
	],
)
def test_a_leap_is_remembered_on_the_admin_sites_word_alone(known, word, noted):
	assert clock.to_note(NOW, known, word) == noted


def test_no_leap_is_believed_bit_by_bit():
	"""A clock that runs 60 days ahead for three days, looked at each hour."""
	known = NOW
	for hour in range(72):
		known = clock.to_note(NOW + 60 * DAY + hour * HOUR, known) or known
	assert known == NOW


@pytest.mark.parametrize(
	("days", "is_due"),
	[
		(None, True),
		(-0.1, True),
		(0, True),
		(0.1, False),
		(15, False),
		(15.05, False),
		(15.2, True),
		(75, True),
	],
)
def test_a_statement_is_renewed_when_it_is_time_or_when_it_cannot_have_been_signed_yet(days, is_due):
	now = datetime(2026, 11, 25, 12)
	renew_at = None if days is None else now + timedelta(days=days)
	assert clock.is_renewal_due(renew_at, now, valid_days=30) == is_due
