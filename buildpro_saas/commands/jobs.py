"""`saas jobs`, `saas job`, `saas retry`, `saas cancel`."""

import time

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json

ENDED = ("Completed", "Failed", "Cancelled")
POLL = 0.5  # seconds between two looks at a job that is followed
limited = click.option(
	"--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many, the newest first."
)


@click.command("jobs")
@click.option("--tenant", help="Only this tenant's.")
@limited
@on_admin_site
def jobs(tenant: str | None, limit: int) -> None:
	"""List the Provisioning Jobs, the newest first."""
	# a tenant that was deleted has jobs on record
	if tenant and not any(
		frappe.db.exists(*each) for each in (("Tenant", tenant), ("Provisioning Job", {"tenant": tenant}))
	):
		fail(f"There is no tenant {tenant}.")
	found = frappe.get_all(
		"Provisioning Job",
		filters={"tenant": tenant} if tenant else None,
		fields=["name", "title", "status", "creation", "duration", "error"],
		order_by="creation desc",
		limit=limit,
	)
	rows = [
		[
			row.name,
			row.title,
			row.status,
			f"{row.creation:%Y-%m-%d %H:%M:%S}",
			seconds(row.duration),
			row.error or "",
		]
		for row in found
	]
	render_table([["Job", "What", "Status", "Made", "Seconds", "Error"], *rows])


@click.command("job")
@click.argument("name")
@on_admin_site
def job(name: str) -> None:
	"""Show the Provisioning Job NAME with its steps."""
	doc = frappe.get_doc("Provisioning Job", name)
	click.echo(f"{doc.name}  {doc.title}  {doc.status}  {seconds(doc.duration)} s")
	rows = [[step.title, step.status, step.attempts or 0, seconds(step.duration)] for step in doc.steps]
	render_table([["Step", "Status", "Attempts", "Seconds"], *rows])
	for text in filter(None, (doc.error, doc.hint)):
		click.echo(text)


@click.command("retry")
@click.argument("name")
@on_admin_site
def retry(name: str) -> None:
	"""Let the failed Provisioning Job NAME go on from its failed step."""
	frappe.get_doc("Provisioning Job", name).retry()
	frappe.db.commit()
	click.echo(f"{name} goes on.")


@click.command("cancel")
@click.argument("name")
@on_admin_site
def cancel(name: str) -> None:
	"""Stop the Provisioning Job NAME and undo what it did."""
	frappe.get_doc("Provisioning Job", name).cancel_job()
	frappe.db.commit()
	click.echo(f"{name} is being cancelled.")


def follow(name: str, timeout: float) -> str:
	"""Print the steps of a job to standard error as they end. Returns the status with which the job ends.

	Exits with 1 if it has not ended after `timeout` seconds; the job itself goes on.
	"""
	told: set[str] = set()
	give_up = time.monotonic() + timeout
	while True:
		frappe.db.rollback()  # a fresh snapshot
		doc = frappe.get_doc("Provisioning Job", name)
		for step in doc.steps:
			if step.status in ("Completed", "Failed", "Undone") and step.name not in told:
				told.add(step.name)
				click.echo(f"  {step.title}: {step.status.lower()} in {seconds(step.duration)} s", err=True)
		if doc.status in ENDED:
			click.echo(" ".join(filter(None, (f"{name}: {doc.status}.", doc.error, doc.hint))), err=True)
			return doc.status
		if time.monotonic() > give_up:
			fail(f"{name} is still {doc.status} after {timeout:.0f} s. See that a worker runs for its queue.")
		time.sleep(POLL)


def finish(made: dict, *, wait: bool, is_json: bool, timeout: float) -> None:
	"""Follow made["job"] to its end if asked to, and print what was made as JSON if asked to, with the job's status once it has ended.

	Exits with 1 unless a job that was followed completes.
	"""
	if wait:
		made["status"] = follow(made["job"], timeout)
	if is_json:
		print_json(made)
	if wait and made["status"] != "Completed":
		fail(_ended(made["job"], made["status"]))


def follow_to_success(job: str, timeout: float) -> None:
	"""Follow the job to its end. Exits with 1, and the job's fault, unless it completes."""
	if (status := follow(job, timeout)) != "Completed":
		fail(frappe.db.get_value("Provisioning Job", job, "error") or "", _ended(job, status))


def _ended(job: str, status: str) -> str:
	return f"{job} ended as {status}; see `bench --site {frappe.local.site} saas job {job}`."


def seconds(duration: float | None) -> str:
	"""A duration in seconds with one decimal."""
	return f"{duration or 0:.1f}"
