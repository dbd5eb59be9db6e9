frappe.ui.form.on("Monitoring Alert", {
	refresh(frm) {
		frm.disable_save();
		if (!["Open", "Acknowledged"].includes(frm.doc.status)) return;
		if (frm.doc.status === "Open") frm.add_custom_button(__("Acknowledge"), () => call(frm, "acknowledge"));
		frm.add_custom_button(__("Silence"), () => silence(frm));
	},
});

function call(frm, method, args = {}) {
	return frm.call(method, args).then(() => frm.reload_doc());
}

function silence(frm) {
	const fields = [
		{ fieldname: "reason", fieldtype: "Data", label: __("Reason"), reqd: 1 },
		{ fieldname: "hours", fieldtype: "Int", label: __("Hours"), default: 4, reqd: 1, description: __("0 ends a silence.") },
	];
	frappe.prompt(fields, (values) => call(frm, "silence", values), __("Silence"), __("Silence"));
}
