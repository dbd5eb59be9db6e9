const EXPORTS = "buildpro_saas.tenant_site.data_export";
const DOMAINS = "buildpro_saas.tenant_site.own_domains";
const LOOK_AGAIN = 3000; // milliseconds between two looks at what is under way

frappe.ui.form.on("Nexelya Plan Settings", {
	refresh(frm) {
		// Everything here follows from the signed entitlement: there is nothing to save.
		frm.disable_save();
		frm.page.set_title(__("Your Plan"));
		frm.get_field("features").$wrapper.html(frm.doc.__onload?.features || "");
		show_export(frm, frm.doc.__onload?.export);
		show_domains(frm, frm.doc.__onload?.domains);
	},
	on_hide(frm) {
		clearTimeout(frm.export_timer);
		clearTimeout(frm.domains_timer);
	},
});

function show_export(frm, shown) {
	clearTimeout(frm.export_timer);
	if (!shown) return;
	const text = frappe.utils.escape_html;
	const files = shown.files
		.map((file) => `<li><a href="${text(file.link)}" download>${text(file.name)}</a> <span class="text-muted">${text(file.size)}</span></li>`)
		.join("");
	const place = frm.get_field("features").$wrapper.find(".buildpro-export");
	place.html(`<h5 class="mt-4">${__("Export of All Data")}</h5>
		<p class="buildpro-export-state">${text(shown.sentence)}</p>
		<ul class="list-unstyled">${files}</ul>
		<button class="btn btn-default btn-sm">${__("Prepare Export")}</button>`);
	place.find("button").prop("disabled", shown.is_under_way).on("click", () => ask(frm));
	if (shown.is_under_way) frm.export_timer = setTimeout(() => look(frm), LOOK_AGAIN);
}

function ask(frm) {
	const sentence = __("All data of this site is made ready as files, for everybody who is System Manager here. They are not encrypted.");
	frappe.confirm(sentence, async () => {
		const { message } = await frappe.call({ method: `${EXPORTS}.ask`, freeze: true });
		show_export(frm, message);
	});
}

async function look(frm) {
	const { message } = await frappe.call({ method: `${EXPORTS}.progress`, type: "GET" });
	show_export(frm, message);
}

// Host names of the customer's own: what to set in the DNS, how far each is, adding and removing.
function show_domains(frm, shown) {
	clearTimeout(frm.domains_timer);
	if (!shown) return;
	const place = frm.get_field("features").$wrapper.find(".buildpro-domains");
	const rows = shown.names.map((name) => domain_row(name, shown.may_change)).join("");
	place.html(`<h5 class="mt-4">${__("Domains")}</h5>
		<p class="text-danger buildpro-domains-refused">${frappe.utils.escape_html(shown.sentence)}</p>
		${rows}
		${shown.may_change ? `<button class="btn btn-default btn-sm buildpro-add-domain">${__("Add Domain")}</button>` : ""}`);
	place.find("button").prop("disabled", shown.is_under_way);
	place.find(".buildpro-add-domain").on("click", () => ask_domain(frm));
	place.find("[data-what]").on("click", function () {
		change_domain(frm, this.dataset.what, this.dataset.host);
	});
	if (shown.is_under_way) frm.domains_timer = setTimeout(() => look_at_domains(frm), LOOK_AGAIN);
}

function domain_row(name, may_change) {
	const text = frappe.utils.escape_html;
	const colour = name.is_failing ? "red" : name.state === "Live" ? "green" : "orange";
	const state = name.is_failing ? `${__(name.state)}, ${__("failing")}` : __(name.state);
	const is_own = name.kind === "Own Subdomain";
	const button = (what, label) =>
		`<button class="btn btn-xs btn-default mr-2" data-what="${what}" data-host="${text(name.host)}">${label}</button>`;
	const buttons = [
		name.is_primary || name.state !== "Live" || name.is_failing ? "" : button("primary", __("Make Primary")),
		is_own ? "" : button("check", __("Check")),
		is_own ? "" : button("remove", __("Remove")),
	].join("");
	return `<div class="border rounded p-3 mb-2" style="overflow-wrap: anywhere" data-domain="${text(name.host)}">
		<div class="d-flex flex-wrap justify-content-between">
			<div><b>${text(name.shown)}</b> <span class="text-muted">${text(place_of(name))}</span></div>
			<span class="indicator-pill ${colour}">${state}</span>
		</div>
		${name.valid_until ? `<div class="text-muted">${__("Certificate until {0}", [text(name.valid_until)])}</div>` : ""}
		<div>${text(name.says)}</div>${records_to_set(name)}
		${may_change && buttons ? `<div class="mt-2">${buttons}</div>` : ""}</div>`;
}

// Whether it is the primary name, or leads there.
function place_of(name) {
	if (name.is_primary) return __("Primary");
	return name.serves === "Redirects" && name.state === "Live" && !name.is_failing ? __("leads to the primary name") : "";
}

// What the customer sets in his DNS, while that is missing.
function records_to_set(name) {
	if (!name.records.length || (name.state !== "Waiting for DNS" && !name.is_failing)) return "";
	const text = frappe.utils.escape_html;
	const code = (value) => `<code style="white-space: normal">${text(value)}</code>`;
	const rows = name.records.map(
		([type, host, value]) => `<div class="row no-gutters border-top py-1"><div class="col-12 col-md-1">${text(type)}</div>
			<div class="col-12 col-md-5">${code(host)}</div><div class="col-12 col-md-6">${code(value)}</div></div>`
	);
	const what = name.records.some(([type]) => type === "CNAME")
		? __("In your DNS, set the TXT record, and the CNAME or else the addresses (type, name, value):")
		: __("In your DNS, set these records (type, name, value):");
	return `<div class="mt-2 mb-1">${what}</div>${rows.join("")}`;
}

function ask_domain(frm) {
	const field = {
		fieldname: "host",
		fieldtype: "Data",
		reqd: 1,
		label: __("Host Name"),
		description: __("A name of a domain that you have, such as erp.example.com. You are then told what to set in its DNS."),
	};
	frappe.prompt([field], ({ host }) => change_domain(frm, "add", host), __("Add Domain"), __("Add"));
}

function change_domain(frm, what, host) {
	const go = async () => {
		const { message } = await frappe.call({ method: `${DOMAINS}.ask`, args: { what, host }, freeze: true });
		show_domains(frm, message);
	};
	if (what !== "remove") return go();
	frappe.confirm(__("{0} leads here no longer then. Remove it?", [frappe.utils.escape_html(host)]), go);
}

async function look_at_domains(frm) {
	const { message } = await frappe.call({ method: `${DOMAINS}.progress`, type: "GET" });
	show_domains(frm, message);
}
