"""What the browser tests prepare on a tenant's site."""

import json

import frappe
from frappe.utils.password import update_password

from buildpro_saas.tenant_site import declared_limits, limit_usage, limits, usage


def sign_in_as_owner(password: str) -> str:
	"""Give the owner a password, and return the user's name."""
	owner = frappe.get_all("User", {"email": ("like", "%@%.example"), "enabled": 1}, pluck="name")[0]
	update_password(owner, password)
	frappe.db.commit()
	return owner


def fill(users: int, uses: str) -> None:
	"""Have so many system users, and uses counted: JSON of [[feature, outcome, count], …]."""
	for number in range(users - int(limit_usage.in_use(declared_limits.declared()["max_users"]))):
		user = frappe.get_doc(
			{
				"doctype": "User",
				"email": f"p{number}@people.example",
				"first_name": f"P{number}",
				"send_welcome_email": 0,
				"roles": [{"role": "System Manager"}],
			}
		)
		user.flags.no_welcome_mail = True
		user.insert()
	for feature, outcome, count in json.loads(uses):
		for _ in range(count):
			usage.count(feature, outcome)
	limits.measure_limits()
