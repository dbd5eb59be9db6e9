"""Doctypes whose records a site does not see while it lacks their feature: Frappe's permission hooks, made for each of them.

Frappe of 2023 knows these hooks for single doctypes only, and tells a query condition not which doctype it is asked for. So
hooks.py names, for each doctype that a feature may hide, a function of this module that is made when it is looked up.
"""

from collections.abc import Callable

from frappe import local

from buildpro_saas import site_role
from buildpro_saas.tenant_site import gates

PREFIX = "conditions_of_"
PERMISSION = f"{__name__}.has_permission"


def hooks() -> tuple[dict[str, str], dict[str, str]]:
	"""Hooks `has_permission` and `permission_query_conditions` for this site's doctypes that a feature may hide."""
	if not getattr(local, "site", None) or not site_role.is_tenant_site():
		return {}, {}
	doctypes = gates.load().hidden
	return (
		dict.fromkeys(doctypes, PERMISSION),
		{doctype: f"{__name__}.{PREFIX}{doctype.encode().hex()}" for doctype in doctypes},
	)


def has_permission(doc, ptype: str | None = None, user: str | None = None) -> bool | None:
	"""False while the doctype is hidden here; None leaves the answer to the roles and to other hooks."""
	return False if gates.is_hidden(doc.doctype) else None


def __getattr__(name: str) -> Callable:
	if not name.startswith(PREFIX):
		raise AttributeError(f"module {__name__} has no attribute {name}")
	doctype = bytes.fromhex(name.removeprefix(PREFIX)).decode()

	def conditions(user: str | None = None) -> str:
		return "1 = 0" if gates.is_hidden(doctype) else ""

	return conditions
