"""`saas restore`."""

import click
import frappe

from buildpro_saas.commands.admin_site import on_admin_site
from buildpro_saas.commands.jobs import finish
from buildpro_saas.fleet import point_in_time

HOURS = 8 * 3600


@click.command("restore")
@click.argument("tenant")
@click.option("--backup", metavar="NAME", help="Which backup, by its name (`saas backups TENANT`).")
@click.option(
	"--to", metavar="MOMENT", help="Or to a moment, such as '2027-01-31 14:05' in this site's time zone."
)
@click.option("--files", metavar="DIR", help="Or a folder with a backup, by its whole path.")
@click.option("--confirm", required=True, metavar="SUBDOMAIN", help="The tenant's subdomain, once more.")
@click.option("--from-tenant", metavar="NAME", help="Whose backup it is, where it is another tenant's.")
@click.option("--without-key", is_flag=True, help="Give up passwords that the backup's key does not decrypt.")
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def restore(
	tenant: str,
	backup: str | None,
	to: str | None,
	files: str | None,
	confirm: str,
	from_tenant: str | None,
	without_key: bool,
	wait: bool,
	is_json: bool,
) -> None:
	"""Restore the site of TENANT from one of its backups, to a moment, or from a folder. What is the site now is kept, and swap-back takes it back.

	Where the site's folder or database is lost, it is made anew; what is left of it goes to the bench's trash.
	"""
	made = frappe.get_doc("Tenant", tenant).restore(files, confirm, from_tenant, int(without_key), backup, to)
	frappe.db.commit()
	if not is_json:
		click.echo(_told(tenant, made["job"], backup or files))
	finish(made, wait=wait, is_json=is_json, timeout=HOURS)


def _told(tenant: str, job: str, source: str | None) -> str:
	"""What the site is restored from; of a moment also its time zone, and the backup that it begins with. And what of it is lost."""
	inputs = frappe.parse_json(frappe.db.get_value("Provisioning Job", job, "inputs"))
	of = f"from {source}"
	if inputs.get("until"):
		of = f"to {point_in_time.told(inputs['until'])}, from {inputs['backup']} on"
	lost = inputs.get("lost")
	more = f" Lost: {' and '.join(lost)}. The site is made anew." if lost else ""
	return f"{job} restores the site of {tenant} {of}.{more}"
