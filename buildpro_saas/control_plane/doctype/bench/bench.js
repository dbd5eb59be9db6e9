frappe.ui.form.on("Bench", {
	refresh(frm) {
		if (frm.is_new() || !frm.doc.is_reachable) return;
		frm.add_custom_button(__("Refresh Facts"), async () => {
			await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method: "refresh_facts" });
			frm.reload_doc();
		});
	},
});
