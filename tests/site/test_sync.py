"""A tenant's site asks its admin site: when, how, and what becomes of a refusal."""

import json
import time

import pytest

NOWHERE = "http://nowhere.localhost:1"  # nothing listens there


@pytest.fixture
def syncing(site):
	"""The test site in a tenant's role, whose admin site is not there."""
	from buildpro_saas.tenant_site import sync

	conf = site.frappe.local.conf
	before = dict(conf)
	conf.update(
		{
			"buildpro_role": "tenant",
			"buildpro_tenant": "acme",
			"buildpro_admin_url": NOWHERE,
			"buildpro_sync_token": "secret",
		}
	)
	sync.remove()
	site.sync = sync
	yield site
	conf.clear()
	conf.update(before)
	sync.remove()


def answering(syncing, monkeypatch, answer: dict) -> list:
	"""The admin site answers so; returns what it is asked."""
	asked = []
	monkeypatch.setattr(syncing.sync, "_ask", lambda batch: asked.append(batch) or answer)
	return asked


@pytest.mark.parametrize(
	("url", "asked", "headers", "is_local"),
	[
		("https://admin.example.com", "https://admin.example.com/", {}, False),
		("https://admin.example.com:8443/", "https://admin.example.com:8443/", {}, False),
		("http://admin.localhost:8000", "http://127.0.0.1:8000/", {"Host": "admin.localhost"}, True),
		("http://localhost", "http://127.0.0.1/", {"Host": "localhost"}, True),
	],
)
def test_where_it_asks(syncing, url, asked, headers, is_local):
	assert syncing.sync.address(url) == (asked.rstrip("/") + syncing.sync.ENDPOINT, headers, is_local)


@pytest.mark.parametrize("url", ["http://admin.example.com", "ftp://admin.example.com", "admin", ""])
def test_a_token_is_not_sent_in_the_clear(syncing, url):
	with pytest.raises(syncing.sync.SyncError, match="https"):
		syncing.sync.address(url)


def test_an_admin_site_that_is_away_is_asked_less_and_less_often(syncing, monkeypatch):
	now = time.time()
	monkeypatch.setattr(syncing.sync.time, "time", lambda: now)
	pauses = []
	for _ in range(6):
		with pytest.raises(syncing.sync.SyncError, match=r"nowhere\.localhost.*cannot be reached"):
			syncing.sync.pull_now()
		pauses.append((syncing.sync.state()["next"] - int(now)) / 3600)
	for pause, hours in zip(pauses, (1, 2, 4, 8, 12, 12), strict=True):
		assert hours <= pause < hours * 1.1
	assert syncing.sync.state()["failures"] == 6


def test_only_the_first_failure_of_several_goes_to_the_log(syncing, monkeypatch):
	said = []
	logger = type("Logger", (), {"warning": lambda self, text: said.append(text)})()
	monkeypatch.setattr(syncing.frappe, "logger", lambda *arguments: logger)
	before = syncing.frappe.db.count("Error Log")
	for _ in range(3):
		with pytest.raises(syncing.sync.SyncError):
			syncing.sync.pull_now()
	assert len(said) == 1
	assert syncing.frappe.db.count("Error Log") == before


def test_the_scheduler_asks_when_it_is_time(syncing, monkeypatch):
	asked = answering(syncing, monkeypatch, {"unchanged": True, "next_pull": 6 * 3600})
	syncing.sync.look_after()
	syncing.sync.look_after()
	assert len(asked) == 1
	state = syncing.sync.state()
	assert state["failures"] == 0 and state["next"] - state["last_success"] == 6 * 3600
	monkeypatch.setattr(syncing.sync.time, "time", lambda: state["next"] + 1)
	syncing.sync.look_after()
	assert len(asked) == 2


@pytest.mark.parametrize("key", ["buildpro_admin_url", "buildpro_sync_token", "buildpro_tenant"])
def test_a_site_that_is_not_told_whom_to_ask_does_not(syncing, monkeypatch, key):
	asked = answering(syncing, monkeypatch, {"unchanged": True, "next_pull": 60})
	syncing.frappe.local.conf.pop(key)
	syncing.sync.look_after()
	assert asked == []


