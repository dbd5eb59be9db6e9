"""A tenant's site asks its admin site: when, how, and what becomes of a refusal."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from conftest_data import CATALOGUE

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


@pytest.fixture
def answering(syncing):
	"""Has an admin site answer, over HTTP: answering(answer) returns the list of what it is asked from then on."""
	server = AdminSite()
	syncing.frappe.local.conf["buildpro_admin_url"] = f"http://admin.localhost:{server.server_port}"
	yield server.answer_with
	server.end()


class AdminSite(HTTPServer):
	"""A web server that answers each request with the same message, after it has done what a test wants done meanwhile."""

	def __init__(self):
		super().__init__(("127.0.0.1", 0), AdminSiteHandler)
		self.asked: list[dict] = []
		self.message: dict = {}
		self.meanwhile: Callable[[], None] = lambda: None
		self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
		self.thread.start()

	def answer_with(self, message: dict, meanwhile: Callable[[], None] | None = None) -> list[dict]:
		self.asked, self.message = [], message
		self.meanwhile = meanwhile or (lambda: None)
		return self.asked

	def end(self) -> None:
		self.shutdown()
		self.server_close()
		self.thread.join()


class AdminSiteHandler(BaseHTTPRequestHandler):
	def do_POST(self):
		question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
		about = {"path": self.path, "host": self.headers["Host"], "token": self.headers["X-BuildPro-Token"]}
		self.server.asked.append({**about, **question})
		self.server.meanwhile()
		content = json.dumps({"message": self.server.message}).encode()
		self.send_response(200)
		self.send_header("Content-Type", "application/json")
		self.send_header("Content-Length", str(len(content)))
		self.end_headers()
		self.wfile.write(content)

	def log_message(self, *_arguments) -> None:
		"""Says nothing in between the tests' output."""


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


