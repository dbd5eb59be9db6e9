"""Puts an entitlement into force on this site, and has the site's own records show the one in force."""

import time

import frappe
from frappe import _
from frappe.model.document import Document

from buildpro_saas.agent import site_config
from buildpro_saas.entitlements import acceptance
from buildpro_saas.entitlements.statement import EntitlementError
from buildpro_saas.tenant_site import (
	caches,
	declared_limits,
	entitlement,
	installed_apps_guard,
	limit_usage,
	site_limits,
)


def apply_entitlement(token: str, catalogue: dict | None = None, company: str | None = None) -> dict:
	"""Put a signed entitlement into force on this site, and show it in Nexelya Plan Settings.

	Returns {"plan", "status", "features": count, "sequence"}. company: the name to show, None to leave the one shown.
	Raises frappe.ValidationError when the token is not genuine, was made for another site, or is older than one that the site has
	had. The one in force then stays.
	"""
	if not token:
		frappe.throw(_("There is no entitlement to apply."))
	try:
		statement = entitlement.apply(token, catalogue)
	except EntitlementError as error:
		frappe.throw(str(error), title=_("Entitlement refused"))
	site_limits.follow()
	settings = show_entitlement(company)
	# forget now for this process; and after the commit, for what another process has cached of the old one meanwhile
	caches.forget()
	frappe.db.after_commit.add(caches.forget)
	return {
		"plan": settings.plan_type,
		"status": settings.status,
		"features": len(statement.grants().features),
		"sequence": statement.sequence,
	}


def show_entitlement(company: str | None = None) -> Document:
	"""Have this site's own records show the entitlement in force: Nexelya Plan Settings, and a row for each limit.

	Returns the settings. The caller commits. The admin site calls this after a push where the records would otherwise show something
	else (licensing/site_files.py).
	"""
	statement = entitlement.load_decisions().statement
	settings = frappe.get_doc(entitlement.DOCTYPE)
	settings.company = company or settings.company
	settings.show_entitlement()
	installed_apps_guard.restore()
	if statement:
		limit_usage.make_missing(statement.grants().limits.keys() & declared_limits.declared().keys())
		shown = acceptance.shown(statement, settings.company, time.time())
		frappe.db.after_commit.add(lambda: site_config.update_own({acceptance.SHOWN_KEY: shown}))
	return settings


def show_newest_entitlement() -> None:
	"""Once an hour: show what was put into force since the last time.

	Where nothing else has changed, the admin site pushes by the files alone.
	"""
	shown = frappe.db.get_single_value(entitlement.DOCTYPE, "token", cache=False)
	if shown != entitlement.stored_token() or installed_apps_guard.is_missing():
		show_entitlement()
