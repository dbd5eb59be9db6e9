// The tenant's host names, each with its state and what it lacks; and the button that adds one.
function show_domains(frm) {
	const names = frm.doc.__onload?.domains;
	const field = frm.get_field("domains");
	field.html("");
	if (!names) return;
	const text = frappe.utils.escape_html;
	// a phone has room for two columns: the others' cells stand below the name
	const [wide, narrow] = ["d-none d-md-table-cell text-nowrap", "d-md-none"];
	const rows = names.map((name) => {
		const colour = name.is_failing ? "red" : name.state === "Live" ? "green" : "orange";
		const state = name.is_failing ? `${__(name.state)}, ${__("failing")}` : __(name.state);
		const pill = `<span class="indicator-pill ${colour} text-nowrap">${state}</span>`;
		const until = text(name.valid_until);
		const next = name.says ? text(name.says) : `<span class="text-muted">${__("Nothing is missing.")}</span>`;
		return `<tr><td style="min-width: 9em; width: 30%"><a href="${frappe.utils.get_form_link("Site Domain", name.name)}">${text(name.shown)}</a>
			${name.is_primary ? `<span class="text-muted">${__("Primary")}</span>` : ""}
			<div class="${narrow}">${pill}${until ? `<div class="text-muted">${__("Certificate until {0}", [until])}</div>` : ""}</div></td>
			<td class="${wide}">${pill}</td><td>${next}</td><td class="${wide}">${until}</td></tr>`;
	});
	field.html(`<table class="table table-bordered buildpro-domains" style="overflow-wrap: anywhere"><thead><tr><th>${__("Host Name")}</th>
		<th class="${wide}">${__("State")}</th><th>${__("Next")}</th><th class="${wide}">${__("Certificate Until")}</th></tr></thead>
		<tbody>${rows.join("")}</tbody></table>`);
	const is_manager = frappe.session.user === "Administrator" || frappe.user.has_role("SaaS Manager");
	if (is_manager) frm.add_custom_button(__("Add Domain"), () => ask_for_domain(frm), __("Site"));
}

function ask_for_domain(frm) {
	const fields = [
		{
			fieldname: "host",
			fieldtype: "Data",
			reqd: 1,
			label: __("Host Name"),
			description: __("That the customer brings, such as erp.example.com."),
		},
		{
			fieldname: "serves",
			fieldtype: "Check",
			label: __("Serves"),
			description: __("The site answers under it itself, also while another name is primary. Else it redirects there."),
		},
	];
	const go = async ({ host, serves }) => {
		// Desk itself shows why it was refused
		const made = await act(frm, "add_domain", { host, serves: serves || 0 }).catch(() => null);
		if (made) frappe.set_route("Form", "Site Domain", made.domain);
	};
	frappe.prompt(fields, go, __("Add a host name to {0}", [frm.docname]), __("Add"));
}
