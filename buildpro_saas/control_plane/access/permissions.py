"""The guard of the admin doctypes: on any site but the admin site they are refused to everybody.

Roles decide on the admin site. Elsewhere no role helps, since a tenant's System Manager can give himself any:
`buildpro_role` in site_config.json, which nobody can write from Desk, has the last word.
"""

from typing import TYPE_CHECKING

from buildpro_saas import framework, site_role

if TYPE_CHECKING:
	from frappe.model.document import Document


def has_permission(doc: "Document", ptype: str | None = None, user: str | None = None) -> bool | None:
	"""Hook `has_permission`: False off the admin site; on it the roles decide."""
	return framework.undecided() if site_role.is_admin_site() else False


def query_conditions(user: str | None = None, doctype: str | None = None) -> str:
	"""Hook `permission_query_conditions` for lists, reports and search: no condition on the admin site.

	Raises frappe.PermissionError elsewhere: a list that is merely empty would look like an answer.
	"""
	site_role.only_on_admin_site()
	return ""


def refuse_off_admin_site(doc: "Document", method: str | None = None) -> None:
	"""Hook `before_validate`: raise frappe.PermissionError off the admin site, for Administrator and for code, too."""
	site_role.only_on_admin_site()
