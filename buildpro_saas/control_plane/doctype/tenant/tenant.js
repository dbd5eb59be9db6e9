{% include "buildpro_saas/control_plane/site_operations.js" %}
{% include "buildpro_saas/control_plane/tenant_life.js" %}
{% include "buildpro_saas/control_plane/restore_site.js" %}
{% include "buildpro_saas/control_plane/tenant_domains.js" %}
{% include "buildpro_saas/control_plane/tenant_diagnosis.js" %}

const POLL_SECONDS = 3;

frappe.ui.form.on("Tenant", {
	setup(frm) {
		for (const field of ["plan", "plan_after_trial", "next_plan"]) {
			frm.set_query(field, { filters: { is_active: 1 } });
		}
		frm.set_query("plan_version", () => ({ filters: { plan: frm.doc.plan } }));
		frm.set_query("addon", "addons", { filters: { is_active: 1 } });
		frm.set_query("bench", { filters: { status: "Active" } });
	},
	onload(frm) {
		offer_time_zones(frm);
		begin_with_own_country(frm);
	},
	refresh(frm) {
		frm.set_intro("");
		stop_following(frm);
		show_address(frm);
		if (frm.is_new()) return;
		add_buttons(frm);
		show_job(frm);
		show_plans(frm);
		show_moments(frm);
		show_domains(frm);
		if (frm.doc.status === "Provisioning") follow(frm);
	},
	on_hide: stop_following,
	subdomain: show_address,
	bench: show_address,
	country: take_region_of_country,
});

// To which moments the site can be restored. The server is asked, so this comes when it comes.
async function show_moments(frm) {
	const field = frm.get_field("recoverable_moments");
	field.html("");
	if (!HAS_SITE.includes(frm.doc.status)) return;
	const tenant = frm.docname;
	const method = "buildpro_saas.api.tenants.recoverable_moments";
	const { message: can } = await frappe.call({ method, args: { tenant }, type: "GET" });
	if (!can || frm.docname !== tenant) return;
	const escape = frappe.utils.escape_html;
	const rows = can.spans.map(({ first, last }) => `<tr><td>${escape(first)}</td><td>${escape(last)}</td></tr>`).join("");
	field.html(
		can.why_not
			? `<p class="text-muted">${__("Backups can be restored as they are, and no moments between:")} ${escape(can.why_not)}</p>`
			: `<table class="table table-bordered"><thead><tr><th>${__("First Recoverable Moment")}</th>
				<th>${__("Last Recoverable Moment")}</th></tr></thead><tbody>${rows}</tbody></table>`
	);
}

// The country's own zones come first.
async function offer_time_zones(frm, of_country = []) {
	const { timezones } = await frappe.xcall("frappe.core.doctype.user.user.get_timezones");
	frm.set_df_property("time_zone", "options", [...new Set([...of_country, ...timezones])]);
}

// What the server would fill in, shown before it is saved: a country with several time zones leaves the choice.
async function take_region_of_country(frm) {
	const { country } = frm.doc;
	if (!country) return;
	const method = "buildpro_saas.api.tenants.region";
	const { message: region } = await frappe.call({ method, args: { country }, type: "GET" });
	if (frm.doc.country !== country) return;
	frm.set_value({ currency: region.currency || "", time_zone: region.time_zone || "" });
	offer_time_zones(frm, region.time_zones);
}

// Desk fills a new record with this site's own currency, whatever its country.
function begin_with_own_country(frm) {
	if (!frm.is_new() || frm.doc.time_zone) return;
	frm.doc.currency = "";
	take_region_of_country(frm);
}

// What the subdomain becomes, while it is typed.
async function show_address(frm) {
	if (!frm.is_new()) return;
	const own = frm.doc.bench && (await frappe.db.get_value("Bench", frm.doc.bench, "base_domain"));
	const domain =
		own?.message?.base_domain || (await frappe.db.get_single_value("SaaS Settings", "base_domain"));
	const name = (frm.doc.subdomain || "").trim().toLowerCase();
	const field = frm.get_field("subdomain");
	field.set_description(
		name && domain ? __("The site will be {0}.", [frappe.utils.escape_html(`${name}.${domain}`)]) : __(field.df.description)
	);
}

