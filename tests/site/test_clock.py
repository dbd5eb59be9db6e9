"""A server's clock that was wrong, ahead or behind: what a tenant's site makes of it, and how it comes back by itself.

The machine's clock is `time.time`, which a test sets; everything else is as it runs.
"""

import time

import pytest
from conftest_data import CATALOGUE
from test_sync import answering, syncing  # noqa: F401

from buildpro_saas.entitlements.acceptance import CLOCK_KEY

HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
def clock(syncing, monkeypatch):  # noqa: F811
	"""clock(seconds) puts the machine's clock so far ahead (below 0: behind)."""
	right = time.time

	def put(seconds: float) -> None:
		monkeypatch.setattr(time, "time", lambda: right() + seconds)
		syncing.entitlement.forget_in_request()

	put.right = right
	return put


def test_a_run_with_the_clock_ahead_leaves_nothing_behind(syncing, answering, clock):  # noqa: F811
	syncing.apply()
	asked = answering({"unchanged": True, "next_pull": 6 * HOUR, "now": int(clock.right())})
	clock(60 * DAY)
	assert syncing.gating.get_feature_access("rfi").reason.value == "EXPIRED"
	for _ in range(3):
		syncing.sync.pull_when_due()
	assert {each["sequence"] for each in asked} == {
		0
	}  # what it has is over by this clock: it asks for another
	clock(0)
	assert syncing.gating.check_feature_access("rfi")
	before = len(asked)
	syncing.sync.pull_when_due()
	assert len(asked) == before + 1, "the next question waited for a time that is 60 days away"


def test_a_site_that_believed_a_clock_ahead_is_given_a_new_statement_when_it_asks(
	syncing,  # noqa: F811
	answering,  # noqa: F811
	clock,
):
	syncing.apply()
	syncing.update_config({CLOCK_KEY: int(clock.right()) + 60 * DAY})
	clock(0)
	assert syncing.gating.get_feature_access("rfi").reason.value == "EXPIRED"
	new = {"token": syncing.token(), "catalogue": CATALOGUE, "next_pull": 6 * HOUR}
	asked = answering(new)
	syncing.sync.pull_when_due()
	assert [each["sequence"] for each in asked] == [0]
	syncing.entitlement.forget_in_request()
	assert syncing.gating.check_feature_access("rfi")


@pytest.mark.parametrize("ahead", [HOUR, 10 * DAY])
def test_a_clock_that_is_behind_is_put_right_by_a_new_statement(syncing, answering, clock, ahead):  # noqa: F811
	"""By less than the statement lasts: nothing is refused, and what begins or ends by date would stand still."""
	syncing.apply()
	syncing.update_config({CLOCK_KEY: int(clock.right()) + ahead})
	clock(0)
	asked = answering({"token": syncing.token(), "catalogue": CATALOGUE, "next_pull": 6 * HOUR})
	syncing.sync.pull_when_due()
	assert [each["sequence"] for each in asked] == [0]
	assert syncing.frappe.conf[CLOCK_KEY] <= clock.right()


def test_the_admin_sites_word_confirms_a_leap(syncing, answering, clock):  # noqa: F811
	"""A machine that was asleep for a week."""
	syncing.apply()
	clock(7 * DAY)
	answering({"unchanged": True, "next_pull": 6 * HOUR, "now": int(time.time())})
	syncing.sync.pull_when_due()
	assert abs(syncing.frappe.conf[CLOCK_KEY] - time.time()) < 60


@pytest.mark.parametrize("next_pull", [10**30, 60 * DAY, -5])
def test_the_next_question_is_never_far_away(syncing, answering, next_pull):  # noqa: F811
	syncing.apply()
	answering({"unchanged": True, "next_pull": next_pull})
	syncing.sync.pull_when_due()
	state = syncing.sync.state()
	assert 0 < state["next"] - state["last_success"] <= 12 * HOUR


@pytest.mark.parametrize(("known", "machine"), [(60 * DAY, 0), (0, 60 * DAY)], ids=["set back", "ahead"])
def test_people_and_the_log_are_told_of_the_clock(syncing, clock, known, machine):  # noqa: F811
	from buildpro_saas.tenant_site import restriction, your_plan

	frappe = syncing.frappe
	syncing.apply()
	syncing.update_config({CLOCK_KEY: int(clock.right()) + known})
	clock(machine)
	gate = syncing.entitlement.current_decisions()
	for said in (
		restriction.banner(gate)["text"],
		restriction.sentence(gate),
		your_plan.explanation(gate, "Expired"),
	):
		assert "clock" in said, said
	before = frappe.get_all("Error Log", pluck="name")
	syncing.sync.pull_when_due()
	logged = frappe.get_all("Error Log", {"name": ("not in", before)}, ["method", "error"])
	assert any("clock" in row.method and "clock says" in row.error for row in logged), logged
	syncing.apply()
	clock(0)
	assert restriction.banner(syncing.entitlement.current_decisions()) is None


def test_a_banner_names_days_as_the_site_counts_them_and_not_the_machine(syncing, monkeypatch):  # noqa: F811
	from buildpro_saas.tenant_site import restriction

	said = set()
	seconds = 1_800_000_000
	for zone in ("Etc/UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
		monkeypatch.setenv("TZ", zone)
		time.tzset()
		said.add(restriction._date(seconds))
	monkeypatch.undo()
	time.tzset()
	assert len(said) == 1, said


def test_scheduled_jobs_do_not_wait_for_a_time_that_a_clock_ahead_has_left(admin_site):
	job = admin_site.get_doc(
		"Scheduled Job Type", {"method": "buildpro_saas.licensing.renewal.renew_entitlements"}
	)
	now = admin_site.utils.now_datetime()
	job.last_execution = admin_site.utils.add_to_date(now, days=60)
	assert job.is_event_due()
	job.last_execution = now
	assert not job.is_event_due()