DAMAGES = {
	"lost": lambda file, site: file.unlink(),
	"cut off": lambda file, site: file.write_bytes(file.read_bytes()[:-100]),
	"an older one": lambda file, site: file.write_text(
		json.dumps({**json.loads(file.read_text()), **site.older})
	),
	"without its catalogue": lambda file, site: file.write_text(
		json.dumps({**json.loads(file.read_text()), "catalogue": {}})
	),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_site_whose_statement_does_not_count_is_given_the_current_one_again(syncing, answering, damage):
	syncing.older = {"token": syncing.apply()}
	current = {"token": syncing.apply(), "catalogue": CATALOGUE}
	asked = answering({"unchanged": True, "next_pull": 6 * 3600})
	syncing.sync.pull_when_due()
	answering_again = answering({**current, "next_pull": 6 * 3600})
	DAMAGES[damage](Path(syncing.frappe.local.site_path, syncing.entitlement.FILE), syncing)
	syncing.frappe.local.cache.clear()  # another request
	assert not syncing.gating.check_feature_access("rfi")
	syncing.sync.pull_when_due()  # although the six hours are not over
	assert [each["sequence"] for each in (*asked, *answering_again)] == [
		syncing.entitlement.lowest_sequence(),
		0,
	]
	assert syncing.gating.check_feature_access("rfi")
	assert syncing.sync.state()["failures"] == 0


def test_a_site_whose_statement_does_not_count_keeps_the_pause_after_a_failure(syncing, answering):
	asked = answering({"token": "no token", "catalogue": {}, "next_pull": 60})
	for _ in range(3):
		syncing.sync.pull_when_due()
	assert [each["sequence"] for each in asked] == [0] and syncing.sync.state()["failures"] == 1


def test_the_scheduler_asks_when_it_is_time(syncing, answering, monkeypatch):
	syncing.apply()
	asked = answering({"unchanged": True, "next_pull": 6 * 3600})
	syncing.sync.pull_when_due()
	syncing.sync.pull_when_due()
	assert len(asked) == 1
	state = syncing.sync.state()
	assert state["failures"] == 0 and state["next"] - state["last_success"] == 6 * 3600
	monkeypatch.setattr(syncing.sync.time, "time", lambda: state["next"] + 1)
	syncing.sync.pull_when_due()
	assert len(asked) == 2


DAMAGED = {
	"cut off": b'{"last_attempt": 17',
	"empty": b"",
	"no text": b"\xff\xfe\x00",
	"no object": b"[]",
	"no numbers": b'{"next": "soon", "failures": null, "last_success": {}}',
	"no time": b'{"next": NaN, "failures": 0}',
	"below nothing": b'{"next": -1, "failures": -7}',
	"endless": b'{"next": 0, "failures": 1000000000000}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_state_heals_by_itself(syncing, answering, content):
	"""The hourly job asks, and writes the state anew, whether it is answered or not."""
	syncing.apply()
	state = Path(syncing.frappe.local.site_path, syncing.sync.FILE)
	state.write_bytes(content)
	asked = answering({"unchanged": True, "next_pull": 3600})
	syncing.sync.pull_when_due()
	assert len(asked) == 1 and syncing.sync.state()["failures"] == 0
	state.write_bytes(content)
	syncing.frappe.local.conf["buildpro_admin_url"] = NOWHERE
	syncing.sync.pull_when_due()
	known = syncing.sync.state()
	assert known["failures"] >= 1 and known["next"] > time.time()


@pytest.mark.parametrize("key", ["buildpro_admin_url", "buildpro_sync_token", "buildpro_tenant"])
def test_a_site_that_is_not_told_whom_to_ask_does_not(syncing, answering, key):
	asked = answering({"unchanged": True, "next_pull": 60})
	syncing.frappe.local.conf.pop(key)
	syncing.sync.pull_when_due()
	assert asked == []


def test_no_other_site_asks(syncing, answering):
	asked = answering({"unchanged": True, "next_pull": 60})
	syncing.frappe.local.conf["buildpro_role"] = "admin"
	syncing.sync.pull_when_due()
	assert asked == []


def test_what_is_asked_and_whom(syncing, answering, usage):
	asked = answering({"unchanged": True, "next_pull": 60})
	syncing.apply()
	syncing.sync.pull_now()
	assert asked == [
		{
			"path": syncing.sync.ENDPOINT,
			"host": "admin.localhost",
			"token": "secret",
			"tenant": "acme",
			"sequence": syncing.entitlement.lowest_sequence(),
			"lowest": syncing.entitlement.lowest_sequence(),
			"keys": sorted(syncing.entitlement.public_keys()),
			"usage_batch": None,
		}
	]


def test_what_was_used_is_sent_until_it_has_arrived(syncing, answering, usage):
	from buildpro_saas.tenant_site import declared_limits, limit_usage, utc_days

	row = {"date": str(utc_days.today()), "feature": "rfi", "outcome": "ALLOWED"}
	limit_usage.keep(declared_limits.declared()["max_projects"], lambda: 4)
	usage.count("rfi", "ALLOWED")
	lost = answering({"not": "what an admin site says"})
	with pytest.raises(syncing.sync.SyncError, match="no admin site"):
		syncing.sync.pull_now()
	usage.count("rfi", "ALLOWED")
	arrived = answering({"unchanged": True, "next_pull": 60})
	for _ in range(2):
		syncing.sync.pull_now()
	sent = [each["usage_batch"] for each in (*lost, *arrived)]
	assert [batch and batch["rows"] for batch in sent] == [[row | {"count": 1}], [row | {"count": 2}], None]
	assert [batch and batch["levels"] for batch in sent] == [{"max_projects": 4}, {"max_projects": 4}, None]


def test_nobody_waits_for_an_admin_site_that_thinks(syncing, answering, usage):
	from buildpro_saas.tenant_site import declared_limits, limit_usage

	limit_usage.keep(declared_limits.declared()["max_projects"], lambda: 4)
	usage.count("rfi", "ALLOWED")
	usage.store()
	other = syncing.frappe.db.get_connection()
	written = {}

	def write() -> None:
		"""As somebody who adds what a limit holds, and as the scheduler that stores what was counted."""
		with other.cursor() as cursor:
			cursor.execute("set session innodb_lock_wait_timeout = 1")
			for table, column in (("Limit Level", "grown"), ("Feature Usage", "`count`")):
				try:
					written[table] = cursor.execute(f"update `tab{table}` set {column} = {column} + 1")
				except other.OperationalError as error:
					written[table] = error
		other.commit()

	answer = {"unchanged": True, "next_pull": 60}
	first = answering(answer, meanwhile=write)
	try:
		syncing.sync.pull_now()
	finally:
		other.close()
	assert written == {"Limit Level": 1, "Feature Usage": 1}
	# what came in the meantime is sent with the next one
	second = answering(answer)
	syncing.sync.pull_now()
	sent = [each["usage_batch"] for each in (*first, *second)]
	assert [batch["rows"][0]["count"] for batch in sent] == [1, 2]
	assert [batch["levels"] for batch in sent] == [{"max_projects": 4}, {}]


def test_what_comes_is_put_into_force_and_a_new_token_kept(syncing, answering):
	answer = {"token": syncing.token(), "catalogue": CATALOGUE, "next_pull": 60, "sync_token": "newer"}
	answering(answer)
	assert syncing.sync.pull_now()["unchanged"] is False
	assert syncing.gating.check_feature_access("rfi")
	assert syncing.frappe.get_site_config().buildpro_sync_token == "newer"
	syncing.update_config({"buildpro_sync_token": None})


def test_a_forged_one_is_refused_and_the_old_one_stays(syncing, answering):
	syncing.apply()
	forged = syncing.token(key=syncing.foreign_key(), features=["bim"])
	answering({"token": forged, "catalogue": CATALOGUE, "next_pull": 60})
	with pytest.raises(syncing.sync.SyncError, match="refused"):
		syncing.sync.pull_now()
	assert syncing.gating.check_feature_access("rfi") and not syncing.gating.check_feature_access("bim")


def test_one_that_was_overtaken_by_a_newer_one_is_no_failure(syncing, answering):
	from buildpro_saas.agent import site_context

	late, newer = syncing.token(), syncing.token()
	place = syncing.frappe.local.site, syncing.frappe.local.sites_path

	def push():
		method = "buildpro_saas.tenant_site.entitlement_in_force.apply_entitlement"
		site_context.call(*place, method, {"token": newer, "catalogue": CATALOGUE})

	answering({"token": late, "catalogue": CATALOGUE, "next_pull": 60}, meanwhile=push)
	# the push writes the record, which the fixture has emptied without a commit
	syncing.frappe.db.commit()
	syncing.sync.pull_now()
	assert syncing.sync.state()["failures"] == 0
	assert syncing.entitlement.stored_token() == newer


def test_each_site_has_a_minute_of_its_own(syncing, monkeypatch):
	from buildpro_saas.scheduled_jobs import PULL

	job = syncing.frappe.get_doc("Scheduled Job Type", {"method": PULL})
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
		monkeypatch.setattr(time, "time", lambda: soon + 1)
		site_limits.follow()
		assert syncing.frappe.get_site_config().rate_limit == {"limit": 900, "window": 3600}
	finally:
		syncing.update_config({"rate_limit": None, "max_file_size": None})


def test_the_state_is_plain_data(syncing, answering):
	assert syncing.sync.state() == {}
	answering({"unchanged": True, "next_pull": 60})
	syncing.sync.pull_now()
	assert json.loads(json.dumps(syncing.sync.state())) == syncing.sync.state()
