"""The limit on users, where a role is given access to Desk: all users who have the role then begin to count at once."""

import frappe
from frappe.utils import cint
from frappe.utils.data import evaluate_filters

from buildpro_saas.tenant_site import limits


def check(doc, method: str | None = None) -> None:
	"""Hook `validate` of Role. Raise LimitReachedError where *Desk Access* is ticked and there is no room for all who have the role.

	The framework makes them System Users one after the other, and would stop halfway at the limit.
	"""
	before = doc.get_doc_before_save()
	if not (before and cint(doc.desk_access) and not cint(before.desk_access) and not cint(doc.disabled)):
		return
	if not (in_force := limits.on_documents("User")):
		return
	holders = frappe.get_all("Has Role", {"role": doc.name, "parenttype": "User"}, pluck="parent")
	people = frappe.get_all("User", {"name": ("in", holders), "user_type": "Website User"}, ["*"])
	for limit in in_force:
		coming = [person for person in people if _comes_to_count(person, limit.filters)]
		if coming:
			limits.require_room(limit, len(coming))


def _comes_to_count(person: dict, filters: list) -> bool:
	then = {**person, "user_type": "System User"}
	return evaluate_filters(frappe._dict(then), filters) and not evaluate_filters(person, filters)
