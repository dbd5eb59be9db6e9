"""Alerts on record, and how people are told: at the wire, by a local server."""

import json
from dataclasses import replace

import pytest
from receiver import receiving

from buildpro_saas.monitoring.checks.check import CRITICAL, INFO, WARNING, Finding

PASSWORDS = ("alert_hook_url", "alert_hook_secret", "alert_channels", "watchdog_url")
TEXTS = ("alert_mail_to", "alert_escalate_to", "alert_hours", "alert_least", "alert_digest", "alert_fault")
NUMBERS = {"alert_repeat_hours": 4, "alert_escalate_minutes": 30}


class Alerts:
	"""Looks of the checks as a test wants them, and what is on record then."""

	def __init__(self, frappe):
		from buildpro_saas.monitoring import alert_records, checks, excuses, telling, watching

		self.frappe, self.records, self.telling = frappe, alert_records, telling
		self.checks, self.excuses, self.watching = checks, excuses, watching
		self.token = frappe.generate_hash(length=8)

	def finding(self, severity: str = CRITICAL, **changes) -> Finding:
		found = Finding(
			*(
				"disk.room",
				"Bench",
				f"{self.token}: sites",
				f"Little is left for {self.token}.",
				"Free some.",
			),
			severity=severity,
		)
		return replace(found, **changes)

	def look(self, *findings: Finding, times: int = 2) -> None:
		looked = [self.checks.Looked(self.checks.OF[each.check], (each,)) for each in findings]
		for _time in range(times):
			self.watching.keep(looked, self.excuses.Excuses({}, {}, frozenset()))

	def rows(self, **filters) -> list:
		self.frappe.db.commit()
		filters |= {"subject": ("like", f"%{self.token}%")}
		return self.frappe.get_all("Monitoring Alert", filters, ["*"], order_by="name")

	def row(self):
		(row,) = self.rows()
		return row

	def settings(self, **values) -> None:
		doc = self.frappe.get_doc("SaaS Settings")
		doc.update(values)
		doc.save()
		self.frappe.db.commit()

	def tell(self) -> None:
		self.telling.tell()


@pytest.fixture
def alerts(frappe):
	"""With no other alert on record; nothing of it stays."""
	alerts = Alerts(frappe)
	forget(frappe)
	yield alerts
	frappe.db.rollback()
	forget(frappe)


def forget(frappe) -> None:
	for doctype in ("Monitoring Alert", "Notification Log"):
		frappe.db.delete(doctype)
	frappe.db.delete("Email Queue", {"message": ("like", "%Little is left%")})
	for field in (*PASSWORDS, *TEXTS):
		frappe.db.set_single_value("SaaS Settings", field, "")
	for field, number in NUMBERS.items():
		frappe.db.set_single_value("SaaS Settings", field, number)
	frappe.db.delete("__Auth", {"doctype": "SaaS Settings", "fieldname": ("in", PASSWORDS)})
	frappe.db.commit()


@pytest.fixture
def receiver():
	with receiving() as receiver:
		yield receiver


# -- on record -----------------------------------------------------------------------------------------------------------


def test_an_alert_is_opened_kept_and_closed(alerts):
	alerts.look(alerts.finding(), times=1)
	assert alerts.row().status == "Suspected"
	assert not alerts.records.overview()
	alerts.look(alerts.finding(), times=2)
	row = alerts.row()
	assert (row.status, row.severity, row.times, row.check_key) == ("Open", "Critical", 2, "disk.room")
	assert row.sentence == f"Little is left for {alerts.token}." and row.opened_at and not row.closed_at
	alerts.look()
	row = alerts.row()
	assert row.status == "Closed" and row.closed_at
	assert [each["name"] for each in alerts.records.overview(with_closed=True)] == [row.name]


def test_a_suspicion_that_passes_leaves_nothing(alerts):
	alerts.look(alerts.finding(), times=1)
	alerts.look(times=1)
	assert alerts.rows() == []


