"""Has people told of alerts: by severity and hours, each way apart, and again until it has worked. And the digest, and the watchdog."""

from collections.abc import Callable
from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from buildpro_saas import site_role
from buildpro_saas.monitoring import alert_records, channels, messages, telling_rules
from buildpro_saas.monitoring.alert_rules import ACKNOWLEDGED, CLOSED, OPEN, Alert
from buildpro_saas.monitoring.channels import SETTINGS, Channel, NotTold
from buildpro_saas.monitoring.checks.check import INFO
from buildpro_saas.monitoring.telling_rules import Route

ESCALATION = "escalation"
DAILY, WEEKLY = "Daily", "Weekly"
MONDAY = 0


def tell() -> None:
	"""Tell every way what it has not been told yet. Commits after each. What did not work is noted in SaaS Settings, and due again."""
	settings = frappe.get_doc(SETTINGS)
	faults = [
		fault
		for channel in channels.all_of(settings)
		if (fault := _tell(channel, route_of(settings, channel)))
	]
	if to := channels.addresses(settings.alert_escalate_to):
		escalated = Channel(ESCALATION, lambda message: channels.mail(message, to))
		faults.append(_tell(escalated, Route(INFO), lambda alert: alert.escalated_at is not None))
	_note(" ".join(filter(None, faults)))


def route_of(settings, channel: Channel) -> Route:
	"""What a way of telling is for."""
	if channel.is_always:
		return Route(INFO)
	return Route(settings.alert_least or INFO, tuple(telling_rules.hours(settings.alert_hours)))


def _tell(channel: Channel, route: Route, is_for: Callable[[Alert], bool] = lambda _alert: True) -> str:
	"""Tell one way all that is due there, in one message; returns what went wrong as a sentence. Commits."""
	now = now_datetime()
	frappe.db.commit()
	due = [
		(alert, told)
		for alert, told in alert_records.telling(now)
		if is_for(alert) and telling_rules.is_due(alert, told.get(channel.key, 0), route, now)
	]
	frappe.db.commit()  # nobody waits for the rows while something is sent
	if not due:
		return ""
	fault = _sent(channel, messages.of_alerts([alert for alert, _told in due], frappe.local.site))
	if not fault:
		for alert, told in due:
			alert_records.set_told(alert.name, {**told, channel.key: alert.event_number})
		frappe.db.commit()
	return fault


def _sent(channel: Channel, message: messages.Message) -> str:
	try:
		channel.send(message)
	except NotTold as error:
		frappe.db.rollback()
		return f"{channel.key}: {error}"
	except Exception as error:
		frappe.db.rollback()
		frappe.log_error(title=f"Alerts were not told: {channel.key}")
		frappe.db.commit()
		return f"{channel.key}: {type(error).__name__}, see the Error Log."
	return ""


def _note(fault: str) -> None:
	if fault != (frappe.db.get_single_value(SETTINGS, "alert_fault") or ""):
		frappe.db.set_single_value(SETTINGS, "alert_fault", fault, update_modified=False)
		frappe.db.commit()


def send_test() -> list[str]:
	"""Tell every way that is set up that this is a test; returns what went wrong, a sentence each. Commits."""
	test = {"alert": "", "event": "Test", "sentence": "This is a test.", "advice": "Nothing is to be done."}
	message = messages.Message(f"[Test] {frappe.local.site}", ("This is a test of alerts.",), INFO, (test,))
	faults = []
	for channel in channels.all_of(frappe.get_doc(SETTINGS)):
		faults.append(_sent(channel, message))
		frappe.db.commit()
	return [fault for fault in faults if fault]


# -- digest ----------------------------------------------------------------------------------------------------------


def send_digest() -> None:
	"""Every morning, on the admin site: mail what stands and what was closed, as SaaS Settings say. Commits."""
	if not site_role.is_admin_site():
		return
	settings = frappe.get_doc(SETTINGS)
	wanted, now = settings.alert_digest or "", now_datetime()
	is_weekly = WEEKLY in wanted and now.weekday() == MONDAY
	to = channels.addresses(settings.alert_mail_to)
	if not to or not (is_weekly or DAILY in wanted):
		return
	since = now - timedelta(days=7 if is_weekly else 1)
	message = digest_since(since)
	_note(_sent(Channel(channels.MAIL, lambda each: channels.mail(each, to)), message))
	frappe.db.commit()


def digest_since(since) -> messages.Message:
	"""The message of what stands, and what was closed since then."""
	found = [alert for alert, _told in alert_records.telling(now_datetime(), since=since)]
	shown = [alert for alert in found if alert.status in (OPEN, ACKNOWLEDGED) and not alert.cause]
	closed = [alert for alert in found if alert.status == CLOSED]
	return messages.digest(shown, closed, since, frappe.local.site)


# -- watchdog --------------------------------------------------------------------------------------------------------


def ping() -> None:
	"""Tell the watchdog elsewhere that scheduler, queue, worker and checks go on; nothing where none is set. Commits."""
	if not (url := channels.secret(frappe.get_doc(SETTINGS), "watchdog_url")):
		return
	try:
		channels.ask_watchdog(url)
	except NotTold as error:
		frappe.logger("buildpro_saas").warning(str(error))
