frappe.ui.form.on("Drift Finding", {
	refresh(frm) {
		frm.disable_save();
		if (frappe.session.user !== "Administrator" && !frappe.user.has_role("SaaS Manager")) return;
		const add = (label, method) =>
			frm.add_custom_button(label, async () => {
				await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method });
				frm.reload_doc();
			});
		if (frm.doc.status === "Open") add(__("Ignore"), "ignore");
		if (frm.doc.status === "Removed" && frm.doc.trash) add(__("Put Back"), "put_back");
		if (frm.doc.status === "Ignored") add(__("Report Again"), "report_again");
	},
});
