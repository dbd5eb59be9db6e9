"""`saas metrics`, `saas disk-space`."""

import sys
import time
from collections.abc import Callable, Iterable

import click
import frappe
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_each, print_json
from buildpro_saas.jobs.bench_door import reached
from buildpro_saas.monitoring import overview

UNITS = ("B", "kB", "MB", "GB", "TB")
LITTLE = 0.1  # of a disk or of memory that is free


def watched(show: Callable[[list[dict]], RenderableType], look: Callable[[str], list[dict]]) -> Callable:
	"""The body of a command: look at the chosen benches, and show or print it; with `watch` again and again."""

	def run(chosen: str | None, is_json: bool, watch: int | None) -> None:
		if is_json and watch:
			fail("--json and --watch do not go together: call it again for new numbers.")
		benches = [chosen] if chosen else reached()
		if watch:
			_follow(show, look, benches, watch)
			return
		found, missed = on_each(benches, look)
		if is_json:
			print_json(found)
		else:
			_console().print(show(found))
		if missed:
			fail(*missed)

	return run


def _follow(show: Callable, look: Callable, benches: list[str], seconds: int) -> None:
	"""Show it anew each `seconds` seconds, until the keyboard says no. What cannot be looked at is told below it."""
	with Live(console=_console(), auto_refresh=False, screen=sys.stdout.isatty()) as live:
		while True:
			frappe.db.rollback()  # what the scheduler has kept since
			found, missed = on_each(benches, look)
			live.update(Group(show(found), *(Text(each, style="red") for each in missed)), refresh=True)
			try:
				time.sleep(seconds)
			except KeyboardInterrupt:
				return


def _console() -> Console:
	"""Where a table is cut off at a terminal's edge; elsewhere, as in a file, it has all the width that it needs."""
	return Console(width=None if sys.stdout.isatty() else 200, highlight=False)


def _options(command: Callable) -> Callable:
	for option in (
		click.option(
			"--watch",
			type=click.IntRange(1, 3600),
			metavar="SECONDS",
			help="Show it again after so many seconds.",
		),
		click.option("--json", "is_json", is_flag=True, help="Print JSON."),
		click.option("--bench", "chosen", help="That bench alone."),
	):
		command = option(command)
	return command


# -- metrics -----------------------------------------------------------------------------------------------------------


@click.command("metrics")
@_options
@on_admin_site
def metrics(chosen: str | None, is_json: bool, watch: int | None) -> None:
	"""Show how benches, their machines and tenants' sites are now; exits with 1 when a bench does not answer.

	Requests, errors and latency are those of the last quarter of an hour.
	"""
	watched(shown, lambda bench: [overview.of_bench(bench)])(chosen, is_json, watch)


def shown(found: list[dict]) -> RenderableType:
	"""Benches with their tenants, as overview.of_bench has them, as tables."""
	return Group(
		*(part for each in found for part in (_machine(each), _tenants(each), *_faults(each["faults"])))
	)


def _machine(found: dict) -> Table:
	numbers = found["numbers"]
	table = Table(title=f"Bench {found['bench']}", title_justify="left", show_header=False, box=None)
	for name, value in _lines_of_machine(numbers, found["full_in_days"]):
		table.add_row(name, value)
	return table


def _lines_of_machine(numbers: dict, full: dict) -> Iterable[tuple[str, RenderableType]]:
	"""What there is to say of a bench, a line each; what was not read is left out."""
	load = " ".join(f"{numbers[key]:.2f}" for key in ("load_1", "load_5", "load_15") if key in numbers)
	used = f"{numbers['cpu_percent']:.0f} % in use, " if "cpu_percent" in numbers else ""
	if load:
		yield "Processors", f"{used}load {load} on {numbers['cpus']}"
		yield "Memory", _free(numbers["memory_free_bytes"], numbers["memory_bytes"])
	for key in numbers:
		name, _dot, disk = key.partition(".")
		if name == "disk_bytes":
			yield f"Disk of {disk}", _free(numbers[f"disk_free_bytes.{disk}"], numbers[key])
	for disk, days in full.items():
		yield f"Full: {disk}", Text(f"in {days:.0f} days, if it goes on so", style="yellow")
	if "mariadb_connections" in numbers:
		limit = numbers["mariadb_connections_limit"]
		waits = numbers.get("mariadb_lock_waits_now", 0)
		yield "MariaDB", f"{numbers['mariadb_connections']} of {limit} connections, {waits} wait for locks"
	for key in numbers:
		name, _dot, server = key.partition(".")
		if name == "redis_memory_bytes":
			yield server, f"{size(numbers[key])}, {numbers[f'redis_clients.{server}']} connections"
		elif name == "queue_length":
			yield f"Queue {server}", f"{numbers[key]} wait, {numbers[f'queue_workers.{server}']} workers"


