frappe.listview_settings["Kill Switch"] = {
	add_fields: ["starts_on", "ends_on"],
	get_indicator(doc) {
		const now = frappe.datetime.system_datetime();
		if (doc.ends_on && doc.ends_on <= now) return [__("Lifted"), "gray", `ends_on,<=,${now}`];
		if (doc.starts_on > now) return [__("To Come"), "orange", `starts_on,>,${now}`];
		return [__("Off"), "red", `starts_on,<=,${now}`];
	},
};
