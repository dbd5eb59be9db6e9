"""`saas adopt`: takes a site in, as a new tenant's, or as that of a tenant whose record was lost. `saas customisations`."""

import click
import frappe

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.commands.jobs import finish
from buildpro_saas.control_plane.doctype.tenant import adoption, taking_in
from buildpro_saas.fleet import taking_in as intake

HOURS = 8 * 3600


@click.command("adopt")
@click.argument("site", required=False)
@click.option(
	"--files", metavar="DIR", help="Take in the backup in this folder, by its whole path, in place of a site."
)
@click.option(
	"--subdomain", help="The new tenant's. Without it, SITE is that of a tenant whose record was lost."
)
@click.option("--plan", help="The new tenant's; or instead of the one that the site's statement names.")
@click.option(
	"--dry-run",
	is_flag=True,
	help="Say what would be taken in, and what stands in the way. Nothing is touched.",
)
@click.option("--in-place", is_flag=True, help="SITE itself becomes the tenant's, under its own name.")
@click.option("--maintenance", is_flag=True, help="Close SITE before it is copied. It stays closed.")
@click.option("--pause-scheduler", is_flag=True, help="The new site begins with its scheduler paused.")
@click.option("--without-key", is_flag=True, help="Give up passwords that cannot be decrypted.")
@click.option(
	"--bench", help="Where to make the site of a backup; SaaS Settings say which when this is left out."
)
@click.option("--company", help="Instead of the one that the site says; so are the next ones.")
@click.option("--owner-name")
@click.option("--owner-email", "--email", "owner_email")
@click.option("--country")
@click.option("--currency")
@click.option("--timezone", "time_zone", help="Name of the tz database, such as Europe/Berlin.")
@click.option("--language", help="Code of a language, such as en.")
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def adopt(
	site: str | None,
	files: str | None,
	dry_run: bool,
	in_place: bool,
	maintenance: bool,
	pause_scheduler: bool,
	without_key: bool,
	bench: str | None,
	wait: bool,
	is_json: bool,
	**fields: str | None,
) -> None:
	"""Take in SITE of the bench, or a backup, as a new tenant's; or the site of a tenant whose record was lost, as its own."""
	if not (files or dry_run or fields["subdomain"]):
		_adopt_own(site, fields["plan"])
		return
	if not fields["plan"]:
		fail("Name the plan: --plan.")
	origin = taking_in.origin_of(
		site=site,
		files=files,
		in_place=in_place,
		maintenance=maintenance,
		pause_scheduler=pause_scheduler,
		without_key=without_key,
	)
	on = taking_in.bench_for(origin, bench)
	told = taking_in.look(origin, fields["plan"], on, fields["subdomain"])
	if dry_run:
		_tell(told, is_json)
	elif not fields["subdomain"]:
		fail("Name the new tenant's subdomain: --subdomain.")
	else:
		_take_in(origin, told, on, wait, is_json, fields)


def _tell(told: dict, is_json: bool) -> None:
	if is_json:
		print_json(told)
	else:
		for line in intake.lines(told):
			click.echo(line)
	if told["faults"]:
		fail("It cannot be taken in so.")


def _take_in(origin: dict, told: dict, bench: str, wait: bool, is_json: bool, fields: dict) -> None:
	tenant = taking_in.take_in(origin, told, bench, **fields)
	frappe.db.commit()
	made = {"tenant": tenant.name, "site": tenant.site_name, "job": tenant.latest_job()["name"]}
	if not is_json:
		for note in told["notes"]:
			click.secho(f"Note: {note}", fg="yellow", err=True)
		click.echo(f"Tenant {tenant.name}: {made['job']} takes in {origin['of']} as {made['site']}.")
	finish(made, wait=wait, is_json=is_json, timeout=HOURS)


def _adopt_own(site: str | None, plan: str | None) -> None:
	if not site:
		fail("Name a site, or --files DIR.")
	tenant = adoption.adopt(site, plan)
	frappe.db.commit()
	job = tenant.latest_job()["name"]
	click.echo(
		f"Tenant {tenant.name} is {tenant.status} again: {tenant.describe_plan()}. {job} brings its site the entitlement."
	)


@click.command("customisations")
@click.argument("tenant")
@on_admin_site
def customisations(tenant: str) -> None:
	"""Look which fields, settings, scripts and doctypes of its own the site of TENANT has, and keep that on record."""
	found = frappe.get_doc("Tenant", tenant).list_customisations()
	frappe.db.commit()
	click.echo(found or "None.")
