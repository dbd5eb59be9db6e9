"""Inserts a Tenant at a given second, in a process of its own: python insert_tenant.py ADMIN_SITE SUBDOMAIN AT."""

import sys
import time

import frappe

site, subdomain, at = sys.argv[1:]
frappe.init(site=site)
frappe.connect()
tenant = frappe.get_doc(
	{
		"doctype": "Tenant",
		"subdomain": subdomain,
		"company": "Race Ltd",
		"owner_name": "Rita Racer",
		"owner_email": f"owner@{subdomain}.example",
		"plan": "Core",
		"country": "Germany",
		"currency": "EUR",
		"time_zone": "Europe/Berlin",
		"language": "en",
	}
)
time.sleep(max(0, float(at) - time.time()))
try:
	tenant.insert()
	frappe.db.commit()
	print("won")
except (frappe.ValidationError, frappe.DuplicateEntryError) as error:
	frappe.db.rollback()
	print(f"lost: {error}")
