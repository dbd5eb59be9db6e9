"""Doctypes whose records a site does not see while it lacks their feature, by Frappe's permission hooks.

Where the framework has hooks for all doctypes, one of each does. Where it has them for single doctypes only (up to the early 15), hooks.py
names, for each doctype that a feature may hide, a function of this module that is made when it is looked up: such a framework tells a
query condition not which doctype it is asked for.
"""

from collections.abc import Callable

from frappe import local

from buildpro_saas import framework, site_role
from buildpro_saas.tenant_site import gates

PREFIX = "conditions_of_"
PERMISSION = f"{__name__}.has_permission"
CONDITIONS = f"{__name__}.conditions"


def hooks() -> tuple[dict[str, str], dict[str, str]]:
	"""Hooks `has_permission` and `permission_query_conditions` of this site, for what a feature may hide."""
	if not getattr(local, "site", None) or not site_role.is_tenant_site():
		return {}, {}
	if framework.has_hooks_of_all_doctypes():
		return {framework.EVERY: PERMISSION}, {framework.EVERY: CONDITIONS}
	doctypes = gates.load().hidden
	return (
		dict.fromkeys(doctypes, PERMISSION),
		{doctype: f"{__name__}.{PREFIX}{doctype.encode().hex()}" for doctype in doctypes},
	)


def has_permission(doc, ptype: str | None = None, user: str | None = None) -> bool | None:
	"""False while the doctype is hidden here; otherwise the roles and other hooks decide."""
	return False if gates.is_hidden(doc.doctype) else framework.undecided()


def conditions(user: str | None = None, doctype: str | None = None) -> str:
	"""The condition of lists: none, or one that no record meets while the doctype is hidden here."""
	return "1 = 0" if doctype and gates.is_hidden(doctype) else ""


def __getattr__(name: str) -> Callable:
	if not name.startswith(PREFIX):
		raise AttributeError(f"module {__name__} has no attribute {name}")
	doctype = bytes.fromhex(name.removeprefix(PREFIX)).decode()

	def conditions_of(user: str | None = None) -> str:
		return conditions(user, doctype)

	return conditions_of
