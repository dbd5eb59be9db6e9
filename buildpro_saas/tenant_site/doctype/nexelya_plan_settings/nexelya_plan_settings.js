frappe.ui.form.on("Nexelya Plan Settings", {
	refresh(frm) {
		// Everything here follows from the signed entitlement: there is nothing to save.
		frm.disable_save();
		frm.page.set_title(__("Your Plan"));
		frm.get_field("features").$wrapper.html(frm.doc.__onload?.features || "");
	},
});
