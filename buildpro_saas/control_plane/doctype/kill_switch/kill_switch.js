frappe.ui.form.on("Kill Switch", {
	refresh(frm) {
		if (frm.is_new()) return;
		// a record: only its end can be set
		for (const field of ["feature", "starts_on", "reason"]) frm.set_df_property(field, "read_only", 1);
		const is_over = frm.doc.ends_on && frm.doc.ends_on <= frappe.datetime.system_datetime();
		const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
		if (is_over) {
			frm.set_df_property("ends_on", "read_only", 1);
			frm.disable_save();
		}
		if (is_over || !is_manager) return;
		frm.add_custom_button(__("Lift"), async () => {
			await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method: "lift" });
			frm.reload_doc();
		});
	},
});
