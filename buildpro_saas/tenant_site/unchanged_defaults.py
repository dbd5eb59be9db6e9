"""A default that is set to the value that it has already: nothing changes, so that nothing that is cached has to go.

Frappe throws away all that is cached of a site whenever a default of all users is set: hooks, the definitions of doctypes, what each user
may do. And it sets one, to the same value nearly always, whenever a User is saved (`email_user_password`): as a customer chooses his first
password, and is then signed in, all of it had to be read anew.
"""

from functools import wraps

import frappe
import frappe.defaults

from buildpro_saas import site_role


def keep() -> None:
	"""Have this process look at the value first, on tenants' sites. Frappe has no extension point for it: its function is wrapped."""
	original = frappe.defaults.set_default
	if getattr(original, "looks_first", False):
		return

	@wraps(original)
	def set_default(key, value, parent, parenttype="__default"):
		if site_role.is_tenant_site() and _has(parent, key, value):
			# what is cached of it may be older still: another's change was cached by half
			frappe.cache.hdel("defaults", parent)
			return None
		return original(key, value, parent, parenttype)

	set_default.looks_first = True
	frappe.defaults.set_default = set_default


def _has(parent: str, key: str, value: object) -> bool:
	"""Whether the one row of the default has just this text. It is held until the transaction ends, as Frappe does with it."""
	table = frappe.qb.DocType("DefaultValue")
	rows = (
		frappe.qb.from_(table)
		.select(table.defvalue)
		.where((table.defkey == key) & (table.parent == parent))
		.for_update()
		.run(pluck=True)
	)
	return isinstance(value, str) and rows == [value]
