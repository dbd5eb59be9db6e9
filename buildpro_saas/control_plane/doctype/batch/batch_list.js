frappe.listview_settings["Batch"] = {
	add_fields: ["status", "duration"],
	hide_name_column: true,
	formatters: {
		duration: (value) => (value ? `${Number(value).toFixed(1)} s` : ""),
	},
};
