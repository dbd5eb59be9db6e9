"""`saas copy-site`, `saas shadows`, `saas swap-back`, `saas drop-shadow`."""

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.commands.jobs import follow
from buildpro_saas.fleet import shadow_requests

HOUR = 3600
wait_option = click.option(
	"--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes."
)


@click.command("copy-site")
@click.argument("tenant")
@click.option("--why", help="Stays on record with the copy.")
@click.option(
	"--hours",
	type=click.FloatRange(min=0, min_open=True),
	help="Keep it for so long; SaaS Settings say how long else.",
)
@wait_option
@on_admin_site
def copy_site(tenant: str, why: str | None, hours: float | None, wait: bool) -> None:
	"""Copy the site of TENANT, as it is at one moment, to be put back with swap-back."""
	made = frappe.get_doc("Tenant", tenant).copy_site(why, hours)
	frappe.db.commit()
	click.echo(f"{made['job']} copies the site of {tenant} into {made['shadow']}.")
	_follow(made["job"], wait)


@click.command("shadows")
@click.option("--tenant", help="Only this tenant's.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def shadows(tenant: str | None, is_json: bool) -> None:
	"""List the second ones of tenants' sites: copies, and what was the site before a swap."""
	if tenant and not frappe.db.exists("Tenant", tenant):
		fail(f"There is no tenant {tenant}.")
	found = shadow_requests.overview(tenant)
	if is_json:
		print_json(found)
	elif not found:
		click.echo("There is no shadow.")
	else:
		rows = [
			[
				row.name,
				row.tenant,
				row.status,
				_time(row.as_of),
				_time(row.kept_until),
				f"{row.size:.0f}",
				row.why,
			]
			for row in found
		]
		render_table([["Shadow", "Tenant", "Status", "As Of", "Kept Until", "MB", "Why"], *rows])


@click.command("swap-back")
@click.argument("tenant")
@click.option("--confirm", required=True, metavar="SUBDOMAIN", help="The tenant's subdomain, once more.")
@click.option("--shadow", help="Which one; the newest where it is left out.")
@wait_option
@on_admin_site
def swap_back(tenant: str, confirm: str, shadow: str | None, wait: bool) -> None:
	"""Put a copy, or what was the site before the last swap, in the place of the site of TENANT; what is the site now is kept."""
	made = frappe.get_doc("Tenant", tenant).swap_back(confirm, shadow)
	frappe.db.commit()
	click.echo(f"{made['job']} puts {made['shadow']} in the place of the site of {tenant}.")
	_follow(made["job"], wait)


@click.command("drop-shadow")
@click.argument("name")
@on_admin_site
def drop_shadow(name: str) -> None:
	"""Remove the shadow NAME, its database and its files, for good; the site is not touched."""
	frappe.get_doc("Site Shadow", name).drop()
	click.echo(f"{name} is dropped.")


def _follow(job: str, is_wanted: bool) -> None:
	if is_wanted and (status := follow(job, HOUR)) != "Completed":
		fail(f"{job} ended as {status}; see `bench --site {frappe.local.site} saas job {job}`.")


def _time(moment) -> str:
	return f"{moment:%Y-%m-%d %H:%M}" if moment else ""
