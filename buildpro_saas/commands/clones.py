"""`saas clone`, `saas keep-clone`."""

import click
import frappe

from buildpro_saas.commands.admin_site import on_admin_site
from buildpro_saas.commands.jobs import finish

HOURS = 8 * 3600


@click.command("clone")
@click.argument("tenant")
@click.argument("new")
@click.option(
	"--days", type=float, help="After which it is suspended; SaaS Settings say when this is left out."
)
@click.option("--not-silenced", is_flag=True, help="It sends mails and reaches other systems as TENANT does.")
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def clone(tenant: str, new: str, days: float | None, not_silenced: bool, wait: bool, is_json: bool) -> None:
	"""Make the tenant NEW (its subdomain), a copy of TENANT for staging or support. It reaches nobody, and ends by itself."""
	made = frappe.get_doc("Tenant", tenant).clone(new, days, int(not not_silenced))
	frappe.db.commit()
	if not is_json:
		click.echo(f"Tenant {made['tenant']}: {made['job']} makes it of {tenant}.")
	finish(made, wait=wait, is_json=is_json, timeout=HOURS)


@click.command("keep-clone")
@click.argument("tenant")
@click.option("--days", type=float, required=True, help="From now.")
@on_admin_site
def keep_clone(tenant: str, days: float) -> None:
	"""Let the clone TENANT end so many days from now."""
	frappe.get_doc("Tenant", tenant).keep_clone(days)
	frappe.db.commit()
	click.echo(f"{tenant} ends on {frappe.db.get_value('Tenant', tenant, 'expires_on'):%Y-%m-%d %H:%M}.")
