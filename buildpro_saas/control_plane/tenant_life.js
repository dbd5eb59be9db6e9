// What gives a tenant another name, takes its site away, or brings it back. Each starts a job, and shows it.
const TENANT_LIFE = {
	rename_site: {
		from: ["Active", "Past Due", "Suspended"],
		label: __("Rename"),
		fields: (frm) => [
			{
				fieldname: "subdomain",
				fieldtype: "Data",
				label: __("New Subdomain"),
				reqd: 1,
				description: __("{0} leads to it for some days (SaaS Settings). The site is closed for some seconds, and its users sign in again.", [
					frappe.utils.escape_html(frm.doc.site),
				]),
			},
		],
	},
	archive: {
		from: ["Active", "Past Due", "Suspended"],
		label: __("Archive"),
		fields: (frm) => [
			reason_field(),
			without_site_field(),
			confirm_field(frm, __("A last backup is taken, and the site goes. Unarchive brings it back from that backup.")),
		],
	},
	unarchive: {
		from: ["Archived"],
		label: __("Unarchive"),
		fields: (frm) => [
			{
				fieldname: "backup",
				fieldtype: "Link",
				options: "Backup",
				label: __("Backup"),
				default: frm.doc.last_backup,
				get_query: () => ({ filters: { tenant: frm.docname, status: "Kept" } }),
				description: __("Empty: the last one, which was taken as the tenant was archived."),
			},
		],
	},
	remove_site: {
		from: ["Active", "Past Due", "Suspended", "Archived"],
		label: __("Remove"),
		fields: (frm) => [
			reason_field(),
			without_site_field(),
			confirm_field(
				frm,
				__("For good: a last backup is taken, and the site goes. Some days later (SaaS Settings) nobody can read that backup any more.")
			),
		],
	},
};

function reason_field() {
	return {
		fieldname: "reason",
		fieldtype: "Small Text",
		label: __("Reason"),
		description: __("Stays on record with the tenant."),
	};
}

function without_site_field() {
	return {
		fieldname: "without_site",
		fieldtype: "Data",
		label: __("Without Its Site"),
		description: __("Empty, unless the site's folder or database is lost: then leave it empty once, and you are told what to type."),
	};
}

function confirm_field(frm, told) {
	const name = frappe.utils.escape_html(frm.doc.subdomain);
	return {
		fieldname: "confirm",
		fieldtype: "Data",
		label: __("Subdomain"),
		reqd: 1,
		description: `${told} ${__("Type {0}.", [name])}`,
	};
}

function add_life_buttons(frm) {
	for (const [method, { from, label, fields }] of Object.entries(TENANT_LIFE)) {
		if (!from.includes(frm.doc.status)) continue;
		const go = async (given) => {
			const args = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, value || null]));
			const made = await act(frm, method, args).catch(() => null); // Desk itself shows why it was refused
			if (made) frappe.set_route("Form", "Provisioning Job", made.job);
		};
		const title = __("{0}: {1}", [label, frm.docname]);
		frm.add_custom_button(label, () => frappe.prompt(fields(frm), go, title, label), __("Status"));
	}
}
