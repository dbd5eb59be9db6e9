"""`saas sites`, `saas migrate`, `saas rehearse`, `saas drill`, `saas restore-lost`, `saas clear-cache`, `saas maintenance`, `saas scheduler`, `saas run-function`, `saas console`."""

import getpass
import os
from collections.abc import Callable
from functools import wraps

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.commands.batches import follow
from buildpro_saas.fleet import console as site_console
from buildpro_saas.fleet import refreshes, site_list, site_operations
from buildpro_saas.fleet.site_operations import Whom
from buildpro_saas.jobs import batch_rows
from buildpro_saas.monitoring import site_info as info

HOUR = 3600


def by_whom() -> str:
	"""Who types here: the machine's user, or the one who became root by sudo."""
	return f"{os.environ.get('SUDO_USER') or getpass.getuser()} in a shell"


def on_sites(command: Callable) -> Callable:
	"""Give a command the tenants that it is for, and the options of batches; it returns (playbook, inputs, why) of the batch."""

	@click.argument("tenants", nargs=-1, metavar="TENANT...")
	@click.option("--all", "is_all", is_flag=True, help="All tenants with a site.")
	@click.option("--plan", help="Those with this plan.")
	@click.option("--status", help="Those with this status.")
	@click.option("--bench", help="Those on this bench.")
	@click.option("--tag", help="Those with this tag, which staff give them in Desk.")
	@click.option("--preview", is_flag=True, help="List whom it meets, and do nothing.")
	@click.option(
		"--width",
		type=int,
		help="How many of a bench at once; left out: 1, and of migrates what rehearsals say.",
	)
	@click.option("--stop-after", type=int, default=0, help="Stop after so many failures; 0: never.")
	@click.option(
		"--wait", is_flag=True, help="Follow it to its end; exit with 1 where it went wrong with one."
	)
	@click.option("--timeout", type=float, default=HOUR, show_default=True, help="Seconds to wait at most.")
	@click.option("--json", "is_json", is_flag=True, help="As JSON, for a program.")
	@on_admin_site
	@wraps(command)
	def run(
		tenants, is_all, plan, status, bench, tag, preview, width, stop_after, wait, timeout, is_json, **own
	):
		if not (tenants or is_all or plan or status or bench or tag):
			fail("Say whom: tenants' names, --all, --plan, --status, --bench or --tag.")
		whom = Whom(tenants or None, plan, status, bench, tag)
		if preview:
			_list(whom, is_json)
			return
		playbook, inputs, why = command(**own)
		how = {"width": width, "stop_after": stop_after}
		batch = site_operations.start(playbook, whom, inputs=inputs, by=by_whom(), why=why, **how)
		frappe.db.commit()
		if not is_json:
			click.echo(f"{batch.name}  {batch.title}")
		_tell(batch, wait, timeout, is_json)

	return run


def _list(whom: Whom, is_json: bool) -> None:
	found = whom.found()
	if is_json:
		print_json(found)
		return
	rows = [[row["tenant"], row["plan"], row["status"], row["bench"], row["site"] or ""] for row in found]
	render_table([["Tenant", "Plan", "Status", "Bench", "Site"], *rows])


def _tell(batch, wait: bool, timeout: float, is_json: bool) -> None:
	found = follow(batch, timeout) if wait else batch.progress()
	rows = batch_rows.messages(batch.name)
	if is_json:
		print_json({"batch": batch.name, "title": batch.title, **found, "rows": rows})
	elif wait:
		for row in rows:
			click.echo(f"{row.tenant}: {row.status}. {row.message or ''}")
	if wait and (found["status"] != "Completed" or found["failed"]):
		fail(f"It did not go well with all; see `bench --site {frappe.local.site} saas batch {batch.name}`.")


@click.command("sites")
@click.option("--plan", help="Only those with this plan.")
@click.option("--status", help="Only those with this status.")
@click.option("--bench", help="Only those on this bench.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--site", help="This site alone, with all that is known of it.")
@click.option("--json", "is_json", is_flag=True, help="As JSON, for a program.")
@on_admin_site
def sites(
	plan: str | None, status: str | None, bench: str | None, tag: str | None, site: str | None, is_json: bool
) -> None:
	"""List tenants' sites: plan, apps with versions, size, last backup, and what is unusual about them."""
	found = site_list.sites(Whom([refreshes.of_site(site)] if site else None, plan, status, bench, tag))
	if is_json:
		print_json(found)
		return
	if site:
		for name, value in site_list.told(found[0]):
			click.echo(f"{name + ':':<16}{value}")
		return
	rows = [
		[
			row["site"],
			row["plan"],
			", ".join(f"{app} {version}" for app, version in row["apps"].items()),
			_size(row["database_mb"]),
			_size(row["files_mb"]),
			f"{row['last_backup']:%Y-%m-%d %H:%M}" if row["last_backup"] else "never",
			row["status"],
			" ".join(row["state"]),
		]
		for row in found
	]
	render_table(
		[["Site", "Plan", "Apps", "Database MB", "Files MB", "Last backup", "Status", "State"], *rows]
	)


