frappe.ui.form.on("Backup Store", {
	refresh(frm) {
		frm.disable_save();
		if (frm.doc.status !== "In Use") return;
		if (frappe.session.user !== "Administrator" && !frappe.user.has_role("SaaS Manager")) return;
		frm.add_custom_button(__("Check"), () => start_job(frm, "check"));
		frm.add_custom_button(__("Copy Offsite"), () => start_job(frm, "copy_offsite"));
		if (frm.doc.strangers) frm.add_custom_button(__("Take In"), () => take_in(frm));
	},
});

function ask_store(frm, method) {
	return frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method });
}

async function start_job(frm, method) {
	frappe.set_route("Form", "Provisioning Job", await ask_store(frm, method));
}

// What lies there and no record knows: it may have been taken after the backup that this site was restored from.
async function take_in(frm) {
	const names = await ask_store(frm, "take_in");
	frappe.show_alert({ message: __("{0} backups are on record now.", [names.length]), indicator: "green" });
	frm.reload_doc();
}