def _free(free: float, total: float) -> Text:
	share = free / total if total else 1.0
	return Text(f"{size(free)} of {size(total)} free", style="red" if share < LITTLE else "")


TENANT_COLUMNS = (
	("Tenant", "left"),
	*((name, "right") for name in ("Database", "Files", "Users", "Active", "Req/min", "4xx/min", "5xx/min")),
	*(
		(name, "right")
		for name in ("p50", "p95", "p99", "Jobs", "Failed", "Mails", "Errors/h", "Scheduler", "Seen")
	),
)


def _tenants(found: dict) -> Table:
	table = Table(title=f"Tenants: {len(found['tenants'])}", title_justify="left")
	for name, side in TENANT_COLUMNS:
		table.add_column(name, justify=side)
	for row in found["tenants"]:
		table.add_row(*_cells(row), style="red" if row["site"] in found["faults"] else None)
	return table


def _cells(row: dict) -> list[str]:
	numbers, rate, took = row["numbers"], row["a_minute"], row["latency"]
	files = [numbers.get(key) for key in ("files_public_bytes", "files_private_bytes")]
	return [
		row["tenant"],
		size(numbers.get("database_bytes")),
		size(None if None in files else sum(files)),
		*(_number(numbers.get(key)) for key in ("users_enabled", "users_active_day")),
		*(_number(rate.get(key)) for key in ("requests", "responses_4xx", "responses_5xx")),
		*(f"{took[key] * 1000:.0f} ms" if key in took else "" for key in ("p50", "p95", "p99")),
		*(
			_number(numbers.get(key))
			for key in ("jobs_queued", "jobs_failed", "mails_waiting", "errors_hour")
		),
		*(_ago(numbers.get(key)) for key in ("scheduler_ran_at", "seen_at")),
	]


def _faults(faults: dict[str, str]) -> list[Text]:
	return [Text(f"{name}: {sentence}", style="red") for name, sentence in faults.items()]


# -- disk space --------------------------------------------------------------------------------------------------------


@click.command("disk-space")
@_options
@on_admin_site
def disk_space(chosen: str | None, is_json: bool, watch: int | None) -> None:
	"""Show the disks of benches, when they will be full, and what each site takes; exits with 1 when a bench does not answer."""
	watched(shown_rooms, lambda bench: [overview.disk_space(bench)])(chosen, is_json, watch)


def shown_rooms(found: list[dict]) -> RenderableType:
	"""Disks and sites, as overview.disk_space has them, as tables."""
	return Group(*(part for each in found for part in (_disks(each), _sites(each), *_faults(each["faults"]))))


def _disks(found: dict) -> Table:
	table = Table(title=f"Disks of bench {found['bench']}", title_justify="left")
	for name in ("Disk of", "Size", "Free", "Free inodes", "Full in"):
		table.add_column(name, justify="left" if name == "Disk of" else "right")
	for row in found["disks"]:
		days = row["full_in_days"]
		share = row["free_bytes"] / row["bytes"] if row["bytes"] else 1.0
		inodes = f"{100 * row['free_inodes'] / row['inodes']:.0f} %" if row["inodes"] else ""
		table.add_row(
			*(row["disk"], size(row["bytes"]), size(row["free_bytes"]), inodes),
			"" if days is None else f"{days:.0f} days",
			style="red" if share < LITTLE else None,
		)
	return table


def _sites(found: dict) -> Table:
	table = Table(title="Sites, the largest first", title_justify="left")
	for name in ("Site", "Tenant", "All", "Database", "Public files", "Private files", "Backups there"):
		table.add_column(name, justify="left" if name in ("Site", "Tenant") else "right")
	for row in found["sites"]:
		table.add_row(
			row["site"], row["tenant"], *(size(row[key]) for key in ("total_bytes", *overview.PARTS))
		)
	return table


# -- words -------------------------------------------------------------------------------------------------------------


def size(number: float | None) -> str:
	"""Bytes in words, thousands as disks are sold; empty for None."""
	if number is None:
		return ""
	unit = 0
	while number >= 1000 and unit < len(UNITS) - 1:
		number, unit = number / 1000, unit + 1
	return f"{number:.0f} {UNITS[unit]}" if number >= 100 or not unit else f"{number:.1f} {UNITS[unit]}"


def _number(number: float | None) -> str:
	return "" if number is None else f"{number:g}"


def _ago(moment: float | None) -> str:
	"""How long ago a moment is; empty for none."""
	seconds = overview.age(moment)
	if seconds is None:
		return ""
	for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
		if seconds >= length:
			return f"{seconds / length:.0f} {unit}"
	return f"{seconds:.0f} s"
