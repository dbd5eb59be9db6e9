"""`saas drift`."""

import click
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_each, print_json
from buildpro_saas.fleet import reconciliation
from buildpro_saas.jobs.bench_door import reached


@click.command("drift")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def drift(is_json: bool) -> None:
	"""Compare each bench with the records now, and list where they differ; nothing is removed.

	Exits with 1 when a bench could not be looked at.
	"""
	found, missed = on_each(reached(), reconciliation.compare)
	if is_json:
		print_json(found)
	elif found:
		rows = [
			[row.name, row.kind, row.subject, f"{row.first_found:%Y-%m-%d %H:%M}", row.what, row.action]
			for row in found
		]
		render_table([["Finding", "Kind", "Subject", "Since", "What", "Action"], *rows])
	elif not missed:
		click.echo("The bench is as the records say.")
	if missed:
		fail(*missed)
