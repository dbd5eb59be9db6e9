"""Makes a new site the customer's own: owner, company.

Steps of provisioning call these functions by dotted name. Each may be called again after an interruption, and ends in the same state.
"""

from contextlib import contextmanager
from datetime import timedelta

import frappe
import frappe.defaults
from frappe import _
from frappe.cache_manager import clear_defaults_cache
from frappe.desk.page.setup_wizard.setup_wizard import setup_complete
from frappe.email.doctype.email_account.email_account import EmailAccount
from frappe.utils import cint, get_datetime, now_datetime, validate_email_address
from frappe.utils.global_search import rebuild_for_doctype
from frappe.utils.scheduler import enable_scheduler

from buildpro_saas import framework, region
from buildpro_saas.tenant_site import (
	company_setup,
	record_names,
)

# Roles that Frappe's own set-up keeps from a site's first user
# (frappe/desk/page/setup_wizard/setup_wizard.py), and ours, which belong to the operator's staff.
NOT_FOR_OWNER = {
	"Administrator",
	"Customer",
	"Supplier",
	"Partner",
	"Employee",
	"SaaS Manager",
	"SaaS Support",
}
# How long an owner has to follow the link (seconds); Frappe's 20 minutes suit somebody who has just asked for it.
LINK_VALID = 24 * 60 * 60
LINK_EXPIRY = "reset_password_link_expiry_duration"


def make_owner(email: str, full_name: str, language: str, time_zone: str) -> dict:
	"""Make the customer's own System Manager, without a password and without a mail, or complete it.

	language: name of a Language ("en"); time_zone: name of the tz database. Returns {"user", "created": bool}.
	Raises frappe.ValidationError for an address that is malformed or belongs to Administrator or Guest.
	"""
	email = validate_email_address(email, throw=True).lower()
	same_address = frappe.db.get_value("User", {"email": email})
	if same_address in frappe.STANDARD_USERS:
		frappe.throw(
			_(
				"{0} is the address of this site's own user {1}. Give the owner another e-mail address."
			).format(email, same_address)
		)
	first_name, _space, last_name = full_name.strip().partition(" ")
	user = frappe.get_doc("User", same_address) if same_address else frappe.new_doc("User")
	user.update({"enabled": 1, "language": language, "time_zone": time_zone})
	if not same_address:
		user.update(
			{
				"email": email,
				"first_name": first_name or email,
				"last_name": last_name,
				"send_welcome_email": 0,
			}
		)
	user.append_roles(*owner_roles())
	# Inviting is a step of its own, once the site answers.
	user.flags.no_welcome_mail = True
	user.flags.ignore_permissions = True
	user.save()
	if not same_address:
		frappe.db.set_single_value("System Settings", LINK_EXPIRY, LINK_VALID)
	return {"user": user.name, "created": not same_address}


def make_owner_unless_there(email: str, full_name: str, language: str | None, time_zone: str | None) -> dict:
	"""The customer's own System Manager on a site that people have used before: one who is there stays as he is. As make_owner answers.

	Raises frappe.ValidationError where the address is that of a user who is disabled.
	"""
	email = validate_email_address(email, throw=True).lower()
	there = frappe.db.get_value("User", {"email": email}, ["name", "enabled"], as_dict=True)
	if not there:
		defaults = frappe.get_single("System Settings")
		return make_owner(email, full_name, language or defaults.language, time_zone or defaults.time_zone)
	if not there.enabled:
		frappe.throw(_("The user {0} is disabled on this site. Name another owner.").format(there.name))
	return {"user": there.name, "created": False}


def owner_roles() -> list[str]:
	"""The roles of the customer's own System Manager: all that work in Desk, as Frappe gives its first user."""
	roles = frappe.get_all("Role", {"desk_access": 1, "disabled": 0}, pluck="name")
	return sorted({*roles, "System Manager"} - NOT_FOR_OWNER - framework.automatic_roles())


def invite_owner(email: str) -> dict:
	"""Mail the owner a single-use link to set a password, through Frappe's queue, where the site can send mail.

	Returns {"sent": bool}. A second call sends no second mail while the first link is good. A new link ends earlier ones.
	"""
	user = _owner(email)
	if not can_send_mail():
		return {"sent": False}
	if not _is_invited(user):
		user.flags.delay_emails = True
		user.send_welcome_mail_to_user()
	return {"sent": True}


def password_link(email: str) -> dict:
	"""{"link"}: a single-use link that expires, for the owner to set a password. Earlier links end."""
	return {"link": _owner(email).reset_password()}


def can_send_mail() -> bool:
	"""Whether this site has an outgoing account, its own or one in site_config.json, and is not muted."""
	if frappe.flags.mute_emails or cint(frappe.conf.get("mute_emails")):
		return False
	return bool(EmailAccount.find_default_outgoing())


def _is_invited(user) -> bool:
	"""Whether a mail with the user's unused, unexpired link waits in the queue or has been sent."""
	made = user.last_reset_password_key_generated_on
	valid = cint(frappe.db.get_single_value("System Settings", LINK_EXPIRY))
	if (
		not user.reset_password_key
		or not made
		or now_datetime() > get_datetime(made) + timedelta(seconds=valid)
	):
		return False
	mails = frappe.get_all(
		"Email Queue Recipient", {"recipient": user.email, "creation": (">=", made)}, pluck="parent"
	)
	return bool(mails and frappe.db.exists("Email Queue", {"name": ("in", mails), "status": ("!=", "Error")}))