function add_buttons(frm) {
	const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
	const { status, __onload } = frm.doc;
	if (is_manager) add_status_buttons(frm);
	if (is_manager) add_life_buttons(frm);
	if (is_manager && HAS_SITE.includes(status)) {
		frm.add_custom_button(__("Copy Site"), () => ask_to_copy(frm));
		frm.add_custom_button(__("Back Up"), () => ask_to_back_up(frm));
		for (const [name, { label, is_for_many }] of Object.entries(SITE_OPERATIONS)) {
			if (!is_for_many) frm.add_custom_button(label, () => ask_site_operation(name, [frm.docname]), __("Site"));
		}
		frm.add_custom_button(__("Restore"), () => ask_to_restore(frm.docname));
		frm.add_custom_button(__("Clone"), () => ask_to_clone(frm));
		if (frm.doc.cloned_from) frm.add_custom_button(__("Keep Clone Longer"), () => ask_days_of_clone(frm));
		frm.add_custom_button(__("List Customisations"), () => act(frm, "list_customisations").then(() => frm.reload_doc()), __("Site"));
	}
	if (HAS_SITE.includes(status)) frm.add_custom_button(__("Diagnose"), () => show_diagnosis(frm));
	if (__onload?.url) {
		frm.add_custom_button(__("Open Site"), () => window.open(__onload.url, "_blank", "noopener"));
		if (is_manager && status === "Active") frm.add_custom_button(__("Owner's Link"), () => show_owner_link(frm));
	}
	if (status === "Draft" && is_manager) {
		frm.add_custom_button(__("Provision"), () => act(frm, "provision").then(() => frm.reload_doc())).addClass(
			"btn-primary"
		);
	}
}

const HAS_SITE = ["Active", "Past Due", "Suspended"];

// A copy of this moment, to which the site can be put back: before anything that may go wrong.
function ask_to_copy(frm) {
	const fields = [
		{ fieldname: "why", fieldtype: "Data", label: __("Why"), description: __("Stays on record with the copy.") },
		{ fieldname: "hours", fieldtype: "Float", label: __("Keep (Hours)"), description: __("Empty: as SaaS Settings say.") },
	];
	const go = async ({ why, hours }) => {
		const { shadow } = await act(frm, "copy_site", { why: why || null, hours: hours || null });
		frappe.set_route("Form", "Site Shadow", shadow);
	};
	frappe.prompt(fields, go, __("Copy the site of {0}", [frm.docname]), __("Copy"));
}

function ask_to_back_up(frm) {
	const field = { fieldname: "why", fieldtype: "Data", label: __("Why"), description: __("Stays on record with the backup.") };
	const go = async ({ why }) => {
		const { backup } = await act(frm, "back_up", { why: why || null });
		frappe.set_route("Form", "Backup", backup);
	};
	frappe.prompt([field], go, __("Back up the site of {0}", [frm.docname]), __("Back Up"));
}

// A tenant of its own, for staging or support.
function ask_to_clone(frm) {
	const fields = [
		{ fieldname: "subdomain", fieldtype: "Data", label: __("Subdomain"), reqd: 1, description: __("The clone's own.") },
		{ fieldname: "days", fieldtype: "Float", label: __("Keep (Days)"), description: __("Empty: as SaaS Settings say. It is suspended then.") },
		{
			fieldname: "is_silenced",
			fieldtype: "Check",
			label: __("Silenced"),
			default: 1,
			description: __("It sends no mail, calls no web hooks and other systems, and its scheduler is paused."),
		},
	];
	const go = async ({ subdomain, days, is_silenced }) => {
		// Desk itself shows why it was refused
		const made = await act(frm, "clone", { subdomain, days: days || null, is_silenced }).catch(() => null);
		if (made) frappe.set_route("Form", "Provisioning Job", made.job);
	};
	frappe.prompt(fields, go, __("Clone {0}", [frm.docname]), __("Clone"));
}

function ask_days_of_clone(frm) {
	const field = { fieldname: "days", fieldtype: "Float", reqd: 1, label: __("Days from Now"), default: 14 };
	const go = async ({ days }) => {
		await act(frm, "keep_clone", { days });
		frm.reload_doc();
	};
	frappe.prompt([field], go, __("Keep {0} Longer", [frm.docname]), __("Keep"));
}

