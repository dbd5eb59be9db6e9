frappe.listview_settings["Monitoring Alert"] = {
	hide_name_column: true,
	onload(list) {
		if (!list.filters.length) list.filter_area.add("Monitoring Alert", "status", "in", ["Open", "Acknowledged"]);
	},
};
