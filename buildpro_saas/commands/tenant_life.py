"""`saas rename`, `saas archive`, `saas unarchive`, `saas remove`."""

from collections.abc import Callable
from functools import wraps

import click
import frappe

from buildpro_saas.commands.admin_site import on_admin_site
from buildpro_saas.commands.jobs import finish
from buildpro_saas.commands.sites import by_whom

LONGEST_WAIT = 12 * 3600  # seconds
confirmed = click.option(
	"--confirm", required=True, metavar="SUBDOMAIN", help="The tenant's subdomain, once more."
)
without_site = click.option(
	"--without-site",
	metavar="BACKUP",
	help="Where the site's folder or database is lost: the last backup, by its name, in place of one taken now.",
)
with_reason = click.option("--reason", help="Stays on record with the tenant.")


def starts_job(command: Callable) -> Callable:
	"""Give a command that starts a job of TENANT the options of such; it returns (method of the Tenant, its arguments, a verb)."""

	@click.argument("tenant")
	@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
	@click.option(
		"--timeout", type=float, default=LONGEST_WAIT, show_default=True, help="Seconds to wait at most."
	)
	@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
	@on_admin_site
	@wraps(command)
	def run(tenant: str, wait: bool, timeout: float, is_json: bool, **own: str | None) -> None:
		method, given, verb = command(**own)
		doc = frappe.get_doc("Tenant", tenant)
		doc.flags.by_whom = by_whom()
		found = {"tenant": tenant, **getattr(doc, method)(*given)}
		frappe.db.commit()
		if not is_json:
			click.echo(f"{found['job']} {verb} {tenant}.")
		finish(found, wait=wait, is_json=is_json, timeout=timeout)

	return run


@click.command("rename")
@click.argument("subdomain", metavar="NEW")
@starts_job
def rename(subdomain: str):
	"""Give TENANT the subdomain NEW: record, site, host name, entitlement. The former one leads there for some days."""
	return "rename_site", (subdomain,), f"gives the subdomain {subdomain} to"


@click.command("archive")
@confirmed
@with_reason
@without_site
@starts_job
def archive(confirm: str, reason: str | None, without_site: str | None):
	"""Take a last backup of the site of TENANT, and take the site away. `unarchive` brings it back."""
	return "archive", (confirm, reason, without_site), "archives"


@click.command("unarchive")
@click.option("--backup", metavar="NAME", help="From which backup; the last one where it is left out.")
@starts_job
def unarchive(backup: str | None):
	"""Make the site of TENANT again, which is archived, from its last backup."""
	return "unarchive", (backup,), "brings back"


@click.command("remove")
@confirmed
@with_reason
@without_site
@starts_job
def remove(confirm: str, reason: str | None, without_site: str | None):
	"""Remove TENANT for good: last backup, site, certificate. After some days nobody can read the backup any more.

	--without-site no-backup: also where its site is lost, and no backup of it is kept.
	"""
	return "remove_site", (confirm, reason, without_site), "removes"
