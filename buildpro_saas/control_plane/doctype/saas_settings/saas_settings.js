frappe.ui.form.on("SaaS Settings", {
	setup(frm) {
		frm.set_query("default_bench", { filters: { status: "Active" } });
	},
	refresh(frm) {
		const has_account = frm.doc.__onload?.has_account;
		const text = has_account
			? __("The control plane has its database account.")
			: __("The control plane has no database account yet: enter one here, or run {0}.", [
					`<code>bench --site ${frappe.utils.escape_html(frappe.boot.sitename)} saas setup</code>`,
			  ]);
		frm.get_field("account_state").html(
			`<p><span class="indicator ${has_account ? "green" : "red"}"></span>${text}</p>`
		);
	},
});
