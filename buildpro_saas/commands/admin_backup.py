"""`saas backup-admin`, `saas admin-backups`, `saas drill-admin`, `saas recover-admin-site`."""

import os

import click
import frappe

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_no_site, print_json
from buildpro_saas.commands.backups import LONGEST_WAIT, ask_recovery_key, show
from buildpro_saas.commands.jobs import follow_to_success
from buildpro_saas.commands.setup import ask_root_password
from buildpro_saas.control_plane.access import staff
from buildpro_saas.fleet import admin_backup as own_backup
from buildpro_saas.fleet import admin_drill, admin_recovery, offsite

# as programs that speak S3 have them in their environment
BUCKET_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@click.command("backup-admin")
@click.option("--why", help="Stays on record with the backup.")
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@on_admin_site
def backup_admin(why: str | None, wait: bool) -> None:
	"""Take a backup of the admin site itself, with the keys that sign statements, into its encrypted store."""
	staff.only_for_manager()
	backup, job = own_backup.start(why or "")
	frappe.db.commit()
	click.echo(f"{job} takes {backup} of {frappe.local.site}.")
	if wait:
		follow_to_success(job, LONGEST_WAIT)


@click.command("admin-backups")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def admin_backups(is_json: bool) -> None:
	"""List the backups of the admin site, the newest first: those that are kept, and those that failed."""
	found = own_backup.overview()
	if is_json:
		print_json(found)
	elif not found:
		click.echo("There is no backup of this site.")
	else:
		show(found)


@click.command("drill-admin")
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@on_admin_site
def drill_admin(wait: bool) -> None:
	"""Restore the admin site's newest backup beside the sites, compare it with what it must hold, and drop it."""
	staff.only_for_manager()
	backup, job = admin_drill.start()
	frappe.db.commit()
	click.echo(f"{job} drills {backup} of {frappe.local.site}.")
	if wait:
		follow_to_success(job, LONGEST_WAIT)
		click.echo(frappe.parse_json(frappe.db.get_value("Provisioning Job", job, "state"))["said"])


@click.command("recover-admin-site")
@click.option(
	"--folder",
	type=click.Path(file_okay=False, exists=True, resolve_path=True),
	metavar="DIR",
	default=None,
	help="Folder with the store, and STORE.key.age and STORE.site beside it; `backups` of the bench where it is left out.",
)
@click.option(
	"--bucket", help="Read the store in this bucket of an S3 service instead, where it was copied to."
)
@click.option("--endpoint", default="", help="Of the bucket: https://HOST; Amazon's where it is left out.")
@click.option("--region", default="", help="The bucket's region.")
@click.option("--prefix", default="", help="What the bucket's objects begin with, as SaaS Settings had it.")
@click.option(
	"--bucket-keys-file",
	type=click.File(),
	help="Read the bucket's access key and secret key from this file, each on a line, instead of asking. They may also be in the environment,"
	" as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
)
@click.option("--store", help="Which one, where there are stores of several admin sites.")
@click.option("--backup", help="Which backup, by its id in the store; the newest where it is left out.")
@click.option("--as", "name", metavar="SITE", help="The site's name, where it is to have another one.")
@click.option(
	"--recovery-key-file", type=click.File(), help="Read the recovery key from this file instead of asking."
)
@click.option(
	"--db-root-username", default="root", show_default=True, help="MariaDB's account that may make accounts."
)
@click.option(
	"--root-password-stdin",
	is_flag=True,
	help="Where the bench has lost its database account: read root's password from standard input's first line.",
)
@on_no_site
def recover_admin_site(
	folder: str | None,
	bucket: str | None,
	endpoint: str,
	region: str,
	prefix: str,
	bucket_keys_file,
	store: str | None,
	backup: str | None,
	name: str | None,
	recovery_key_file,
	db_root_username: str,
	root_password_stdin: bool,
) -> None:
	"""Make the admin site again, which is gone, from its store and the recovery key. Needs no site, and touches none."""
	if folder and bucket:
		fail("Name the folder that has the store, or the bucket: not both.")
	if not bucket and (endpoint or region or prefix or bucket_keys_file):
		fail("Name the bucket, too: --bucket.")
	place = None
	if bucket:
		keys = ask_bucket_keys(bucket_keys_file)
		place = offsite.in_bucket(bucket, *keys, endpoint=endpoint, region=region, prefix=prefix)
	found = admin_recovery.find_store(folder or "", store, place)
	secret = ask_recovery_key(recovery_key_file)
	if admin_recovery.needs_account():
		password = ask_root_password(db_root_username, root_password_stdin)
		admin_recovery.make_account(db_root_username, password)
		click.echo("Made the control plane's database account; its password is in a file of this bench.")
	made = admin_recovery.recover(
		found, folder or "", secret, backup=backup, site=name, bucket=place, log=click.echo
	)
	click.echo(f"{made.site} is there again, as it was at {made.taken_at} (UTC): {made.tables} tables.")
	if made.older:
		click.echo(
			f"The bench has newer {', '.join(made.older)} by now: run `bench --site {made.site} migrate`."
		)
	click.echo(f"Next: `bench --site {made.site} saas drift` says which sites it does not know.")


def ask_bucket_keys(file) -> tuple[str, str]:
	"""Access key and secret key of a bucket: an open file's two lines; or what the environment has; or asked for."""
	if file is None:
		if all(known := [os.environ.get(name, "") for name in BUCKET_KEYS]):
			return known[0], known[1]
		return click.prompt("Access key of the bucket"), click.prompt("Secret key", hide_input=True)
	lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
	if len(lines) != 2:
		fail(f"{file.name} is to have two lines: the access key, then the secret key. It has {len(lines)}.")
	return lines[0], lines[1]