def _owner(email: str):
	"""The user that a link is made for; makes sure that the link expires."""
	name = frappe.db.get_value("User", {"email": email.strip().lower(), "enabled": 1})
	if not name or name in frappe.STANDARD_USERS:
		frappe.throw(_("There is no enabled user {0} on this site.").format(email), frappe.DoesNotExistError)
	if not cint(frappe.db.get_single_value("System Settings", LINK_EXPIRY)):
		frappe.db.set_single_value("System Settings", LINK_EXPIRY, LINK_VALID)
	return frappe.get_doc("User", name)


def set_up_company(
	company: str,
	country: str,
	currency: str,
	time_zone: str,
	language: str,
	owner_email: str,
	owner_name: str,
) -> dict:
	"""Go through the framework's set-up wizard for the owner, with ERPNext's part of it where ERPNext is installed.

	country, currency and language are names of Frappe's documents ("United States", "USD", "en"). time_zone is a name of the tz
	database. Returns {"way": "erpnext" or "framework"}. Commits, as the wizard does. Raises frappe.ValidationError with the wizard's own
	failure. A site where it failed must be made anew, because the wizard commits as it goes.
	"""
	has_erpnext = "erpnext" in frappe.get_installed_apps()
	if not framework.is_set_up():
		region.make_currency(currency)
		company_setup.check_known(Country=country, Currency=currency, Language=language)
		company_setup.check_time_zone(time_zone)
		arguments = {
			"language": frappe.db.get_value("Language", language, "language_name"),
			"country": country,
			"timezone": time_zone,
			"currency": currency,
			"full_name": owner_name,
			"email": owner_email.strip().lower(),
			"enable_telemetry": 0,
		}
		arguments["lang"] = arguments["language"]
		if has_erpnext:
			arguments.update(company_setup.erpnext_arguments(company, country, time_zone))
		_run_wizard(arguments)
	if has_erpnext:
		company_setup.check_company(company)
	else:
		company_setup.set_currency(currency)
	enable_scheduler()
	frappe.db.commit()
	frappe.clear_cache()
	return {"way": "erpnext" if has_erpnext else "framework"}


def index_for_search_later() -> None:
	"""Have this site's workers make its search index. An image has none, and what its installers had queued is gone."""
	frappe.enqueue(
		"buildpro_saas.tenant_site.onboarding.index_for_search", queue="long", enqueue_after_commit=True
	)


def index_for_search() -> None:
	"""Make the search entries of every doctype that is searched. For a site that has no doctypes but its apps' own."""
	for doctype in _searched_doctypes():
		rebuild_for_doctype(doctype)


def _searched_doctypes() -> list[str]:
	"""The same list as Frappe's get_doctypes_with_global_search, at less cost.

	Frappe's reads the definition of every doctype. That takes seconds of a processor (a dozen with ERPNext), just while the owner
	signs in for the first time.
	"""
	settings = ("in_global_search", "show_name_in_global_search")
	marked = {
		*frappe.get_all("DocField", {"in_global_search": 1}, pluck="parent"),
		*frappe.get_all("Custom Field", {"in_global_search": 1}, pluck="dt"),
		*frappe.get_all("Property Setter", {"property": ("in", settings)}, pluck="doc_type"),
		*frappe.get_all("DocType", {"show_name_in_global_search": 1}, pluck="name"),
	}
	kinds = {"name": ("in", marked), "istable": 0, "issingle": 0}
	found = frappe.get_all("DocType", kinds, pluck="name", order_by="name")
	return [doctype for doctype in found if frappe.get_meta(doctype).get_global_search_fields()]


def _run_wizard(arguments: dict) -> None:
	frappe.local.flags.buildpro_wizard_failure = None
	with _in_foreground(), _keeping_caches(), record_names.names_of_its_own():
		answer = setup_complete(arguments) or {}
	# Frappe of 2023 answers with the failure instead of raising it.
	if answer.get("status") != "ok" or not framework.is_set_up():
		reason = answer.get("fail") or _("the set-up wizard did not complete")
		detail = frappe.local.flags.buildpro_wizard_failure
		frappe.throw(f"{reason}: {detail}" if detail else reason, title=_("Set-up failed"))


def remember_wizard_failure(traceback: str, arguments: dict) -> None:
	"""Hook `setup_wizard_exception`: keep what went wrong for the message of set_up_company."""
	lines = [line for line in traceback.strip().splitlines() if line.strip()]
	frappe.local.flags.buildpro_wizard_failure = lines[-1].strip() if lines else None


@contextmanager
def _keeping_caches():
	"""While the wizard runs, a default that is set clears the cache of defaults only, and not all caches of the site.

	The wizard sets some fifty defaults. After each, Frappe would read every doctype's definition again: half of the time of ERPNext's
	set-up (docs/benchmarks.md). All caches are cleared once at the end. A framework that clears its caches by another name is left
	as it is.
	"""
	clear, common = framework.defaults_cache()
	if not clear:
		yield
		return

	def clear_defaults(parent: str) -> None:
		if parent in common:
			clear_defaults_cache()
		else:
			clear(parent)

	frappe.defaults._clear_cache = clear_defaults
	try:
		yield
	finally:
		frappe.defaults._clear_cache = clear


@contextmanager
def _in_foreground():
	"""Have the wizard run in this process. Some benches run it in the background, but a step must see how it ends."""
	key = "trigger_site_setup_in_background"
	before = frappe.local.conf.pop(key, None)
	try:
		yield
	finally:
		if before is not None:
			frappe.local.conf[key] = before
