"""What is done on the copy of a customer's site that is for staging or support, before anybody uses it. Run by Site.run.

A silenced copy reaches nobody: no mail, no web hook, no other system, no sign-in by another one's account. It also has none of the
secrets with which the customer's site reaches them.
"""

import secrets

import frappe
from cryptography.fernet import Fernet
from frappe.utils.password import update_password

from buildpro_saas.agent import site_config
from buildpro_saas.agent.restored_site import settle

# Modules of doctypes that are about other systems; and what their switches are called.
MODULES = ("Integrations", "ERPNext Integrations", "Telephony", "Utilities")
SWITCHES = (
	*("enabled", "enable", "enable_sync", "is_enabled"),
	*("enable_push_notification_relay", "enable_address_autocompletion"),
)
# {doctype: the switches that are turned off}, beside those
OFF = {
	"Email Account": ("enable_incoming", "enable_outgoing", "default_incoming", "default_outgoing"),
	"Webhook": ("enabled",),
	"Social Login Key": ("enable_social_login",),
	"Auto Email Report": ("enabled",),
	"Notification": ("enabled",),
	"LDAP Settings": ("enabled",),
	"Event": ("sync_with_google_calendar",),
	# its codes would come by mail, or by a secret that the copy does not have; and people sign in with their passwords alone
	"System Settings": ("enable_two_factor_auth", "disable_user_pass_login", "login_with_email_link"),
}
# {doctype: fields that are emptied}: addresses to which something is sent, and keys
EMPTIED = {
	"Slack Webhook URL": ("webhook_url",),
	"SMS Settings": ("sms_gateway_url",),
	"User": ("api_key", "reset_password_key"),
}
TOKENS = ("OAuth Bearer Token", "OAuth Authorization Code", "Token Cache")
# Records of what was used and sent, which are the customer's site's.
USED = ("Feature Usage", "Limit Level")
SECRETS_OF_USERS = ("%_otpsecret", "%_otplogin")


def silence() -> dict:
	"""Turn off all by which the site reaches others, and take their secrets away: {"off": {doctype: how many}, "secrets": how many}."""
	off = {}
	for doctype, fields in _switches().items():
		if number := _set(doctype, fields, 0):
			off[doctype] = number
	for doctype, fields in EMPTIED.items():
		_set(doctype, fields, None)
	for doctype in TOKENS:
		if _has_table(doctype):
			frappe.db.delete(doctype)
	lost = frappe.db.sql("select count(*) from `__Auth` where encrypted = 1")[0][0]
	frappe.db.sql("delete from `__Auth` where encrypted = 1")
	for pattern in SECRETS_OF_USERS:
		frappe.db.sql("delete from tabDefaultValue where defkey like %s", pattern)
	frappe.db.commit()
	return {"off": off, "secrets": lost}


def make_own(is_silenced: bool) -> dict:
	"""Give the copy an encryption key of its own, and its Administrator a password that nobody knows; end what was under way.

	is_silenced: whether it is silenced, too; otherwise its secrets are encrypted anew. Returns {"sessions", "mails", "off", "secrets"}.
	"""
	done = settle()
	done |= silence() if is_silenced else {"off": {}, "secrets": 0}
	old, new = frappe.conf.get("encryption_key"), Fernet.generate_key().decode()
	if not is_silenced:
		_encrypt_anew(old, new)
	for doctype in USED:
		if _has_table(doctype):
			frappe.db.delete(doctype)
	update_password("Administrator", secrets.token_urlsafe(32))
	frappe.db.commit()
	site_config.update_own({"encryption_key": new})
	frappe.clear_cache()
	return done


def _encrypt_anew(old: str | None, new: str) -> None:
	"""Raises cryptography's InvalidToken for a secret that the site itself cannot read."""
	rows = frappe.db.sql("select doctype, name, fieldname, password from `__Auth` where encrypted = 1")
	if not rows:
		return
	before, after = Fernet(old.encode()), Fernet(new.encode())
	for doctype, name, field, secret in rows:
		frappe.db.sql(
			"update `__Auth` set password = %s where doctype = %s and name = %s and fieldname = %s",
			(after.encrypt(before.decrypt(secret.encode())).decode(), doctype, name, field),
		)


def _switches() -> dict[str, tuple[str, ...]]:
	"""{doctype: its switches} of those that the site has."""
	found: dict[str, set[str]] = {doctype: set(fields) for doctype, fields in OFF.items()}
	rows = frappe.db.sql(
		"""select f.parent, f.fieldname from tabDocField f, tabDocType d
		where d.name = f.parent and d.module in %s and f.fieldtype = 'Check' and f.fieldname in %s""",
		(MODULES, SWITCHES),
	)
	for doctype, field in rows:
		found.setdefault(doctype, set()).add(field)
	return {doctype: tuple(sorted(fields)) for doctype, fields in found.items()}


def _set(doctype: str, fields: tuple[str, ...], value: int | None) -> int:
	"""Set the fields of all records of the doctype; returns how many had another value."""
	is_single = frappe.db.get_value("DocType", doctype, "issingle")
	if is_single is None:
		return 0
	number = 0
	if is_single:
		rows = "from tabSingles where doctype = %s and field in %s and coalesce(value, '') not in ('', '0')"
		number = frappe.db.sql(f"select count(*) {rows}", (doctype, fields))[0][0]
		frappe.db.sql(
			"update tabSingles set value = %s where doctype = %s and field in %s", (value, doctype, fields)
		)
		return number
	if not _has_table(doctype):
		return 0
	there = set(frappe.db.get_table_columns(doctype))
	for field in sorted(set(fields) & there):
		wanted = f"coalesce(`{field}`, '') not in ('', '0')"
		number += frappe.db.sql(f"select count(*) from `tab{doctype}` where {wanted}")[0][0]
		frappe.db.sql(f"update `tab{doctype}` set `{field}` = %s where {wanted}", (value,))
	return number


def _has_table(doctype: str) -> bool:
	return f"tab{doctype}" in set(frappe.db.get_tables(cached=False))
