frappe.ui.form.on("Site Certificate", {
	refresh(frm) {
		const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
		if (!is_manager || frm.doc.status === "Removed" || frm.doc.method === "Uploaded") return;
		frm.add_custom_button(__("Renew"), async () => {
			const { job } = await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method: "renew" });
			frappe.set_route("Form", "Provisioning Job", job);
		});
	},
});
