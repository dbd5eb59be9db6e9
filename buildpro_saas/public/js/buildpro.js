// What the plan has, in Desk: hides what would be refused, and says so where somebody gets to one all the same. The server decides.
frappe.provide("buildpro");

buildpro.plan = () => frappe.boot.buildpro || null;

// Whether this site may use the feature. True where nothing is gated (no tenant's site); false, with a warning, for an unknown name.
buildpro.has_feature = (feature) => {
	const plan = buildpro.plan();
	if (!plan || plan.allowed.includes(feature)) return true;
	if (!(feature in plan.denied)) console.warn(`There is no feature "${feature}".`);
	return false;
};

// The feature that keeps this site from an operation ("create", "write", "submit", "delete") on a doctype, or from opening a
// "Report", "Page" or "Workspace"; undefined where nothing does.
buildpro.denied_by = (kind, name, operation) => {
	const gate = buildpro.plan()?.gates[kind]?.[name];
	return operation ? gate?.[operation] : gate;
};

buildpro.show_denial = (feature) => {
	const denied = buildpro.plan()?.denied[feature];
	// a new form comes to its route in two steps: what the open dialog says already, it says once
	if (!denied || frappe.msg_dialog?.msg_area?.text().includes(denied.message)) return;
	frappe.msgprint({
		title: frappe.utils.escape_html(denied.title),
		message: frappe.utils.escape_html(denied.message),
		indicator: "orange",
	});
};

buildpro.show_banner = () => {
	const banner = buildpro.plan()?.banner;
	if (!banner || document.querySelector(".buildpro-banner")) return;
	const element = document.createElement("div");
	element.className = `buildpro-banner alert alert-${banner.level}`;
	element.setAttribute("role", "status");
	element.style.cssText = "margin: 0; border-radius: 0; text-align: center;";
	element.textContent = banner.text;
	document.body.prepend(element);
};

buildpro.is_new_route = (doctype, name) => {
	const doc = name && frappe.get_doc(doctype, name);
	return doc ? Boolean(doc.__islocal) : name === "new" || `${name}`.startsWith(`new-${frappe.router.slug(doctype)}`);
};

// A link that leads to a form that could not be saved: back to the list, with the reason.
buildpro.leave_gated_route = () => {
	const [view, name, document_name] = frappe.get_route() || [];
	let feature;
	if (view === "Form" && buildpro.is_new_route(name, document_name)) {
		feature = buildpro.denied_by("DocType", name, "create");
	} else if (view === "query-report") {
		feature = buildpro.denied_by("Report", name);
	}
	if (!feature) return;
	buildpro.show_denial(feature);
	frappe.set_route(view === "Form" ? ["List", name] : [""]);
};

buildpro.close_gated_form = (frm) => {
	if (frm.is_new() || !buildpro.denied_by("DocType", frm.doctype, "write")) return;
	const feature = buildpro.denied_by("DocType", frm.doctype, "write");
	frm.disable_form();
	frm.set_intro(frappe.utils.escape_html(buildpro.plan().denied[feature].message), "orange");
};

// Desk asks by this before it opens a new form or its quick entry, from the list, the awesomebar, a link field or a shortcut.
buildpro.guard_new_doc = () => {
	const new_doc = frappe.new_doc;
	frappe.new_doc = function (doctype, ...rest) {
		const feature = buildpro.denied_by("DocType", doctype, "create");
		if (!feature) return new_doc.call(this, doctype, ...rest);
		buildpro.show_denial(feature);
		return Promise.resolve();
	};
};

// What staff agree is to the minute, so that is what their forms show: the date picker of some frameworks knows no seconds, and
// writes "18:30:ss".
buildpro.show_times_to_the_minute = () => {
	const control = frappe.ui.form.ControlDatetime?.prototype;
	const set_datepicker = control?.set_datepicker;
	if (!set_datepicker) return;
	control.set_datepicker = function (...args) {
		set_datepicker.apply(this, args);
		if (frappe.get_meta(this.doctype)?.module !== "Control Plane") return;
		this.datepicker.update("timeFormat", this.datepicker.opts.timeFormat.replace(/:ss$/, ""));
	};
};

$(document).on("startup", () => {
	buildpro.show_times_to_the_minute();

	if (!buildpro.plan()) return;
	buildpro.guard_new_doc();
	buildpro.show_banner();
	frappe.router.on("change", buildpro.leave_gated_route);
});
$(document).on("form-refresh", (_event, frm) => buildpro.close_gated_form(frm));
