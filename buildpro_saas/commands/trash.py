"""`saas trash`, `saas put-back`."""

from dataclasses import asdict

import click
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_each, print_json
from buildpro_saas.fleet import bench_trash, reconciliation
from buildpro_saas.jobs.bench_door import reached

HOUR = 3600


@click.command("trash")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.option("--remove", multiple=True, metavar="NAME", help="Remove NAME from the trash for good.")
@on_admin_site
def trash(is_json: bool, remove: tuple[str, ...]) -> None:
	"""List what reconciliation has taken off the benches, and may be put back. Exits with 1 when a bench could not be looked at."""
	for name in remove:
		bench_trash.remove(name)
		click.echo(f"{name} is removed for good.", err=is_json)
	found, missed = on_each(reached(), _entries_of)
	found = bench_trash.in_order(found)
	if is_json:
		print_json([asdict(entry) for entry in found])
	elif found:
		days = bench_trash.days()
		rows = [
			[entry.name, entry.kind, entry.subject, entry.removed_at, f"{days - entry.age / (24 * HOUR):.1f}"]
			for entry in found
		]
		render_table([["Name", "Kind", "Was", "Removed", "Days Left"], *rows])
	elif not missed:
		click.echo("The trash is empty.")
	if missed:
		fail(*missed)


def _entries_of(bench: str) -> list:
	"""What lies in the trash of the bench. Tells of the entries whose note cannot be read."""
	for name in bench_trash.unreadable_of(bench):
		told = f"{name} is skipped: its note.json cannot be read. Correct it in sites/.buildpro/trash/{name}."
		click.secho(told, fg="yellow", err=True)
	return bench_trash.entries_of(bench)


@click.command("put-back")
@click.argument("name")
@on_admin_site
def put_back(name: str) -> None:
	"""Put NAME back from the trash, with the folder or the database that belongs to it; nobody removes it again by itself."""
	for entry in reconciliation.put_back(name):
		click.echo(f"{entry.kind} {entry.subject} is back.")