@click.command("site-info")
@click.argument("site")
@click.option("--json", "is_json", is_flag=True, help="As JSON, for a program.")
@on_admin_site
def site_info(site: str, is_json: bool) -> None:
	"""Say all that is known of SITE: whose, plan, status, apps, users, sizes, last backup, entitlement, host names."""
	found = info.of(site)
	if is_json:
		print_json(found)
		return
	for name, value in info.told(found):
		click.echo(f"{name + ':':<16}{value}")


def _size(megabytes: float | None) -> str:
	return "" if megabytes is None else f"{megabytes:.1f}"


@click.command("clear-cache")
@on_sites
def clear_cache():
	"""Forget what Redis has of the sites of TENANTs, as `bench clear-cache` does."""
	return site_operations.CLEAR_CACHE, {}, ""


@click.command("maintenance")
@click.option("--on/--off", "is_on", default=None, required=True, help="Close the sites, or open them.")
@click.option("--message", help="What people are told who come meanwhile.")
@on_sites
def maintenance(is_on: bool, message: str | None):
	"""Close the sites of TENANTs to everybody, who is answered 503 with the message; or open them again."""
	text = site_operations.message(message)
	return site_operations.MAINTENANCE, {"is_on": is_on, "message": text}, text


@click.command("scheduler")
@click.option("--pause/--resume", "is_paused", default=None, required=True, help="Pause it, or let it go on.")
@click.option("--why", help="Shown with the site.")
@on_sites
def scheduler(is_paused: bool, why: str | None):
	"""Pause the scheduled jobs of the sites of TENANTs, or let them go on."""
	text = site_operations.message(why)
	return site_operations.SCHEDULER, {"is_paused": is_paused, "message": text}, text


@click.command("migrate")
@click.option(
	"--in-place", is_flag=True, help="Migrate the sites themselves, shut meanwhile, whatever their size."
)
@on_sites
def migrate(in_place: bool):
	"""Migrate the sites of TENANTs: a copy of each, which then takes the site's place; one that is too large for that in place.

	Where there is nothing to do, nothing is done.
	"""
	return site_operations.MIGRATE, {"in_place": True} if in_place else {}, ""


@click.command("rehearse")
@on_sites
def rehearse():
	"""Migrate copies of the sites of TENANTs, and drop them: which patch would fail, how long it takes, what it changes."""
	return site_operations.REHEARSE, {}, ""


@click.command("drill")
@on_sites
def drill():
	"""Restore the newest backups of TENANTs into shadows, compare them with what they must hold, ask them, and drop them."""
	return site_operations.DRILL, {}, ""


@click.command("restore-lost")
@on_sites
def restore_lost():
	"""Make the sites of TENANTs anew, from their last backups, where their folder or database is lost. Sites that are whole are left alone."""
	return site_operations.RESTORE_LOST, {}, ""


@click.command("run-function")
@click.option("--method", required=True, help="Dotted name of a whitelisted function of the sites' apps.")
@click.option("--args", "given", help="Its arguments, as a JSON object.")
@on_sites
def run_function(method: str, given: str | None):
	"""Run a whitelisted function on the sites of TENANTs, as Administrator."""
	return site_operations.FUNCTION, site_operations.function(method, given), method


@click.command("console")
@click.argument("tenant")
@click.option("--why", required=True, help="Stays on record with the tenant, and on its site.")
@on_admin_site
def console(tenant: str, why: str) -> None:
	"""Open a console on the site of TENANT, in this terminal. Who, when and why is kept on both sites."""
	doc = frappe.get_doc("Tenant", tenant)
	found = site_console.open_for(doc, by_whom(), why)
	doc.add_comment("Info", frappe.utils.escape_html(f"{by_whom()} opened a console: {why}"))
	frappe.db.commit()
	frappe.destroy()
	os.chdir(found["folder"])
	os.execv(found["command"][0], found["command"])
