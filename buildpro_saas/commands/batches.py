"""`saas batches`, `saas batch`."""

import sys
import time

import click
import frappe
from frappe.utils.commands import render_table
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.commands.jobs import POLL, limited, seconds

OVER = ("Paused", "Stopped", "Completed", "Cancelled")
FIELDS = ["name", "title", "status", "total", "completed", "failed", "left_out", "creation", "duration"]


@click.command("batches")
@limited
@click.option("--json", "is_json", is_flag=True, help="As JSON, for a program.")
@on_admin_site
def batches(limit: int, is_json: bool) -> None:
	"""List the Batches, the newest first."""
	found = frappe.get_all("Batch", fields=FIELDS, order_by="creation desc, name desc", limit=limit)
	if is_json:
		print_json(found)
		return
	rows = [
		[
			row.name,
			row.title,
			row.status,
			row.total,
			row.completed,
			row.failed,
			row.left_out,
			seconds(row.duration),
		]
		for row in found
	]
	render_table(
		[["Batch", "What", "Status", "Tenants", "Completed", "Failed", "Left Out", "Seconds"], *rows]
	)


@click.command("batch")
@click.argument("name")
@click.option("--pause", "action", flag_value="pause", help="Give nobody another turn until it is resumed.")
@click.option(
	"--resume", "action", flag_value="resume", help="Go on after a pause, or after its rules stopped it."
)
@click.option("--retry", "action", flag_value="retry_failed", help="Give those that failed another turn.")
@click.option(
	"--cancel", "action", flag_value="cancel_batch", help="Leave out all that have not had their turn."
)
@click.option(
	"--leave-out", "left_out", metavar="TENANT", multiple=True, help="Take a tenant out before its turn."
)
@click.option(
	"--wait", is_flag=True, help="Follow it until it is over; exit with 1 where it went wrong with one."
)
@click.option("--timeout", type=float, default=3600, show_default=True, help="Seconds to wait at most.")
@click.option("--json", "is_json", is_flag=True, help="As JSON, for a program.")
@on_admin_site
def batch(
	name: str, action: str | None, left_out: tuple[str, ...], wait: bool, timeout: float, is_json: bool
) -> None:
	"""Show the Batch NAME with the tenants that failed; or pause, resume, narrow, retry or cancel it."""
	doc = frappe.get_doc("Batch", name)
	if left_out:
		number = doc.leave_out(list(left_out))
		click.echo(f"{number} of {len(left_out)} taken out.", err=True)
	if action:
		getattr(doc, action)()
	frappe.db.commit()
	found = follow(doc, timeout) if wait else doc.progress()
	if is_json:
		print_json({"batch": name, "title": doc.title, **found})
	else:
		_show(doc, found)
	if wait and (found["status"] != "Completed" or found["failed"]):
		sys.exit(1)


def follow(doc, timeout: float) -> dict:
	"""Show a bar on standard error until the batch (document) ends or is held. Returns its progress.

	Exits with 1 if that takes more than `timeout` seconds; the batch itself goes on.
	"""
	until = time.monotonic() + timeout
	columns = (
		TextColumn("{task.description}"),
		BarColumn(),
		MofNCompleteColumn(),
		TimeElapsedColumn(),
		TextColumn("{task.fields[failed]}"),
	)
	with Progress(*columns, console=Console(stderr=True)) as bar:
		task = bar.add_task(doc.name, total=None, failed="")
		while True:
			frappe.db.rollback()  # a fresh snapshot
			found = doc.progress()
			left = found["counts"]["Waiting"] + found["counts"]["Running"]
			failed = f"{found['counts']['Failed']} failed" if found["counts"]["Failed"] else ""
			bar.update(task, total=found["total"], completed=found["total"] - left, failed=failed)
			# a batch that was paused or stopped is done once the tenants at work have ended their turns
			if found["status"] in OVER and not found["counts"]["Running"]:
				return found
			if time.monotonic() > until:
				fail(
					f"{doc.name} is still {found['status']} after {timeout:.0f} s. See that a worker runs for its queue."
				)
			time.sleep(POLL)


def _show(doc, found: dict) -> None:
	counts = ", ".join(f"{number} {status.lower()}" for status, number in found["counts"].items() if number)
	click.echo(f"{doc.name}  {doc.title}  {found['status']}  {found['seconds']} s")
	click.echo(f"{found['total']} tenants: {counts or 'none'}")
	if found["reason"]:
		click.echo(found["reason"])
	if found["failed"]:
		rows = [[row.tenant, row.attempts, row.message] for row in found["failed"]]
		render_table([["Failed", "Attempts", "Message"], *rows])
