"""Putting a backup on its tenant's site, for its System Manager to fetch."""

import frappe

from buildpro_saas.fleet import backups, exports
from buildpro_saas.jobs.playbook import Context, Step

HOUR = 3600


class WriteExport(Step):
	"""Write the files, in place of those of an earlier export, and have the site show them."""

	title = "Write export"
	timeout = 6 * HOUR

	def run(self, context: Context) -> None:
		name = context.inputs["backup"]
		epoch, until = exports.until()
		row = frappe.db.get_value(backups.DOCTYPE, name, ["size", "store", "backup_id"], as_dict=True)
		made = context.run(
			"export_to_site",
			self.timeout,
			site=context.site.name,
			until=epoch,
			size=int(row.size * backups.MB),
			backup=row.backup_id,
			**backups.store_spec(row.store),  # it has just been taken there
		)
		packed = sum(file["size"] for file in made["files"])
		context.log(f"{len(made['files'])} files, {packed / backups.MB:.1f} MB, until {until:%Y-%m-%d %H:%M}")
		frappe.db.set_value(backups.DOCTYPE, name, "export_until", until)

	def undo(self, context: Context) -> None:
		context.bench.do("remove_export", site=context.site.name)
		frappe.db.set_value(backups.DOCTYPE, context.inputs["backup"], "export_until", None)
