frappe.ui.form.on("Plan", {
	setup(frm) {
		frm.set_query("includes", () => ({ filters: { name: ["!=", frm.docname] } }));
	},
	refresh(frm) {
		show_resolved(frm);
	},
	// Staff see who gains and loses what before it happens, and say who gets it.
	async before_save(frm) {
		frm.doc.apply_changes_to = frm.doc.change_reason = "";
		if (frm.is_new()) return;
		const found = await preview(frm);
		if (!found.count) return;
		const choice = await ask(found);
		if (choice) Object.assign(frm.doc, choice);
		else frappe.validated = false;
	},
});

function preview(frm) {
	// rows that are not filled yet are no matter of the preview: saving refuses them
	const args = {
		features: (frm.doc.features || []).map((row) => row.feature).filter(Boolean),
		limits: (frm.doc.limits || [])
			.filter((row) => row.limit_key)
			.map(({ limit_key, value, is_hard }) => ({ limit_key, value, is_hard })),
		includes: frm.doc.includes || null,
	};
	// not run_doc_method: with its answer Desk puts the stored plan in the place of what staff entered
	return frappe.xcall("buildpro_saas.api.plans.preview_changes", { plan: frm.docname, ...args });
}

// Resolves to what the form is to say of the change, or to null when staff close the dialog.
function ask(found) {
	return new Promise((resolve) => {
		let choice = null;
		const take = (apply_changes_to) => {
			choice = { apply_changes_to, change_reason: dialog.get_value("why") || "" };
			dialog.hide();
		};
		const dialog = new frappe.ui.Dialog({
			title: __("{0} tenants are affected", [found.count]),
			size: "extra-large",
			fields: [
				{ fieldname: "changes", fieldtype: "HTML", options: table(found) },
				{
					fieldname: "why",
					fieldtype: "Small Text",
					label: __("Why It Changes"),
					description: __("Kept with the new version of the plan."),
				},
			],
			primary_action_label: __("Everyone now"),
			primary_action: () => take("Everyone now"),
			secondary_action_label: __("Only new tenants"),
			secondary_action: () => take("Only new tenants"),
		});
		dialog.onhide = () => resolve(choice);
		dialog.show();
	});
}

const escaped = (text) => frappe.utils.escape_html(String(text));
const pill = (text, color) => `<span class="indicator-pill no-indicator-dot ${color}">${escaped(text)}</span>`;

function table({ groups, labels }) {
	const features = (keys, color) => keys.map((key) => pill(labels[key] || key, color)).join(" ");
	const amount = (limit) =>
		limit ? `${limit.value}${limit.is_hard ? "" : ` (${__("soft")})`}` : __("no limit");
	const limits = (rows) =>
		rows.map((row) => pill(`${row.limit}: ${amount(row.before)} → ${amount(row.after)}`, "blue")).join(" ");
	const date = (from) => (from ? `, ${__("from {0}", [escaped(frappe.datetime.str_to_user(from))])}` : "");
	const tenant = ({ name, company, from }) =>
		`<div>${escaped(company)} <span class="text-muted">${escaped(name)}${date(from)}</span></div>`;
	const more = (count) => (count ? `<div class="text-muted">${__("and {0} more", [count])}</div>` : "");
	const names = ({ tenants, count }) => tenants.map(tenant).join("") + more(count - tenants.length);
	const cells = (group) => [
		escaped(group.plan),
		group.is_later ? __("Later") : __("Now"),
		names(group),
		features(group.gains, "green"),
		features(group.loses, "red"),
		limits(group.limits),
	];
	const row = (texts, tag) => `<tr>${texts.map((text) => `<${tag}>${text || "–"}</${tag}>`).join("")}</tr>`;
	const head = row([__("Plan"), __("Has It"), __("Tenants"), __("Gain"), __("Lose"), __("Limits")], "th");
	const body = groups.map((group) => row(cells(group), "td")).join("");
	return `<div class="plan-changes" style="max-height: 50vh; overflow: auto">
		<table class="table table-bordered"><thead>${head}</thead><tbody>${body}</tbody></table></div>
		<p class="text-muted">${__("Everyone now: all of them get the change.")}
		${__("Only new tenants: those that have the plan now keep their version of it.")}
		${__("Those that come to it later, after a trial or by a scheduled change, get it as it is on that day either way.")}</p>`;
}

// With what the included plans bring: the tables below hold only what this plan adds.
function show_resolved(frm) {
	const resolved = frm.doc.__onload?.resolved;
	const field = frm.get_field("resolved_view");
	if (!resolved) return field.html("");
	const pills = (names, color) => names.map((name) => pill(name, color)).join(" ");
	const own = new Set((frm.doc.features || []).map((row) => row.feature));
	const limits = Object.entries(resolved.limits).map(
		([key, { value, is_hard }]) => `${key} ${value}${is_hard ? "" : ` (${__("soft")})`}`
	);
	field.html(`<p>${pills(resolved.features.filter((name) => own.has(name)), "green")}
		${pills(resolved.features.filter((name) => !own.has(name)), "gray")}</p>
		<p>${pills(limits, "blue")}</p><p>${pills(resolved.apps, "purple")}</p>`);
}
