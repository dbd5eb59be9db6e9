"""A customer that gets another name while its site is in use."""

import frappe
from frappe import _

from buildpro_saas.licensing import delivery


def tell(tenant, old: str) -> None:
	"""Bring the new name to the site's Nexelya Plan Settings, and say what keeps the old one there.

	ERPNext's company is not renamed from here. That would write every account, warehouse and document that names it. It takes minutes, and
	the customer should choose when.
	"""
	delivery.send([tenant.name], _("its company's name"))
	if not any(row.app == "erpnext" for row in tenant.apps):
		return
	sentence = _(
		"The company on the site of {0} is still called {1}, with its accounts and documents: to rename it, a System Manager opens the"
		" Company there and chooses Rename in the menu. Here and in the site's Nexelya Plan Settings it is {2}."
	)
	frappe.msgprint(
		sentence.format(*map(frappe.utils.escape_html, (tenant.name, old, tenant.company))),
		title=_("The site's company keeps its name"),
		indicator="orange",
	)
