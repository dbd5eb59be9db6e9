const EXPORTS = "buildpro_saas.tenant_site.data_export";
const LOOK_AGAIN = 3000; // milliseconds between two looks at an export that is being prepared

frappe.ui.form.on("Nexelya Plan Settings", {
	refresh(frm) {
		// Everything here follows from the signed entitlement: there is nothing to save.
		frm.disable_save();
		frm.page.set_title(__("Your Plan"));
		frm.get_field("features").$wrapper.html(frm.doc.__onload?.features || "");
		show_export(frm, frm.doc.__onload?.export);
	},
	on_hide(frm) {
		clearTimeout(frm.export_timer);
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
