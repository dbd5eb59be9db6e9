"""`saas images build|list|prune`, `saas set-pool` and `saas pool`."""

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.commands.jobs import follow, seconds
from buildpro_saas.fleet import images as site_images
from buildpro_saas.fleet import standby
from buildpro_saas.fleet.image_record import unfinished_job

MOST_NAMED = 5  # plans that a refusal names
POOL_KEY = ("plan", "company_country", "company_language")  # in Standby Pool


@click.group("images")
def images():
	"""Templates of sites, which new tenants' sites are copied from."""


@images.command("build")
@click.option("--bench", help="The bench; the default bench of SaaS Settings otherwise.")
@click.option("--plan", "plans", multiple=True, help="Only the image that this plan needs; may be repeated.")
@click.option("--wait", is_flag=True, help="Show the steps until the images are ready.")
@click.option(
	"--timeout",
	type=click.FloatRange(min=0),
	default=3600,
	show_default=True,
	help="Seconds that --wait waits for each image.",
)
@on_admin_site
def build(bench: str | None, plans: tuple[str, ...], wait: bool, timeout: int) -> None:
	"""Build an image of each set of apps that the active plans need, also where there is one that may be copied."""
	for doctype, name in (*(("Plan", plan) for plan in plans), *((("Bench", bench),) if bench else ())):
		if not frappe.db.exists(doctype, name):
			fail(f"There is no {doctype.lower()} {name}.")
	built = site_images.build_wanted(bench, plans)
	frappe.db.commit()
	for image in built:
		click.echo(f"{image.name}  {image.job}  {image.kind}")
	ends = [follow(image.job, timeout) for image in built] if wait else []
	if set(ends) - {"Completed"}:
		fail("Not every image was built.")


@images.command("list")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def list_images(is_json: bool) -> None:
	"""List the images, the newest first."""
	fields = ["name", "kind", "status", "built_at", "build_seconds", "tables", "size", "reason"]
	found = frappe.get_all("Site Image", fields=fields, order_by="creation desc")
	if is_json:
		print_json(found)
		return
	rows = [
		[
			row.name,
			row.kind,
			row.status,
			f"{row.built_at:%Y-%m-%d %H:%M}" if row.built_at else "",
			seconds(row.build_seconds),
			row.tables,
			f"{row['size'] or 0:.0f}",
			row.reason or "",
		]
		for row in found
	]
	render_table(
		[["Image", "Apps and company", "Status", "Built", "Seconds", "Tables", "MB", "Reason"], *rows]
	)


@images.command("prune")
@click.argument("names", nargs=-1)
@on_admin_site
def prune(names: tuple[str, ...]) -> None:
	"""Remove the images NAMES; without names, those that are stale, and those that failed and whose job was cancelled."""
	unused = frappe.get_all("Site Image", {"status": ("in", ("Stale", "Failed"))}, pluck="name")
	chosen = names or [name for name in unused if not unfinished_job(name)]
	for name in set(unused) - set(chosen) if not names else ():
		click.echo(f"{name} is left: its job {unfinished_job(name)} has not ended; cancel that first")
	for name in chosen:
		if not frappe.db.exists("Site Image", name):
			fail(f"There is no image {name}.")
		job = site_images.prune(name)
		frappe.db.commit()
		click.echo(f"{name}  {job.name}")


@click.command("set-pool")
@click.argument("plan")
@click.argument("sites", type=click.IntRange(min=0))
@click.option(
	"--most",
	type=click.IntRange(min=0),
	default=0,
	help="Keep up to so many ready when more tenants came in the last hour.",
)
@click.option("--country", help="For tenants of this country: with its accounts set up, in its own currency.")
@click.option("--language", default="en", show_default=True, help="The language of the accounts.")
@on_admin_site
def set_pool(plan: str, sites: int, most: int, country: str | None, language: str) -> None:
	"""Keep SITES standby sites ready for tenants of PLAN; 0 switches its pool off."""
	if not frappe.db.exists("Plan", plan):
		known = frappe.get_all("Plan", pluck="name", order_by="name", limit=MOST_NAMED + 1)
		choice = ", ".join(known) if 0 < len(known) <= MOST_NAMED else "one of the list Plan"
		fail(f"There is no Plan {plan}: choose {choice}.")
	settings = frappe.get_single("SaaS Settings")
	of = (plan, country, language if country else None)
	row = next((row for row in settings.standby_pools if row.is_for(*of)), None)
	row = row or settings.append("standby_pools", dict(zip(POOL_KEY, of, strict=True)))
	row.update({"sites": sites, "most_sites": most})
	settings.save()
	frappe.db.commit()


@click.command("pool")
@click.option("--fill", is_flag=True, help="Start what is missing now, not with the next minute.")
@on_admin_site
def pool(fill: bool) -> None:
	"""Show the standby sites by image: ready, filling, claimed today, the oldest, hits and misses."""
	if fill:
		standby.fill_pools()
	rows = standby.overview()
	names = [column["label"] for column in standby.OVERVIEW]
	keys = [column["fieldname"] for column in standby.OVERVIEW]
	render_table([names, *[[row[key] for key in keys] for row in rows]])