def test_what_hangs_on_another_is_named_there(alerts):
	cause = alerts.finding()
	behind = [
		replace(cause, check="disk.inodes", subject=f"{alerts.token} {number}", cause=cause.identity)
		for number in range(3)
	]
	alerts.look(behind[0])
	alerts.look(cause, *behind)
	first, second = alerts.rows()
	assert (first.check_key, first.cause) == ("disk.inodes", second.name)
	assert second.behind.splitlines() == [each.subject for each in behind]
	alerts.look(behind[0])
	first, second = alerts.rows()
	assert (first.status, first.cause, second.status, second.behind) == ("Open", None, "Closed", "")


def test_it_is_acknowledged_and_silenced_with_a_reason(alerts):
	frappe = alerts.frappe
	alerts.look(alerts.finding())
	doc = frappe.get_doc("Monitoring Alert", alerts.row().name)
	with pytest.raises(frappe.ValidationError, match="Say why"):
		doc.silence(" ", 4)
	with pytest.raises(frappe.ValidationError, match="hours"):
		doc.silence("x", -1)
	doc.silence("We know", 4)
	doc.acknowledge()
	frappe.db.commit()
	row = alerts.row()
	assert (row.status, row.acknowledged_by, row.silence_reason) == (
		"Acknowledged",
		"Administrator",
		"We know",
	)
	assert row.silenced_until > frappe.utils.now_datetime()
	with pytest.raises(frappe.ValidationError, match="only an open alert"):
		doc.acknowledge()
	alerts.look(alerts.finding(), times=1)
	assert alerts.row().status == "Acknowledged"
	assert frappe.db.count("Version", {"ref_doctype": "Monitoring Alert", "docname": row.name}) == 2
	alerts.look()
	with pytest.raises(frappe.ValidationError, match="nothing to silence"):
		doc.silence("x", 4)


def test_over_http_and_by_role(alerts):
	from buildpro_saas.api import alerts as api

	frappe = alerts.frappe
	alerts.look(alerts.finding())
	name = alerts.row().name
	assert [each["name"] for each in api.report()] == [name]
	assert api.acknowledge(name) == {"status": "Acknowledged"}
	assert api.silence(name, "x", "2")["silenced_until"]
	with pytest.raises(frappe.DoesNotExistError):
		api.acknowledge("ALERT-none")
	frappe.set_user("Guest")
	for call in (api.report, lambda: api.acknowledge(name), lambda: api.silence(name, "x")):
		with pytest.raises(frappe.PermissionError):
			call()
	frappe.set_user("Administrator")
	with pytest.raises(frappe.PermissionError):
		frappe.get_doc("Monitoring Alert", name).save()


def test_alerts_are_pruned_by_frappes_own_settings(alerts):
	from frappe.core.doctype.log_settings.log_settings import LogType
	from frappe.model.base_document import get_controller

	frappe = alerts.frappe
	controller = get_controller("Monitoring Alert")
	assert issubclass(controller, LogType)
	alerts.look(alerts.finding())
	alerts.look()
	old = frappe.utils.add_to_date(frappe.utils.now_datetime(), days=-200)
	frappe.db.set_value("Monitoring Alert", alerts.row().name, "closed_at", old)
	controller.clear_old_logs(365)
	assert alerts.rows()
	controller.clear_old_logs(180)
	assert not alerts.rows()


# -- told ----------------------------------------------------------------------------------------------------------------


def test_the_bell_rings_for_managers(alerts):
	alerts.look(alerts.finding(INFO))
	for _time in range(2):
		alerts.tell()
	rung = alerts.frappe.get_all(
		"Notification Log", {"document_name": alerts.row().name}, ["for_user", "subject", "document_type"]
	)
	assert [each.for_user for each in rung].count("Administrator") == 1
	assert alerts.token in rung[0].subject and rung[0].document_type == "Monitoring Alert"