def test_no_other_site_asks(syncing, monkeypatch):
	asked = answering(syncing, monkeypatch, {"unchanged": True, "next_pull": 60})
	syncing.frappe.local.conf["buildpro_role"] = "admin"
	syncing.sync.look_after()
	assert asked == []


def test_what_comes_is_put_into_force_and_a_new_token_kept(syncing, monkeypatch):
	from conftest_data import CATALOGUE

	answer = {"token": syncing.token(), "catalogue": CATALOGUE, "next_pull": 60, "sync_token": "newer"}
	answering(syncing, monkeypatch, answer)
	assert syncing.sync.pull_now()["unchanged"] is False
	assert syncing.gating.check_feature_access("rfi")
	assert syncing.frappe.get_site_config().buildpro_sync_token == "newer"
	syncing.update_config({"buildpro_sync_token": None})


def test_a_forged_one_is_refused_and_the_old_one_stays(syncing, monkeypatch):
	from conftest_data import CATALOGUE

	syncing.apply()
	forged = syncing.token(key=syncing.foreign_key(), features=["bim"])
	answering(syncing, monkeypatch, {"token": forged, "catalogue": CATALOGUE, "next_pull": 60})
	with pytest.raises(syncing.sync.SyncError, match="refused"):
		syncing.sync.pull_now()
	assert syncing.gating.check_feature_access("rfi") and not syncing.gating.check_feature_access("bim")


def test_one_that_was_overtaken_by_a_newer_one_is_no_failure(syncing, monkeypatch):
	from conftest_data import CATALOGUE

	late = syncing.token()

	def overtaken(batch):
		number = syncing.entitlement.lowest_sequence()
		syncing.apply()
		syncing.frappe.local.conf[syncing.entitlement.SEQUENCE_KEY] = number  # another process did it
		return {"token": late, "catalogue": CATALOGUE, "next_pull": 60}

	monkeypatch.setattr(syncing.sync, "_ask", overtaken)
	syncing.sync.pull_now()
	assert syncing.sync.state()["failures"] == 0


def test_each_site_has_a_minute_of_its_own(syncing, monkeypatch):
	from buildpro_saas.provisioning.schedule import SYNC

	job = syncing.frappe.get_doc("Scheduled Job Type", {"method": SYNC})
	minutes = set()
	for number in range(100):
		monkeypatch.setattr(syncing.frappe.local, "site", f"t{number}.localhost")
		minutes.add(job.get_next_execution().minute)
	assert len(minutes) > 30


def test_the_frameworks_limits_follow_the_dates_of_the_entitlement(syncing, monkeypatch):
	from buildpro_saas.entitlements import layers
	from buildpro_saas.tenant_site import site_limits

	soon = int(time.time()) + 30
	limit = {"request_seconds_per_hour": {"value": 100, "is_hard": True}}
	more = {"request_seconds_per_hour": {"value": 900, "is_hard": True}}
	plans = [
		layers.plan_layer("Core", ["rfi"], limit, until=soon),
		layers.plan_layer("Growth", ["rfi"], more, begins=soon),
	]
	syncing.apply(plans=plans)
	config = syncing.frappe.get_site_config()
	try:
		assert config.rate_limit == {"limit": 100, "window": 3600}
		monkeypatch.setattr(syncing.entitlement.time, "time", lambda: soon + 1)
		site_limits.follow()
		assert syncing.frappe.get_site_config().rate_limit == {"limit": 900, "window": 3600}
	finally:
		syncing.update_config({"rate_limit": None, "max_file_size": None})


def test_the_state_is_plain_data(syncing, monkeypatch):
	assert syncing.sync.state() == {}
	answering(syncing, monkeypatch, {"unchanged": True, "next_pull": 60})
	syncing.sync.pull_now()
	assert json.loads(json.dumps(syncing.sync.state())) == syncing.sync.state()
