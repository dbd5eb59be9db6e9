"""What SaaS Settings say of alerts, checked when they are saved."""

from urllib.parse import urlsplit

from frappe import _
from frappe.utils import validate_email_address

from buildpro_saas.monitoring import channels, telling_rules
from buildpro_saas.refusal import refuse

URLS = ("alert_hook_url", "watchdog_url")
SPANS = ("alert_repeat_hours", "alert_escalate_minutes")
LONGEST = 10_000


def check(settings) -> None:
	"""Raise frappe.ValidationError, with what to change, for hours, addresses or web addresses that are none. settings: the document."""
	try:
		telling_rules.hours(settings.alert_hours)
	except ValueError as error:
		refuse(_("{0} are no hours: enter them as Mon-Fri 08:00-18:00, Sat 09:00-12:00."), error)
	for field in SPANS:
		if not 0 <= (settings.get(field) or 0) <= LONGEST:
			label = _(settings.meta.get_label(field))
			refuse(_("{0} must be a whole number from 0 to {1}."), label, LONGEST)
	for field in ("alert_mail_to", "alert_escalate_to"):
		for address in channels.addresses(settings.get(field)):
			if not validate_email_address(address):
				refuse(_("{0}: {1} is no e-mail address."), _(settings.meta.get_label(field)), address)
	for field in URLS:
		if (url := _entered(settings, field)) and not _is_web(url):
			refuse(
				_("{0} is no web address: enter one that begins with https:// or http://."),
				_(settings.meta.get_label(field)),
			)
	for number, url in enumerate(_entered(settings, "alert_channels").split(), start=1):
		if channels.known_service(url) is None:
			# the address is a secret, and is not repeated
			refuse(
				_("The address number {0} of Slack, Telegram and Others is none that apprise knows."), number
			)


def _entered(settings, field: str) -> str:
	"""A Password that is being entered; "" for one that was kept before, which comes as stars."""
	value = settings.get(field) or ""
	return "" if settings.is_dummy_password(value) else value.strip()


def _is_web(url: str) -> bool:
	try:
		parts = urlsplit(url)
	except ValueError:
		return False
	return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