const STATUS_ACTIONS = {
	suspend: {
		from: ["Active", "Past Due"],
		label: __("Suspend"),
		needs_reason: 1,
		told: __("The site is closed to its users until the tenant is resumed. Its data stays as it is."),
	},
	mark_past_due: {
		from: ["Active"],
		label: __("Mark Past Due"),
		needs_reason: 1,
		told: __("The site works on, and says that the tenant has not paid."),
	},
	resume: {
		from: ["Past Due", "Suspended"],
		label: __("Resume"),
		needs_reason: 0,
		told: __("The site works as before at once."),
	},
};

function add_status_buttons(frm) {
	for (const [method, action] of Object.entries(STATUS_ACTIONS)) {
		if (!action.from.includes(frm.doc.status)) continue;
		const label = method === "resume" && frm.doc.status === "Past Due" ? __("Mark Paid") : action.label;
		frm.add_custom_button(label, () => ask_reason(frm, method, label, action), __("Status"));
	}
}

function ask_reason(frm, method, label, { needs_reason, told }) {
	const field = {
		fieldname: "reason",
		fieldtype: "Small Text",
		label: __("Reason"),
		reqd: needs_reason,
		description: told,
	};
	const go = async ({ reason }) => {
		await act(frm, method, { reason: reason || "" });
		frm.reload_doc();
	};
	frappe.prompt([field], go, label, label);
}

function act(frm, method, args) {
	// by name, not with the form's copy of the document: a job may have changed the record since it was loaded
	return frappe.xcall("run_doc_method", { dt: frm.doctype, dn: frm.docname, method, ...(args && { args }) });
}

// What was agreed for later, and whether the site is closed, where it cannot be overlooked.
function show_plans(frm) {
	const { plans, site_state } = frm.doc.__onload || {};
	const told = [...(site_state || []), plans].filter(Boolean).map(frappe.utils.escape_html);
	if (told.length) frm.dashboard.set_headline(told.join("<br>"), site_state?.length ? "orange" : "blue");
}

function show_owner_link(frm) {
	const owner = frappe.utils.escape_html(frm.doc.owner_email);
	const question = __("Make a new link with which {0} sets a password? An earlier link stops working.", [owner]);
	frappe.confirm(question, async () => {
		const { link } = await act(frm, "owner_link");
		const dialog = new frappe.ui.Dialog({
			title: __("Owner's Link"),
			fields: [
				{
					fieldname: "link",
					fieldtype: "Small Text",
					label: __("Link"),
					read_only: 0,
					default: link,
					description: __("It works once and expires. It is shown this one time: hand it over now."),
				},
			],
			primary_action_label: __("Copy"),
			primary_action: () => frappe.utils.copy_to_clipboard(link),
		});
		dialog.show();
	});
}

const SHOWS_JOB_IN = ["Provisioning", "Failed", "Draft"];

function show_job(frm) {
	const job = frm.doc.__onload?.job;
	if (job && SHOWS_JOB_IN.includes(frm.doc.status)) show_progress(frm, job);
}

// The job's title, its status and, while it has begun, how many of its steps are done. steps: of the whole job, where they are known.
function show_progress(frm, job, steps = []) {
	const color = { Failed: "red", Cancelled: "yellow" }[job.status] || "blue";
	const href = frappe.utils.get_form_link("Provisioning Job", job.name);
	const title = frappe.utils.escape_html(job.title);
	const done = steps.filter((step) => step.status === "Completed").length;
	const progress = done ? `, ${__("{0} of {1} steps", [done, steps.length])}` : "";
	frm.set_intro("");
	frm.set_intro(`<a href="${href}" class="bold"><u>${title}</u></a>: ${__(job.status)}${progress}`, color);
}

// The page shows by itself how far the job is, and that the tenant became Active or Failed; unsaved edits are left alone.
function follow(frm) {
	frm.follow_timer = setInterval(async () => {
		if (cur_frm !== frm || frm.is_dirty() || document.hidden) return;
		const { message } = await frappe.db.get_value("Tenant", frm.docname, "status");
		if (message?.status && message.status !== frm.doc.status) return frm.reload_doc();
		const job = frm.doc.__onload?.job;
		if (!job) return;
		const now = await frappe.xcall("frappe.client.get", { doctype: "Provisioning Job", name: job.name });
		if (cur_frm === frm && frm.doc.status === "Provisioning") show_progress(frm, now, now.steps);
	}, POLL_SECONDS * 1000);
}

function stop_following(frm) {
	clearInterval(frm.follow_timer);
}
