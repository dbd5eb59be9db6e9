frappe.ui.form.on("Site Intake", {
	setup(frm) {
		frm.set_query("plan", { filters: { is_active: 1 } });
		frm.set_query("bench", { filters: { status: "Active" } });
	},
	refresh(frm) {
		const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
		if (frm.is_new()) {
			frm.set_intro(__("Save it, then press Look: nothing is touched by that."), "blue");
			return;
		}
		frm.set_intro("");
		if (frm.doc.tenant) return frm.disable_save();
		if (!is_manager || frm.is_dirty()) return;
		const look = frm.add_custom_button(__("Look"), async () => {
			if (await act(frm, "look")) frm.scroll_to_field("report");
		});
		if (frm.doc.status !== "Ready") return look.addClass("btn-primary");
		frm.add_custom_button(__("Take In"), () => ask_to_take_in(frm)).addClass("btn-primary");
	},
});

// Desk itself shows why something was refused; the form is read anew in any case.
async function act(frm, method) {
	const args = { dt: frm.doctype, dn: frm.docname, method };
	const { message } = await frappe.call({ method: "run_doc_method", args, freeze: true }).catch(() => ({}));
	await frm.reload_doc();
	return message;
}

function ask_to_take_in(frm) {
	const { source, site, in_place, maintenance, subdomain } = frm.doc;
	const name = frappe.utils.escape_html(site || "");
	let told = __("What is taken in is only read.");
	if (source === "Site of a Bench" && in_place) {
		told = __("{0} becomes the tenant's. People can only read until that is done. What it was is kept for some hours.", [name]);
	} else if (source === "Site of a Bench" && maintenance) {
		told = __("{0} is closed to everybody, and stays so.", [name]);
	}
	const question = __("Take it in as {0}?", [frappe.utils.escape_html(subdomain || "")]);
	frappe.confirm(`${question} ${told}`, async () => {
		const made = await act(frm, "take_in");
		if (made) frappe.set_route("Form", "Provisioning Job", made.job);
	});
}
