"""`saas check-backups`, `saas copy-offsite`."""

import click
import frappe

from buildpro_saas.commands.admin_site import fail, on_admin_site
from buildpro_saas.commands.jobs import follow, follow_to_success
from buildpro_saas.fleet import store_checks, unread_backups

LONGEST_WAIT = 24 * 3600  # seconds


@click.command("check-backups")
@click.argument("tenant", required=False)
@click.option(
	"--all", "is_for_all", is_flag=True, help="Start a check of each store, as after a disk was lost."
)
@click.option(
	"--take-in",
	is_flag=True,
	help="Make records of the backups that the last check found and no record knows.",
)
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@on_admin_site
def check_backups(tenant: str | None, is_for_all: bool, take_in: bool, wait: bool) -> None:
	"""Check where the backups of TENANT lie, here and offsite, and compare the records with what is there."""
	if bool(tenant) == is_for_all:
		fail("Name a tenant, or say --all.")
	if take_in:
		_take_in(store_checks.with_strangers() if is_for_all else [store_checks.of_tenant(tenant)], wait)
	elif is_for_all:
		jobs = store_checks.start_all()
		click.echo(f"{len(jobs)} jobs do it.")
		_follow_all(jobs, wait)
	else:
		_follow(frappe.get_doc("Backup Store", store_checks.of_tenant(tenant)).check(), wait)


def _take_in(stores: list[str], wait: bool) -> None:
	names = [name for store in stores for name in frappe.get_doc("Backup Store", store).take_in()]
	frappe.db.commit()
	told = f"On record now: {', '.join(names)}. A job reads what they hold."
	click.echo(told if names else "No check has found unknown backups.")
	_follow_all(list(filter(None, map(unread_backups.under_way, stores))), wait)


@click.command("copy-offsite")
@click.argument("tenant")
@click.option("--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes.")
@on_admin_site
def copy_offsite(tenant: str, wait: bool) -> None:
	"""Copy the backups of TENANT offsite now, as SaaS Settings say where."""
	_follow(frappe.get_doc("Backup Store", store_checks.of_tenant(tenant)).copy_offsite(), wait)


def _follow(job: str, wait: bool) -> None:
	frappe.db.commit()
	click.echo(f"{job} does it.")
	if wait:
		follow_to_success(job, LONGEST_WAIT)


def _follow_all(jobs: list[str], wait: bool) -> None:
	"""Follow each of the jobs to its end if asked to; exits with 1 where one has not completed."""
	ended = {job: follow(job, LONGEST_WAIT) for job in jobs} if wait else {}
	if missed := [f"{job} ended as {status}." for job, status in ended.items() if status != "Completed"]:
		fail(*missed)
