"""What the tests of a site know of the operator's features and tenants, and how another process comes to the database."""

import pymysql

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


def second_connection(frappe) -> pymysql.Connection:
	"""A connection to the site's database that is not Frappe's, as another request has one."""
	conf = frappe.conf
	return pymysql.connect(
		host=conf.db_host,
		port=int(conf.db_port),
		user=conf.db_name,
		password=conf.db_password,
		database=conf.db_name,
	)
