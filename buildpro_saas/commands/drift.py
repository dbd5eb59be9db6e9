"""`saas drift`."""

import click
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import on_admin_site, print_json
from buildpro_saas.fleet import reconciliation
from buildpro_saas.jobs.bench_door import reached


@click.command("drift")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def drift(is_json: bool) -> None:
	"""Compare the bench with the records now, and list where they differ; nothing is removed."""
	found = [row for bench in reached() for row in reconciliation.compare(bench)]
	if is_json:
		print_json(found)
	elif not found:
		click.echo("The bench is as the records say.")
	else:
		rows = [
			[row.name, row.kind, row.subject, f"{row.first_found:%Y-%m-%d %H:%M}", row.what, row.action]
			for row in found
		]
		render_table([["Finding", "Kind", "Subject", "Since", "What", "Action"], *rows])
