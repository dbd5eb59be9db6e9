frappe.query_reports["Security of Benches"] = {
	filters: [{ fieldname: "bench", label: __("Bench"), fieldtype: "Link", options: "Bench" }],
	formatter(value, row, column, data, default_formatter) {
		if (column.fieldname === "bench" || !data) return default_formatter(value, row, column, data);
		// what programs and files are called comes from the machine
		const text = frappe.utils.escape_html(value || "");
		if (column.fieldname !== "state") return text;
		const colours = { Found: "red", "Not Seen": "yellow", Fine: "green" };
		return `<span class="indicator-pill ${colours[value]}">${text}</span>`;
	},
};
