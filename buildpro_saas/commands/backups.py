"""`saas backup`, `saas backups`, `saas backup-export`, `saas recovery-key`, `saas open-backup-key`; of stores, see stores.py."""

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_no_site, print_json
from buildpro_saas.commands.sites import on_sites
from buildpro_saas.control_plane.access import staff
from buildpro_saas.fleet import backup_keys, backup_requests, point_in_time, site_operations
from buildpro_saas.fleet import backups as site_backups

LONGEST_WAIT = 6 * 3600  # seconds


@click.command("backup")
@click.option("--why", help="Stays on record with the backups.")
@on_sites
def backup(why: str | None):
	"""Take backups of the sites of TENANTs, database and files, into their encrypted stores."""
	return site_operations.BACK_UP, {"why": why or ""}, why or ""


@click.command("backups")
@click.argument("tenant")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def backups(tenant: str, is_json: bool) -> None:
	"""List the backups of TENANT, the newest first: those that are kept, and those that failed."""
	found = backup_requests.overview(tenant)
	if not frappe.db.exists("Tenant", tenant):
		fail(f"There is no tenant {tenant}.")
	_tell_moments(tenant, to_stderr=is_json)
	if is_json:
		print_json(found)
	elif not found:
		click.echo(f"There is no backup of {tenant}.")
	else:
		show(found)


def show(found: list[dict]) -> None:
	"""Print backups as a table."""
	rows = [
		[
			row.name,
			row.kind,
			row.status,
			f"{row.taken_at:%Y-%m-%d %H:%M}" if row.taken_at else "",
			f"{row.size:.1f}",
			f"{row.added:.2f}",
			f"{row.seconds:.0f}",
			row.place if row.status == site_backups.KEPT else "",
			row.expires_on or "",
			row.verified_how or "",
			row.error or row.drill_error or row.why or "",
		]
		for row in found
	]
	titles = [
		"Backup",
		"Kind",
		"Status",
		"Taken At",
		"MB",
		"Added",
		"Seconds",
		"Place",
		"Expires On",
		"Verified",
		"",
	]
	render_table([titles, *rows])


def _tell_moments(tenant: str, to_stderr: bool) -> None:
	"""Say to which moments the tenant's site can be restored (`saas restore --to`)."""
	can = point_in_time.recoverable(tenant)
	for span in can["spans"]:
		click.echo(f"Any moment from {span['first']} to {span['last']}", err=to_stderr)
	if can["why_not"]:
		click.echo(f"Backups as they are, and no moments between: {can['why_not']}", err=to_stderr)


@click.command("backup-export")
@click.argument("tenant")
@click.option(
	"--to",
	"folder",
	required=True,
	type=click.Path(file_okay=False, resolve_path=True),
	metavar="DIR",
	help="Folder on the bench's machine.",
)
@click.option("--backup", "name", help="Which one; the newest where it is left out.")
@on_admin_site
def backup_export(tenant: str, folder: str, name: str | None) -> None:
	"""Write a backup of TENANT as the four files of `bench backup --with-files`, which `bench restore` takes."""
	staff.only_for_manager()
	name = backup_requests.of_tenant(tenant, name)
	for path in backup_requests.export(name, folder):
		click.echo(path)


@click.command("recovery-key")
@click.option("--recipient", help="Use the public half (age1…) of a key that you have made yourself.")
@click.option(
	"--replace",
	is_flag=True,
	help="Wrap all keys for another recovery key; the one before is then of no use.",
)
@on_admin_site
def recovery_key(recipient: str | None, replace: bool) -> None:
	"""Make the recovery key, which opens all backups when this site is gone. It is shown once, and kept nowhere."""
	if (known := backup_keys.recipient()) and not replace:
		fail(f"There is a recovery key already ({known}). --replace makes another one.")
	secret = None
	if not recipient:
		recipient, secret = backup_keys.make_recovery_key()
	count = backup_keys.set_recipient(recipient)
	frappe.db.commit()
	click.echo(f"Keys of backups are wrapped for {recipient} from now on, {count} that there are as well.")
	if secret:
		click.echo(
			"The recovery key follows. Print it, or keep it where this machine's fate does not reach it:"
		)
		click.echo(secret)


@click.command("open-backup-key")
@click.argument("file", type=click.File("rb"))
@click.option(
	"--recovery-key-file", type=click.File(), help="Read the recovery key from this file instead of asking."
)
@on_no_site
def open_backup_key(file, recovery_key_file) -> None:
	"""Print the key of a store from its wrapped key in FILE (STORE.key.age, beside the store). Needs no site."""
	click.echo(backup_keys.unwrapped_file(file.read(), ask_recovery_key(recovery_key_file)))


def ask_recovery_key(file) -> str:
	"""The recovery key: the last line of an open file that is one, as age's own programs write them too; or asked for."""
	if file is None:
		return click.prompt("Recovery key", hide_input=True)
	lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
	return lines[-1] if lines else ""
