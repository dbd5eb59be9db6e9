// Restore, on the page of a tenant and of a backup: the backup takes the site's place. What is the site now is kept for some hours, and
// goes back by Swap In.
async function ask_to_restore(tenant, backup = null) {
	const { message: row } = await frappe.db.get_value("Tenant", tenant, "subdomain");
	const [newest] = backup
		? [{ name: backup }]
		: await frappe.db.get_list("Backup", { filters: { tenant, status: "Kept" }, order_by: "taken_at desc", limit: 1 });
	const dialog = frappe.prompt(
		restore_fields(tenant, row.subdomain, backup, newest?.name),
		async ({ backup, to, files, confirm, from_tenant, without_key }) => {
			const args = { backup: (!to && backup) || null, to: to || null, files: (!backup && !to && files) || null, from_tenant: from_tenant || null };
			const method = "buildpro_saas.api.tenants.restore";
			// Desk itself shows why something was refused
			const made = await frappe.xcall(method, { tenant, confirm, without_key, ...args }).catch(() => null);
			if (made) frappe.set_route("Form", "Provisioning Job", made.job);
		},
		__("Restore the site of {0}", [tenant]),
		__("Restore")
	);
	dialog.fields_dict.backup.get_query = () => ({
		filters: { tenant: dialog.get_value("from_tenant") || tenant, status: "Kept" },
	});
}

function restore_fields(tenant, subdomain, backup, newest) {
	const name = frappe.utils.escape_html(subdomain);
	const fields = [
		{
			fieldname: "backup",
			fieldtype: "Link",
			options: "Backup",
			label: __("Backup"),
			default: newest,
			read_only: backup ? 1 : 0,
			description: backup ? "" : __("The newest one, unless you choose another. Empty it for a folder."),
		},
	];
	if (!backup) {
		fields.push(
			{
				fieldname: "to",
				fieldtype: "Data",
				label: __("Or to a Moment"),
				description: __("Such as 2027-01-31 14:05, in the time zone {0}. The tenant's page says which moments can be met.", [
					frappe.boot.time_zone?.system || "",
				]),
			},
			{
				fieldname: "files",
				fieldtype: "Data",
				label: __("Folder"),
				depends_on: "eval:!doc.backup && !doc.to",
				description: __("On the bench's machine, by its whole path: database.sql.gz, private, public, site_config.json."),
			},
			{
				fieldname: "from_tenant",
				fieldtype: "Link",
				options: "Tenant",
				label: __("Another Tenant's"),
				description: __("Only where the backup is not this tenant's own."),
			}
		);
	}
	return [
		...fields,
		{
			fieldname: "without_key",
			fieldtype: "Check",
			label: __("Without its encryption key"),
			description: __("Passwords that cannot be decrypted are given up. The job lists them."),
		},
		{
			fieldname: "confirm",
			fieldtype: "Data",
			label: __("Subdomain"),
			reqd: 1,
			description: __("Type {0}. What people have done since the backup is not in it.", [name]),
		},
	];
}
