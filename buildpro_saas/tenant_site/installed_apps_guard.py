"""Keeps this app among the apps of a tenant's site, whatever the site's own database says.

Frappe reads the apps of a site from its database (`installed_apps`, a row of DefaultValue). It calls the hooks of those apps only. A
tenant's Administrator can write that row over REST, and so can a Server Script. Without this guard, all gates and limits would be
gone once our app is not in the row. site_config.json, which they cannot write, says that the site is a tenant's.
"""

import json
from functools import wraps

import frappe

APP = "buildpro_saas"
# In site_config.json. entitlement.py explains it, but cannot be imported this early.
SEQUENCE_KEY = "buildpro_sequence"


def keep() -> None:
	"""Have this process find the app on every tenant's site. Frappe has no hook there, so its function is wrapped."""
	original = frappe.get_installed_apps
	if getattr(original, "keeps_buildpro", False):
		return

	@wraps(original)
	def get_installed_apps(*args, **kwargs) -> list[str]:
		apps = original(*args, **kwargs)
		if APP not in apps and must_have_it():
			apps.append(APP)
		return apps

	get_installed_apps.keeps_buildpro = True
	frappe.get_installed_apps = get_installed_apps


def must_have_it() -> bool:
	"""Whether the app was installed here for sure: the site is a tenant's and has had an entitlement."""
	conf = frappe.local.conf
	is_being_made = getattr(frappe.flags, "in_install_db", True)
	return bool(conf.get("buildpro_role") == "tenant" and conf.get(SEQUENCE_KEY) and not is_being_made)


def is_missing() -> bool:
	"""Whether the site's list in its database lacks the app."""
	return APP not in _listed()


def _listed() -> list[str]:
	return json.loads(frappe.db.get_global("installed_apps") or "[]")


def restore() -> bool:
	"""Put the app back into the site's list if it was taken out. Returns whether it was."""
	if not is_missing():
		return False
	others = [each for each in _listed() if each != "frappe"]
	frappe.db.set_global("installed_apps", json.dumps(["frappe", *others, APP]))
	frappe.clear_cache()
	frappe.log_error(title=f"{APP} had been taken out of this site's installed apps, and was put back")
	return True