def test_the_web_hook_is_signed_and_told_again_until_it_has_worked(alerts, receiver):
	from buildpro_saas.monitoring.channels import signature

	alerts.settings(alert_hook_url=f"{receiver.url}/hook", alert_hook_secret="of ours", alert_least="Warning")
	alerts.look(alerts.finding())
	receiver.status = 500
	alerts.tell()
	assert len(receiver.got) == 1
	fault = alerts.frappe.db.get_single_value("SaaS Settings", "alert_fault")
	assert fault == "web hook: The web hook answered 500."
	receiver.status = 200
	for _time in range(2):
		alerts.tell()
	assert len(receiver.got) == 2  # once more, and then it knows
	assert not alerts.frappe.db.get_single_value("SaaS Settings", "alert_fault")
	got = receiver.got[-1]
	assert (got.method, got.path) == ("POST", "/hook")
	proof = signature("of ours", got.headers["x-buildpro-time"], got.body)
	assert got.headers["x-buildpro-signature"] == f"sha256={proof}"
	(told,) = got.json["alerts"]
	assert (told["event"], told["severity"], told["sentence"]) == (
		"Opened",
		"Critical",
		alerts.row().sentence,
	)
	alerts.look()
	alerts.tell()
	assert receiver.got[-1].json["alerts"][0]["event"] == "Closed"
	assert len(receiver.got) == 3


def test_severity_silence_and_hours_hold_it_back(alerts, receiver):
	frappe = alerts.frappe
	alerts.settings(alert_hook_url=receiver.url, alert_least="Critical")
	alerts.look(alerts.finding(WARNING))
	alerts.tell()
	assert receiver.got == []
	alerts.look(alerts.finding(CRITICAL), times=1)
	alerts.records.silence(alerts.row().name, "We know", 1, "Administrator")
	alerts.tell()
	assert receiver.got == []
	alerts.records.silence(alerts.row().name, "No more", 0, "Administrator")
	alerts.tell()
	assert [each["event"] for each in receiver.got[0].json["alerts"]] == ["Worse"]
	# a warning waits for the hours, whatever the hour is now
	alerts.look()
	alerts.tell()
	assert receiver.got[1].json["alerts"][0]["event"] == "Closed"
	now = frappe.utils.now_datetime()
	other_day = f"{frappe.utils.add_to_date(now, days=3):%a}"
	alerts.settings(alert_least="Warning", alert_hours=f"{other_day} 10:00-11:00")
	alerts.look(alerts.finding(WARNING, check="disk.inodes"))
	alerts.tell()
	assert len(receiver.got) == 2
	alerts.settings(alert_hours="")
	alerts.tell()
	assert len(receiver.got) == 3


def test_other_services_are_told_by_apprise(alerts, receiver):
	url = f"json://127.0.0.1:{receiver.port}/a"
	alerts.settings(alert_channels=f"{url} json://127.0.0.1:1/nobody", alert_least="Info")
	alerts.look(alerts.finding())
	alerts.tell()
	(got,) = receiver.got
	assert got.path == "/a" and alerts.token in got.json["message"] and got.json["type"] == "failure"
	fault = alerts.frappe.db.get_single_value("SaaS Settings", "alert_fault")
	assert fault.startswith("apprise 2: ") and "nobody" not in fault
	alerts.tell()
	assert len(receiver.got) == 1  # only the other is tried again


@pytest.fixture
def mail_account(frappe):
	"""The site has an account that sends mail; what is queued is not sent here."""
	of = {"email_id": "alerts@admin.example", "email_account_name": "Alerts", "smtp_server": "127.0.0.1"}
	doc = frappe.get_doc({"doctype": "Email Account", "enable_outgoing": 1, "default_outgoing": 1, **of})
	doc.name = "Alerts"
	doc.db_insert()
	frappe.db.commit()
	frappe.local.outgoing_email_account = {}
	yield
	frappe.db.rollback()
	frappe.db.delete("Email Account", {"name": "Alerts"})
	frappe.db.commit()
	frappe.local.outgoing_email_account = {}


def mails(frappe) -> set[str]:
	"""Who gets what was queued about the test's alerts."""
	names = frappe.get_all("Email Queue", {"message": ("like", "%Little is left%")}, pluck="name")
	of = {"parent": ("in", [str(name) for name in names])}
	return set(frappe.get_all("Email Queue Recipient", of, pluck="recipient"))


