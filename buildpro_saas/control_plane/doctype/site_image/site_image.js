frappe.ui.form.on("Site Image", {
	refresh(frm) {
		frm.disable_save();
		if (frappe.session.user !== "Administrator" && !frappe.user.has_role("SaaS Manager")) return;
		const act = (method) =>
			frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method });
		if (frm.doc.status !== "Building") {
			frm.add_custom_button(__("Rebuild"), async () =>
				frappe.set_route("Form", "Site Image", await act("rebuild"))
			);
			frm.add_custom_button(__("Prune"), () =>
				frappe.confirm(
					__("Remove this image? New sites with these apps take longer until there is another one."),
					async () => frappe.set_route("Form", "Provisioning Job", await act("prune"))
				)
			);
		}
	},
});
