frappe.ui.form.on("Drift Finding", {
	refresh(frm) {
		frm.disable_save();
		if (frappe.session.user !== "Administrator" && !frappe.user.has_role("SaaS Manager")) return;
		const add = (label, method) =>
			frm.add_custom_button(label, async () => {
				await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method });
				frm.reload_doc();
			});
		if (frm.doc.__onload?.may_be_adopted) frm.add_custom_button(__("Adopt"), () => adopt(frm));
		if (frm.doc.status === "Open") add(__("Ignore"), "ignore");
		if (frm.doc.status === "Removed" && frm.doc.trash) add(__("Put Back"), "put_back");
		if (frm.doc.status === "Ignored") add(__("Report Again"), "report_again");
	},
});

function adopt(frm) {
	frappe.prompt(
		{
			fieldname: "plan",
			fieldtype: "Link",
			options: "Plan",
			label: __("Plan"),
			description: __("Leave it empty for the plan that the site's statement names."),
		},
		async ({ plan }) => {
			const tenant = await frappe.xcall("run_doc_method", {
				dt: frm.doctype,
				dn: frm.docname,
				method: "adopt",
				args: { plan: plan || null },
			});
			frappe.set_route("Form", "Tenant", tenant);
		},
		__("Take {0} in again", [frm.doc.subject]),
		__("Adopt")
	);
}
