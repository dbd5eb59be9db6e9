"""`saas alerts`, `saas alert`."""

import sys

import click
import frappe
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.monitoring import alert_records, telling

COLOURS = {"Critical": "red", "Warning": "yellow", "Info": "blue"}


@click.command("alerts")
@click.option("--all", "with_closed", is_flag=True, help="Also those that are closed.")
@click.option("--test", "is_test", is_flag=True, help="Tell every way that is set up that this is a test.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def alerts(with_closed: bool, is_test: bool, is_json: bool) -> None:
	"""List the alerts that stand, the worst first."""
	if is_test:
		if faults := telling.send_test():
			fail(*faults)
		click.echo("Every way that is set up was told.")
		return
	rows = alert_records.overview(with_closed=with_closed)
	if is_json:
		print_json(rows)
	elif rows:
		show(rows)
	else:
		click.echo("No alert is open.")


@click.command("alert")
@click.argument("name")
@click.option(
	"--acknowledge",
	is_flag=True,
	help="Say that you have taken it on: it is told no more until it gets worse.",
)
@click.option(
	"--silence",
	"hours",
	type=click.IntRange(0, alert_records.LONGEST_SILENCE),
	help="Tell nobody of it for so many hours; 0 ends that.",
)
@click.option("--reason", default="", help="Why it is silenced.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def alert(name: str, acknowledge: bool, hours: int | None, reason: str, is_json: bool) -> None:
	"""Show the alert NAME; or take it on, or silence it."""
	if acknowledge:
		alert_records.acknowledge(name, frappe.session.user)
	if hours is not None:
		alert_records.silence(name, reason, hours, frappe.session.user)
	frappe.db.commit()
	row = frappe.db.get_value(alert_records.DOCTYPE, name, list(alert_records.SHOWN), as_dict=True)
	if not row:
		fail(f"There is no alert {name}: see `saas alerts`.")
	if is_json:
		print_json(row)
		return
	for field, value in row.items():
		if value not in (None, "", 0):
			click.echo(f"{field.replace('_', ' '):<16} {value}")


def show(rows: list[dict]) -> None:
	"""Print alerts as a table."""
	table = Table(show_lines=True)
	for column in ("Alert", "Severity", "Status", "Since", "What, and what to do"):
		table.add_column(column)
	for row in rows:
		words = [row["sentence"], row["advice"] or ""]
		if row["behind"]:
			words.append(f"With it, {len(row['behind'].splitlines())} are wrong.")
		words += ["It comes and goes."] if row["is_flapping"] else []
		words += [f"Brought about by {row['cause']}."] if row["cause"] else []
		since = f"{row['opened_at']:%Y-%m-%d %H:%M}" if row["opened_at"] else ""
		colour = COLOURS[row["severity"]]
		told = escape("\n".join(filter(None, words)))
		table.add_row(row["name"], f"[{colour}]{row['severity']}[/]", row["status"], since, told)
	Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)
