"""Marks a site's set-up wizard as done, without a company, and its tours as seen. Runs in the bench's env, in sites/.

Usage: quiet_desk.py SITE
"""

import sys

import frappe
from frappe.desk.page.setup_wizard.setup_wizard import disable_future_access

site = sys.argv[1]
frappe.init(site=site)
frappe.connect()
try:
	disable_future_access()
	# Newer frameworks keep the state for each app; `frappe` is the one whose wizard Desk asks for.
	if frappe.db.has_column("Installed Application", "is_setup_complete"):
		frappe.db.set_value("Installed Application", {"app_name": "frappe"}, "is_setup_complete", 1)
	settings = {"enable_onboarding": 0, "country": "United States", "time_zone": "Etc/UTC", "language": "en"}
	for fieldname, value in settings.items():
		if frappe.get_meta("System Settings").has_field(fieldname):
			frappe.db.set_single_value("System Settings", fieldname, value)
	frappe.db.set_value("User", "Administrator", "time_zone", settings["time_zone"])
	frappe.db.set_default("country", settings["country"])
	frappe.db.commit()
	frappe.clear_cache()
finally:
	frappe.destroy()
