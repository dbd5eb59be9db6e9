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
		if (frm.perm[0]?.write) {
			frm.add_custom_button(__("Back Up This Site"), () => back_up(frm));
			frm.add_custom_button(__("Drill Its Backup"), () => drill(frm));
			frm.add_custom_button(__("Send Test Alert"), () => send_test_alert(frm));
		}
		frm.add_custom_button(__("Backups of This Site"), () =>
			frappe.set_route("List", "Backup", { kind: "Admin Site" })
		);
	},
});

function back_up(frm) {
	const field = { fieldname: "why", fieldtype: "Data", label: __("Why"), description: __("Stays on record with the backup.") };
	const act = async ({ why }) => {
		const { message } = await frm.call("back_up_admin_site", { why: why || null });
		frappe.set_route("Form", "Backup", message.backup);
	};
	frappe.prompt([field], act, __("Back Up This Site"), __("Back Up"));
}

function drill(frm) {
	const told = __("This site's newest backup is restored beside the sites, compared with what it must hold, and dropped.");
	frappe.confirm(`<b>${__("Drill Its Backup")}</b><br>${told}`, async () => {
		const { message } = await frm.call("drill_admin_site");
		frappe.set_route("Form", "Provisioning Job", message.job);
	});
}

async function send_test_alert(frm) {
	const { message } = await frm.call("send_test_alert");
	const told = message.length ? message.map(frappe.utils.escape_html).join("<br>") : __("Every way that is set up was told.");
	frappe.msgprint({ title: __("Send Test Alert"), message: told, indicator: message.length ? "red" : "green" });
}
