"""`saas diagnose`, `saas slow`, `saas end-statement`, `saas end-job`, `saas disk-usage`, `saas support-bundle`."""

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import (
	fail,
	on_admin_site,
	on_admin_site_if_it_answers,
	on_each,
	print_json,
)
from buildpro_saas.commands.sites import by_whom
from buildpro_saas.jobs.bench_door import reached
from buildpro_saas.monitoring import disk_usage as usage
from buildpro_saas.monitoring import support_bundle as bundle
from buildpro_saas.monitoring.diagnosis import diagnosing, slowness

COLOURS = {"ok": "green", "wrong": "red", "unknown": "yellow"}
MB, GB = 10**6, 10**9
as_json = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
says_why = click.option("--why", required=True, help="Stays on record with the tenant.")


@click.command("diagnose")
@click.argument("tenant")
@click.option("--all", "is_whole", is_flag=True, help="With all evidence, also of what is as it should be.")
@as_json
@on_admin_site_if_it_answers
def diagnose(tenant: str, is_whole: bool, is_json: bool, why_not: str, began: float) -> None:
	"""Say why the site of TENANT is down or slow: all layers, and the first that is wrong; exits with 1 when one is. Takes five seconds at most."""
	if why_not:
		found = diagnosing.diagnose_without_records(tenant, why_not, began)
	else:
		found = diagnosing.diagnose(tenant, began)
	if is_json:
		print_json(found.as_dict())
	else:
		_show(found, is_whole)
	if found.first:
		fail(f"{found.first.fault}. {found.summary}", *filter(None, (found.first.advice,)))


def _show(found, is_whole: bool) -> None:
	click.echo(f"{found.tenant} ({found.host}), looked at in {found.seconds:.1f} s")
	for each in found.seen:
		behind = f" (behind {each.behind})" if each.behind else ""
		named = f"{each.fault}. " if each.fault else ""
		click.secho(
			f"  {each.state:<8}{each.layer:<16}{named}{each.sentence}{behind}", fg=COLOURS[each.state]
		)
		if is_whole or each.state == "wrong":
			for line in each.evidence:
				click.echo(f"{'':<26}{line}")
	if not found.first:
		click.echo(found.summary)


@click.command("slow")
@click.argument("tenant")
@as_json
@on_admin_site
def slow(tenant: str, is_json: bool) -> None:
	"""Say what makes the site of TENANT slow: statements without their literals, tables, requests by path, who else uses the server."""
	found = slowness.look(tenant)
	if is_json:
		print_json(found)
		return
	_part("Statements now", found["now"], "statements", ("id", "seconds", "state", "statement"))
	_part(
		"Statements that MariaDB noted",
		found["noted"],
		"statements",
		("times", "seconds", "longest", "examined", "statement"),
	)
	_part("Largest tables", found["tables"], "tables", ("table", "bytes", "rows", "before"))
	_part(
		"Requests", found["requests"], "paths", ("path", "times", "seconds", "typical", "slowest", "failed")
	)
	_part("Jobs", found["requests"], "jobs", ("job", "times", "seconds", "waited", "slowest"))
	_part("Sites by their use of MariaDB", found["neighbours"], "sites", ("site", "seconds", "cpu", "rows"))


def _part(title: str, found: dict, name: str, columns: tuple[str, ...]) -> None:
	click.secho(f"\n{title}", bold=True)
	rows = found.get(name) or []
	if rows:
		render_table([list(columns), *([row.get(column, "") for column in columns] for row in rows)])
	click.echo(found["says"] or ("" if rows else "There is none."))


@click.command("end-statement")
@click.argument("tenant")
@click.argument("connection", type=int)
@click.option(
	"--whole", is_flag=True, help="End the connection, too: what its transaction changed is taken back."
)
@says_why
@on_admin_site
def end_statement(tenant: str, connection: int, whole: bool, why: str) -> None:
	"""End the statement that CONNECTION of the site of TENANT is at, by its number in `saas slow` or `saas diagnose`."""
	what = slowness.end_statement(tenant, connection, whole, why, by_whom())
	frappe.db.commit()
	click.echo(f"Ended: {what}")


@click.command("end-job")
@click.argument("tenant")
@click.argument("job")
@says_why
@on_admin_site
def end_job(tenant: str, job: str, why: str) -> None:
	"""End the background job JOB of the site of TENANT, or take it out of its queue."""
	what = slowness.end_job(tenant, job, why, by_whom())
	frappe.db.commit()
	click.echo(f"Ended: {what}")


@click.command("disk-usage")
@click.option("--bench", help="This Bench alone.")
@as_json
@on_admin_site
def disk_usage(bench: str | None, is_json: bool) -> None:
	"""Say what takes the disks of the benches, by tenant and kind, what may go, and how much that frees."""
	found, missed = on_each([bench] if bench else reached(), lambda name: [(name, usage.of_bench(name))])
	if is_json:
		print_json(
			{name: {**told, "may_go": [vars(each) for each in told["may_go"]]} for name, told in found}
		)
	else:
		for name, told in found:
			_show_usage(name, told)
	if missed:
		fail(*missed)


def _show_usage(bench: str, told: dict) -> None:
	click.secho(f"{bench}", bold=True)
	for place, disk in told["disks"].items():
		click.echo(
			f"  The disk of {place}: {disk['free_bytes'] / GB:.1f} of {disk['bytes'] / GB:.1f} GB are free."
		)
	if told["says"]:
		click.echo(f"  {told['says']}")
	rows = [
		[each["site"], each["tenant"] or "", *(_mb(each[kind]) for kind in usage.KINDS), _mb(each["all"])]
		for each in told["sites"]
	]
	render_table([["Site", "Tenant", "Database MB", "Public", "Private", "Backups", "Logs", "All"], *rows])
	render_table(
		[
			["Of the bench", "MB"],
			*([kind.replace("_", " "), _mb(size)] for kind, size in told["bench"].items()),
		]
	)
	if told["may_go"]:
		render_table(
			[["May go", "MB", "How"], *([each.what, _mb(each.bytes), each.how] for each in told["may_go"])]
		)


def _mb(size: int) -> str:
	return f"{size / MB:.1f}"


@click.command("support-bundle")
@click.argument("tenant")
@click.option(
	"--to", "file", required=True, type=click.File("wb", lazy=True), help="The file to write (tar.gz)."
)
@on_admin_site
def support_bundle(tenant: str, file) -> None:
	"""Write an archive about the site of TENANT for whoever helps: diagnosis, versions, jobs, logs; secrets and people are taken out."""
	file.write(bundle.made(tenant))
	click.echo(f"{file.name} is written. Look through it before you send it on.")
