"""The ways in which people are told: Desk's bell, mail, a signed web hook, and whatever apprise knows. Each raises where it did not work."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import frappe
import requests
from frappe.utils import escape_html

from buildpro_saas.monitoring.checks.check import CRITICAL, INFO, WARNING
from buildpro_saas.monitoring.messages import Message

SETTINGS = "SaaS Settings"
BELL, MAIL, HOOK, OTHERS = "bell", "mail", "web hook", "apprise"
RUNG_FOR = "SaaS Manager"
SECONDS = 10
APPRISE_TYPES = {INFO: "info", WARNING: "warning", CRITICAL: "failure"}


class NotTold(Exception):
	"""A way of telling did not work. The message is a sentence without secrets."""


@dataclass(frozen=True)
class Channel:
	"""A way of telling. key: what alerts note it by. is_always: severity and hours are not asked."""

	key: str
	send: Callable[[Message], None]
	is_always: bool = False


def all_of(settings) -> list[Channel]:
	"""The ways that are set up in SaaS Settings (the document)."""
	found = [Channel(BELL, ring, is_always=True)]
	if to := addresses(settings.alert_mail_to):
		found.append(Channel(MAIL, lambda message: mail(message, to)))
	if hook := secret(settings, "alert_hook_url"):
		key = secret(settings, "alert_hook_secret")
		found.append(Channel(HOOK, lambda message: post(message, hook, key)))
	for number, url in enumerate(secret(settings, "alert_channels").split(), start=1):
		found.append(Channel(f"{OTHERS} {number}", lambda message, url=url: notify(message, url)))
	return found


def addresses(text: str | None) -> list[str]:
	"""The addresses in a text, with blanks, commas or semicolons between."""
	return (text or "").replace(",", " ").replace(";", " ").split()


def secret(settings, field: str) -> str:
	"""A Password of the settings; "" for none."""
	return settings.get_password(field, raise_exception=False) or ""


def ring(message: Message) -> None:
	"""Show each alert in the bell of every SaaS Manager. The caller commits."""
	having = {"role": RUNG_FOR, "parenttype": "User"}
	users = {*frappe.get_all("Has Role", having, pluck="parent"), "Administrator"}
	rung = frappe.get_all("User", {"name": ("in", sorted(users)), "enabled": 1}, pluck="name")
	for alert in message.alerts:
		for user in rung:
			frappe.get_doc(
				{
					"doctype": "Notification Log",
					"type": "Alert",
					"for_user": user,
					"subject": escape_html(f"{alert['event']}: {alert['sentence']}"[:140]),
					"email_content": escape_html(alert["advice"]),
					"document_type": "Monitoring Alert" if alert["alert"] else None,
					"document_name": alert["alert"] or None,
				}
			).insert(ignore_permissions=True)


def mail(message: Message, to: list[str]) -> None:
	"""Put a mail into the site's queue of mails. The caller commits."""
	body = "".join(f"<p>{escape_html(line)}</p>".replace("\n", "<br>") for line in message.lines)
	try:
		frappe.sendmail(recipients=to, subject=message.title, message=body)
	except frappe.OutgoingEmailError:
		frappe.clear_messages()
		raise NotTold("This site has no account that sends mail: make an Email Account.") from None


def post(message: Message, url: str, key: str) -> None:
	"""Post it as JSON. The signature is the HMAC-SHA256, by the secret, of the time in its header, a dot, and the body."""
	body = json.dumps(
		{"title": message.title, "severity": message.severity, "alerts": message.alerts}
	).encode()
	at = str(int(time.time()))
	headers = {"Content-Type": "application/json", "X-BuildPro-Time": at}
	if key:
		headers["X-BuildPro-Signature"] = f"sha256={signature(key, at, body)}"
	try:
		answer = requests.post(url, data=body, headers=headers, timeout=SECONDS, allow_redirects=False)
	except requests.RequestException as error:
		raise NotTold(f"The web hook does not answer ({type(error).__name__}).") from None
	if not answer.ok:
		raise NotTold(f"The web hook answered {answer.status_code}.")


def signature(key: str, at: str, body: bytes) -> str:
	"""What proves that a body was sent by who knows the secret, and when."""
	return hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def notify(message: Message, url: str) -> None:
	"""Tell one of the services that apprise knows."""
	service = known_service(url)
	if service is None:
		raise NotTold("One of the addresses is none that apprise knows.")
	is_told = service.notify(
		title=message.title, body=message.text, notify_type=APPRISE_TYPES[message.severity]
	)
	if not is_told:
		raise NotTold(f"{service.service_name} did not take it.")


def known_service(url: str):
	"""The apprise object of an address; None where apprise does not know it."""
	from apprise import Apprise  # takes half a second, and is needed only where somebody uses it

	return Apprise.instantiate(url, suppress_exceptions=True)


def ask_watchdog(url: str) -> None:
	"""Tell the watchdog elsewhere that all goes on."""
	try:
		answer = requests.get(url, timeout=SECONDS, allow_redirects=False)
	except requests.RequestException as error:
		raise NotTold(f"The watchdog does not answer ({type(error).__name__}).") from None
	if not answer.ok:
		raise NotTold(f"The watchdog answered {answer.status_code}.")
