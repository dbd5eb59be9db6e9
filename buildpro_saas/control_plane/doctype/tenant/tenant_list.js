frappe.listview_settings["Tenant"] = {
	add_fields: ["status", "site"],
};