def test_mail_escalation_and_digest(alerts, mail_account):
	frappe = alerts.frappe
	alerts.settings(
		alert_mail_to="first@example.com, second@example.com",
		alert_escalate_to="boss@example.com",
		alert_digest="Daily",
		alert_least="Warning",
	)
	alerts.look(alerts.finding())
	alerts.tell()
	assert not frappe.db.get_single_value("SaaS Settings", "alert_fault")
	assert mails(frappe) == {"first@example.com", "second@example.com"}
	begin = frappe.utils.add_to_date(frappe.utils.now_datetime(), minutes=-31)
	frappe.db.set_value("Monitoring Alert", alerts.row().name, {"opened_at": begin, "repeated_at": begin})
	frappe.db.commit()
	alerts.look(alerts.finding(), times=1)
	assert alerts.row().event == "Escalated" and alerts.row().escalated_at
	alerts.tell()
	assert "boss@example.com" in mails(frappe)
	frappe.db.delete("Email Queue", {"message": ("like", "%Little is left%")})
	alerts.telling.send_digest()
	assert mails(frappe) == {"first@example.com", "second@example.com"}


def test_without_a_mail_account_it_is_said_and_nothing_is_lost(alerts, monkeypatch):
	monkeypatch.setitem(alerts.frappe.local.conf, "mute_emails", 0)
	monkeypatch.setitem(alerts.frappe.flags, "mute_emails", False)
	alerts.frappe.local.outgoing_email_account = {}
	alerts.settings(alert_mail_to="first@example.com", alert_least="Info")
	alerts.look(alerts.finding())
	alerts.tell()
	fault = alerts.frappe.db.get_single_value("SaaS Settings", "alert_fault")
	assert "no account that sends mail" in fault
	assert "mail" not in json.loads(alerts.row().told)
	assert "bell" in json.loads(alerts.row().told)


def test_the_test_alert_says_what_went_wrong(alerts, receiver):
	frappe = alerts.frappe
	alerts.settings(alert_hook_url=receiver.url, alert_channels="json://127.0.0.1:1/nobody")
	(fault,) = frappe.get_doc("SaaS Settings").send_test_alert()
	assert fault.startswith("apprise 1: ") and receiver.got[0].json["alerts"][0]["event"] == "Test"
	assert alerts.rows() == []


@pytest.mark.parametrize(
	("field", "value", "told"),
	[
		("alert_hours", "nine to five", "nine to five are no hours"),
		("alert_repeat_hours", -1, "Repeat After"),
		("alert_escalate_minutes", 10**6, "Escalate After"),
		("alert_mail_to", "a@example.com somebody", "somebody is no e-mail address"),
		("alert_escalate_to", "x", "x is no e-mail address"),
		("alert_hook_url", "ftp://x", "Web Hook is no web address"),
		("watchdog_url", "example.com", "Watchdog is no web address"),
		("alert_channels", "slack:// nonsense", "address number 1"),
	],
)
def test_settings_are_refused_in_a_sentence(alerts, field, value, told):
	doc = alerts.frappe.get_doc("SaaS Settings")
	doc.set(field, value)
	with pytest.raises(alerts.frappe.ValidationError, match=told):
		doc.save()
	alerts.frappe.db.rollback()


def test_what_was_kept_before_stays_when_settings_are_saved(alerts, receiver):
	alerts.settings(alert_hook_url=receiver.url, alert_channels=f"json://127.0.0.1:{receiver.port}/a")
	alerts.settings(alert_least="Info")
	assert alerts.frappe.get_doc("SaaS Settings").get_password("alert_hook_url") == receiver.url


# -- the watchdog --------------------------------------------------------------------------------------------------------


def test_the_watchdog_is_asked_after_a_look_and_a_deaf_one_stops_nothing(alerts, receiver):
	alerts.settings(watchdog_url=f"{receiver.url}/ping")
	alerts.watching.look_each_minute()
	assert [(got.method, got.path) for got in receiver.got if got.path == "/ping"] == [("GET", "/ping")]
	receiver.status = 500
	alerts.watching.look_each_minute()
	assert len(receiver.got) == 2


def test_a_look_that_breaks_off_is_not_told_to_the_watchdog(alerts, receiver, monkeypatch):
	"""Silence is what the watchdog hears of it."""
	from buildpro_saas.monitoring import record_facts

	alerts.settings(watchdog_url=receiver.url)
	monkeypatch.delattr(record_facts, "JOB")
	with pytest.raises(NameError):
		alerts.watching.look_each_minute()
	assert receiver.got == []
