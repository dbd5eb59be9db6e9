frappe.ui.form.on("Bench", {
	refresh(frm) {
		if (frm.is_new() || !frm.doc.is_reachable) return;
		frm.add_custom_button(__("Refresh Facts"), async () => {
			await frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method: "refresh_facts" });
			frm.reload_doc();
		});
		frm.add_custom_button(__("Refresh Apps and Sites"), () => ask_refresh(frm));
	},
});

function ask_refresh(frm) {
	frappe.prompt(
		[
			{
				fieldtype: "HTML",
				options: `<p>${__(
					"Sites are backed up, apps pulled and rehearsed with copies of some tenants, processes restarted, and sites migrated: some first, then all. It halts at the first failure."
				)}</p>`,
			},
			{ fieldname: "has_backup", fieldtype: "Check", label: __("Back up each site before"), default: 1 },
			{ fieldname: "has_pull", fieldtype: "Check", label: __("Pull the apps"), default: 1 },
			{ fieldname: "canaries", fieldtype: "Int", label: __("Tenants that go first, at most"), default: 5 },
		],
		async (values) => {
			const found = await frappe.xcall("buildpro_saas.api.refreshes.start", { bench: frm.docname, ...values });
			frappe.set_route("Form", "Provisioning Job", found.job);
		},
		__("Refresh {0}", [frm.docname]),
		__("Refresh")
	);
}
