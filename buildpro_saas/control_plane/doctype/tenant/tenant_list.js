{% include "buildpro_saas/control_plane/site_operations.js" %}

frappe.listview_settings["Tenant"] = {
	add_fields: ["status", "site"],
	onload(list) {
		if (frappe.session.user !== "Administrator" && !frappe.user.has_role("SaaS Manager")) return;
		list.page.add_inner_button(__("Take In a Site"), () => frappe.new_doc("Site Intake"));
		for (const [name, { label }] of Object.entries(SITE_OPERATIONS)) {
			list.page.add_actions_menu_item(label, () => ask_site_operation(name, list.get_checked_items(true)), false);
		}
	},
};
