frappe.listview_settings["Site Image"] = {
	add_fields: ["status", "reason"],
	hide_name_column: false,
	onload(list) {
		if (frappe.session.user !== "Administrator" && !frappe.user.has_role("SaaS Manager")) return;
		list.page.add_inner_button(__("Build Images"), async () => {
			const images = await frappe.xcall("buildpro_saas.api.images.build");
			frappe.show_alert({ message: __("{0} images are being built.", [images.length]), indicator: "blue" });
			list.refresh();
		});
	},
};
