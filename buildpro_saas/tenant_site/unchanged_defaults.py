"""Keeps a site's caches when a default is set to the value that it has already.

Frappe throws away all caches of a site whenever a default of all users is set: hooks, the definitions of doctypes, what each user may
do. And it sets one (`email_user_password`) whenever a User is saved, nearly always to the same value. So when a customer chose the first
password and was then signed in, all of it had to be read again.
"""

from functools import wraps

import frappe
import frappe.defaults

from buildpro_saas import site_role


def keep() -> None:
	"""On tenants' sites, have this process look at the value first. Frappe has no hook there, so its function is wrapped."""
	original = frappe.defaults.set_default
	if getattr(original, "looks_first", False):
		return

	@wraps(original)
	def set_default(key, value, parent, parenttype="__default"):
		if site_role.is_tenant_site() and _has(parent, key, value):
			# the cached value may be older still: another process's change may have cleared only half of the caches
			frappe.cache.hdel("defaults", parent)
			return None
		return original(key, value, parent, parenttype)

	set_default.looks_first = True
	frappe.defaults.set_default = set_default


def _has(parent: str, key: str, value: object) -> bool:
	"""Whether the default has one row, with just this text. The row is locked until the transaction ends, as Frappe does."""
	table = frappe.qb.DocType("DefaultValue")
	rows = (
		frappe.qb.from_(table)
		.select(table.defvalue)
		.where((table.defkey == key) & (table.parent == parent))
		.for_update()
		.run(pluck=True)
	)
	return isinstance(value, str) and rows == [value]
