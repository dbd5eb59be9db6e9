"""What the tests of a site know of the operator's features and tenants."""

CATALOGUE = {
	"features": {
		"daily_log": {"label": "Daily Log", "plan": "Core"},
		"rfi": {"label": "RFI", "plan": "Growth"},
		"bim": {"label": "BIM <i>Models</i>", "plan": "Enterprise"},
		"drones": {"label": "Drones", "plan": None},
	},
	"limits": {"max_users": {"label": "Users"}},
}


def new_tenant(frappe, name: str, plan: str, status: str = "Active", **fields):
	"""A tenant on the admin site as its job left it, or is about to."""
	doc = frappe.get_doc(
		{
			"doctype": "Tenant",
			"subdomain": name,
			"company": name.title(),
			"owner_name": "Olga Owner",
			"owner_email": f"olga@{name}.example",
			"plan": plan,
			"country": "Germany",
			**fields,
		}
	).insert()
	doc.db_set("status", status)
	return frappe.get_doc("Tenant", name)
