frappe.ui.form.on("Plan", {
	setup(frm) {
		frm.set_query("includes", () => ({ filters: { name: ["!=", frm.docname] } }));
	},
	refresh(frm) {
		show_resolved(frm);
	},
});

// With what the included plans bring: the tables below hold only what this plan adds.
function show_resolved(frm) {
	const resolved = frm.doc.__onload?.resolved;
	const field = frm.get_field("resolved_view");
	if (!resolved) return field.html("");
	const pills = (names, color) =>
		names.map((name) => `<span class="indicator-pill no-indicator-dot ${color}">${frappe.utils.escape_html(name)}</span>`).join(" ");
	const own = new Set((frm.doc.features || []).map((row) => row.feature));
	const limits = Object.entries(resolved.limits).map(
		([key, { value, is_hard }]) => `${key} ${value}${is_hard ? "" : ` (${__("soft")})`}`
	);
	field.html(`<p>${pills(resolved.features.filter((name) => own.has(name)), "green")}
		${pills(resolved.features.filter((name) => !own.has(name)), "gray")}</p>
		<p>${pills(limits, "blue")}</p><p>${pills(resolved.apps, "purple")}</p>`);
}
