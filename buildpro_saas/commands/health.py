"""`saas health`, `saas full`."""

import sys
import time

import click
import frappe
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from buildpro_saas.commands.admin_site import on_admin_site, print_json
from buildpro_saas.commands.alerts import COLOURS
from buildpro_saas.commands.metrics import metrics
from buildpro_saas.monitoring import health as monitoring_health
from buildpro_saas.monitoring import upkeep

WIDTH = 200  # characters, where there is no terminal
SHOWN = 10  # findings of one check that the table names
STATES = {
	monitoring_health.FINE: "green",
	monitoring_health.NOT_SEEN: "yellow",
	monitoring_health.EXCUSED: "blue",
}


@click.command("health")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.option(
	"--watch", type=click.IntRange(2, 3600), metavar="SECONDS", help="Look again and again, until Ctrl-C."
)
@click.option(
	"--security",
	"with_security",
	is_flag=True,
	help="Also look at the security of the benches; takes seconds.",
)
@on_admin_site
def health(is_json: bool, watch: int | None, with_security: bool) -> None:
	"""Look at everything now: sites, servers, workers, disks, backups, certificates, jobs, drift. Changes nothing, and tells nobody.

	Exits with 0 when all is well, with 1 when something is wrong or could not be seen, with 2 when something critical is wrong.
	"""
	while True:
		rows = monitoring_health.now(with_security=with_security)
		if is_json:
			print_json(rows)
		else:
			show(rows, clears=bool(watch))
		if not watch:
			sys.exit(monitoring_health.exit_code(rows))
		time.sleep(watch)
		frappe.db.rollback()  # a fresh snapshot


def show(rows: list[dict], *, clears: bool = False) -> None:
	"""Print the checks as a table, and then what they found."""
	console = _console()
	if clears:
		console.clear()
	table = Table("Check", "State", "What")
	for row in rows:
		colour = COLOURS.get(row["severity"]) or STATES.get(row["state"], "white")
		table.add_row(row["title"], f"[{colour}]{row['severity'] or row['state']}[/]", escape(_told(row)))
	console.print(table)
	for row in rows:
		for finding in row["findings"]:
			if not finding["excused"] and not finding["behind"] and finding["advice"]:
				console.print(
					f"[{COLOURS[finding['severity']]}]{escape(finding['sentence'])}[/]\n    {escape(finding['advice'])}"
				)


def _console() -> Console:
	"""Where a table is cut off at a terminal's edge; elsewhere, as in a file, it has all the width that it needs."""
	return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def _told(row: dict) -> str:
	counting = [finding for finding in row["findings"] if not finding["excused"]]
	told = [finding["sentence"] for finding in counting if not finding["behind"]]
	behind, excused = len(counting) - len(told), len(row["findings"]) - len(counting)
	lines = told[:SHOWN]
	lines += [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
	lines += [f"{behind} more follow from another check's"] if behind else []
	lines += [f"{excused} are being worked on by our own jobs"] if excused else []
	lines += [row["unseen"]] if row["unseen"] else []
	return "\n".join(lines)


@click.command("full")
@click.option("--no-drill", "is_without_drill", is_flag=True, help="Start no drill.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON, without the metrics.")
@click.pass_context
def full(context: click.Context, is_without_drill: bool, is_json: bool) -> None:
	"""Safe maintenance, metrics, and health with security: what is due to go goes, logs are pruned, one backup is tried.

	Exits as `health` does. Removes nothing that the scheduler would not remove by itself.
	"""
	how = {"is_without_drill": is_without_drill, "is_json": is_json}
	commands = ((_maintained, how),) if is_json else ((metrics, {}), (_maintained, how))
	sys.exit(max(_ended(context, command, options) for command, options in commands))


def _ended(context: click.Context, command: click.Command, options: dict) -> int:
	"""Run the command, and return what it exits with: the others are run all the same."""
	try:
		context.invoke(command, **options)
	except SystemExit as end:
		return int(end.code or 0)
	return 0


@click.command(hidden=True)
@click.option("--no-drill", "is_without_drill", is_flag=True)
@click.option("--json", "is_json", is_flag=True)
@on_admin_site
def _maintained(is_without_drill: bool, is_json: bool) -> None:
	done = upkeep.run(with_drill=not is_without_drill)
	rows = monitoring_health.now(with_security=True)
	if is_json:
		print_json({"health": rows, "done": done})
	else:
		for sentence in done:
			click.echo(sentence)
		show(rows)
	sys.exit(monitoring_health.exit_code(rows))
