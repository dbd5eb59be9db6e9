frappe.ui.form.on("Former Name", {
	refresh(frm) {
		const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
		if (!is_manager || frm.doc.status !== "Leads There") return;
		frm.add_custom_button(__("Free Now"), () => {
			const question = __("{0} leads nowhere then, and any tenant may have it. Free it now?", [frm.doc.site]);
			frappe.confirm(frappe.utils.escape_html(question), async () => {
				await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method: "free_now" });
				frm.reload_doc();
			});
		});
	},
});
