frappe.query_reports["Feature Usage by Tenant"] = {
	filters: [
		{
			fieldname: "from_date",
			label: __("From"),
			fieldtype: "Date",
			default: frappe.datetime.add_days(frappe.datetime.get_today(), -30),
		},
		{ fieldname: "to_date", label: __("To"), fieldtype: "Date" },
		{ fieldname: "tenant", label: __("Tenant"), fieldtype: "Link", options: "Tenant" },
		{ fieldname: "plan", label: __("Plan"), fieldtype: "Link", options: "Plan" },
		{ fieldname: "feature", label: __("Feature or Limit"), fieldtype: "Data" },
	],
};
