import frappe

DOCTYPE = "Provisioning Job"
RECORDS = ("domain", "certificate", "store", "shadow")  # in a job's inputs: what it is about


def execute() -> None:
	"""Fill the column by which jobs are found that are about a host name, a certificate, a store or a shadow. Before, their JSON had it."""
	if not frappe.db.table_exists(DOCTYPE):
		return  # a tenant's site
	of_these = {"subject": ("is", "not set"), "inputs": ("is", "set")}
	for job in frappe.get_all(DOCTYPE, of_these, ["name", "inputs"]):
		inputs = frappe.parse_json(job.inputs)
		if subject := next((inputs[key] for key in RECORDS if inputs.get(key)), None):
			frappe.db.set_value(DOCTYPE, job.name, "subject", subject, update_modified=False)
