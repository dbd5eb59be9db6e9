"""Records that a site does not see while it lacks their feature: Frappe's permission hooks for all doctypes.

The framework of 2023 asks such hooks for single doctypes only. framework.py has it ask these for all.
"""

from buildpro_saas import framework
from buildpro_saas.tenant_site import gates


def has_permission(doc, ptype: str | None = None, user: str | None = None) -> bool | None:
	"""Hook: False while the doctype is hidden here; otherwise the roles and other hooks decide."""
	return False if gates.is_hidden(doc.doctype) else framework.undecided()


def conditions(user: str | None = None, doctype: str | None = None) -> str:
	"""Hook `permission_query_conditions`: no condition, or one that no record meets while the doctype is hidden here."""
	return "1 = 0" if doctype and gates.is_hidden(doctype) else ""
