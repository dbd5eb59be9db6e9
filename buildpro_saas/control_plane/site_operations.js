// What staff do with tenants' sites: the same buttons on a tenant's page and in the list. Each starts a batch, and shows it.
// is_for_many: a tenant's page has a button of its own for it.
const SITE_OPERATIONS = {
	migrate: {
		label: __("Migrate"),
		told: __("A copy of the site is migrated, and takes its place. Meanwhile people read, and nobody writes. If it fails, the site stays as it is."),
	},
	rehearse: {
		label: __("Rehearse Migrate"),
		told: __("A copy of the site is migrated and dropped: whether it goes well, how long it takes, what it changes."),
	},
	drill: {
		label: __("Drill"),
		told: __("The newest backup is restored into a copy, compared with what it must hold, asked, and dropped. The site is not touched."),
	},
	back_up: {
		label: __("Back Up"),
		is_for_many: true,
		fields: [{ fieldname: "why", fieldtype: "Data", label: __("Why"), description: __("Stays on record with the backups.") }],
	},
	restore_lost: {
		label: __("Mend Lost Site"),
		told: __("A site whose folder or database is lost is made anew from its newest backup; a lost database user is made again. A site that is whole is left alone."),
	},
	clear_cache: { label: __("Clear Cache"), told: __("Forget what Redis has of the site.") },
	close: {
		label: __("Maintenance On"),
		method: "maintenance",
		fixed: { is_on: 1 },
		fields: [
			{
				fieldname: "message",
				fieldtype: "Small Text",
				label: __("Message"),
				description: __("What people are told who come meanwhile. The site answers nothing else until it is opened."),
			},
		],
	},
	open: {
		label: __("Maintenance Off"),
		method: "maintenance",
		fixed: { is_on: 0 },
		told: __("Open the site, whoever has closed it."),
	},
	pause: {
		label: __("Pause Scheduler"),
		method: "scheduler",
		fixed: { is_paused: 1 },
		fields: [{ fieldname: "message", fieldtype: "Data", label: __("Why"), description: __("Shown with the site.") }],
	},
	go_on: {
		label: __("Resume Scheduler"),
		method: "scheduler",
		fixed: { is_paused: 0 },
		told: __("Let the site's scheduled jobs go on."),
	},
	run_function: {
		label: __("Run Function"),
		fields: [
			{
				fieldname: "method",
				fieldtype: "Data",
				label: __("Function"),
				reqd: 1,
				description: __("The dotted name of a whitelisted function of the site's apps. It runs as Administrator."),
			},
			{ fieldname: "args", fieldtype: "Code", options: "JSON", label: __("Arguments"), description: __("A JSON object, or nothing.") },
		],
	},
};

function ask_site_operation(name, tenants) {
	const { label, told, fields, fixed, method } = SITE_OPERATIONS[name];
	const go = async (given) => {
		const args = { tenants: JSON.stringify(tenants), ...fixed };
		for (const [key, value] of Object.entries(given || {})) if (value) args[key] = value;
		const { batch } = await frappe.xcall(`buildpro_saas.api.sites.${method || name}`, args);
		frappe.set_route("Form", "Batch", batch);
	};
	const whom = tenants.length === 1 ? tenants[0] : __("{0} tenants", [tenants.length]);
	if (fields) frappe.prompt(fields, go, `${label}: ${whom}`, label);
	else frappe.confirm(`<b>${label}: ${frappe.utils.escape_html(whom)}</b><br>${told}`, () => go());
}
