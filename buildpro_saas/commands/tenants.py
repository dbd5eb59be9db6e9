"""`saas create-tenant`, `saas tenants`, `saas owner-link`, `saas suspend`, `saas past-due`, `saas resume`."""

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site
from buildpro_saas.commands.jobs import finish


@click.command("create-tenant")
@click.option("--subdomain", required=True, help="One DNS label: the tenant's site is SUBDOMAIN.BASE-DOMAIN.")
@click.option("--company", required=True)
@click.option("--owner-name", required=True)
@click.option("--owner-email", "--email", "owner_email", required=True)
@click.option("--plan", required=True)
@click.option("--bench", help="Bench to make the site on; SaaS Settings say which when this is left out.")
@click.option("--country")
@click.option("--currency")
@click.option("--timezone", "time_zone", help="Name of the tz database, such as Europe/Berlin.")
@click.option("--language", help="Code of a language, such as en.")
@click.option(
	"--db-name", "database_name", help="Name of the site's database; derived from the site when left out."
)
@click.option("--customisations", help="What is special about this customer.")
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@click.option(
	"--timeout",
	type=click.FloatRange(min=0),
	default=3600,
	show_default=True,
	help="How long to wait, in seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print {tenant, site, job} as JSON.")
@on_admin_site
def create_tenant(wait: bool, timeout: int, as_json: bool, **fields: str | None) -> None:
	"""Make a tenant; a background job makes its site."""
	given = {field: value for field, value in fields.items() if value is not None}
	tenant = frappe.get_doc({"doctype": "Tenant", **given}).insert()
	frappe.db.commit()
	job = tenant.latest_job()["name"]
	facts = {"tenant": tenant.name, "site": tenant.site_name, "job": job}
	if not as_json:
		click.echo(f"Tenant {tenant.name}: {job} makes {tenant.site_name}.")
	finish(facts, wait=wait, is_json=as_json, timeout=timeout)


@click.command("tenants")
@on_admin_site
def tenants() -> None:
	"""List the tenants."""
	rows = frappe.get_all(
		"Tenant",
		fields=["name", "company", "plan", "status", "site", "cloned_from"],
		order_by="name",
		as_list=True,
	)
	render_table(
		[
			["Tenant", "Company", "Plan", "Status", "Site", "Clone Of"],
			*([cell or "" for cell in row] for row in rows),
		]
	)


@click.command("owner-link")
@click.argument("tenant")
@on_admin_site
def owner_link(tenant: str) -> None:
	"""Print a single-use link with which the owner of TENANT sets a password. Earlier links become void."""
	link = frappe.get_doc("Tenant", tenant).owner_link()["link"]
	frappe.db.commit()  # that a link was made is kept with the tenant
	click.echo(link)


@click.command("suspend")
@click.argument("tenant")
@click.option("--reason", required=True, help="Stays on record with the tenant.")
@on_admin_site
def suspend(tenant: str, reason: str) -> None:
	"""Close the site of TENANT to its users; its data stays as it is."""
	_change(tenant, "suspend", reason)


@click.command("past-due")
@click.argument("tenant")
@click.option("--reason", required=True, help="Stays on record with the tenant.")
@on_admin_site
def past_due(tenant: str, reason: str) -> None:
	"""Say on the site of TENANT that it has not paid; it works on."""
	_change(tenant, "mark_past_due", reason)


@click.command("resume")
@click.argument("tenant")
@click.option("--reason", help="Stays on record with the tenant.")
@on_admin_site
def resume(tenant: str, reason: str | None) -> None:
	"""Make TENANT Active again, which is Past Due or Suspended."""
	_change(tenant, "resume", reason)


def _change(tenant: str, method: str, reason: str | None) -> None:
	doc = frappe.get_doc("Tenant", tenant)
	getattr(doc, method)(reason)
	frappe.db.commit()
	if doc.warning:
		fail(doc.warning)
	click.echo(f"Tenant {doc.name} is {doc.status}.")
