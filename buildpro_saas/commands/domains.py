"""`saas domains list|add|remove|check|primary`, `saas certificates`, `saas certificates renew`."""

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.commands.jobs import finish
from buildpro_saas.commands.sites import by_whom
from buildpro_saas.domains import changes, claims, records, seeing

HOUR = 3600
as_json = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
waits = click.option(
	"--wait", is_flag=True, help="Follow the job to its end; exit with 1 unless it completes."
)


@click.group("domains")
def domains() -> None:
	"""The host names under which tenants' sites answer."""


@domains.command("list")
@click.argument("tenant", required=False)
@as_json
@on_admin_site
def list_names(tenant: str | None, is_json: bool) -> None:
	"""List the host names, of TENANT alone if one is named, with what each lacks."""
	if tenant and not frappe.db.exists("Tenant", tenant):
		fail(f"There is no tenant {tenant}.")
	of = {"state": ("!=", records.REMOVED), **({"tenant": tenant} if tenant else {})}
	rows = frappe.get_all(records.DOMAIN, of, records.FIELDS, order_by="tenant, creation")
	if is_json:
		print_json(rows)
	elif not rows:
		click.echo("There is no host name on record.")
	else:
		told = [
			[row.host, row.tenant, _state(row), "yes" if row.is_primary else "", row.says or ""]
			for row in rows
		]
		render_table([["Host Name", "Tenant", "State", "Primary", "Says"], *told])


def _state(row) -> str:
	return f"{row.state}, failing" if row.is_failing else row.state


@domains.command("add")
@click.argument("tenant")
@click.argument("host")
@click.option(
	"--serves", is_flag=True, help="The site answers under it itself, also beside another primary name."
)
@as_json
@on_admin_site
def add(tenant: str, host: str, serves: bool, is_json: bool) -> None:
	"""Give TENANT the host name HOST that the customer has brought, and say what to set in its DNS."""
	doc = frappe.get_doc("Tenant", tenant)
	doc.flags.by_whom = by_whom()
	made = doc.add_domain(host, int(serves))
	frappe.db.commit()
	if is_json:
		print_json(made)
		return
	click.echo(f"{made['host']} is {tenant}'s. To be set in its DNS, the TXT record and one of the others:")
	render_table([["Type", "Name", "Value"], *made["records"]])


@domains.command("check")
@click.argument("tenant")
@click.argument("host", required=False)
@as_json
@on_admin_site
def check(tenant: str, host: str | None, is_json: bool) -> None:
	"""Walk DNS, TCP, TLS and HTTP of the host names of TENANT; exit with 1 where one does not answer. Each is then brought as far as it goes."""
	rows = [claims.own_row(tenant, host)] if host else records.of_tenant(tenant)
	if not rows:
		fail(f"{tenant} has no host name on record.")
	found = {row.host: _walked(row) for row in rows}
	frappe.db.commit()
	if is_json:
		print_json(found)
	else:
		for row in rows:
			_show_walk(row, found[row.host])
	if wrong := [host for host, stages in found.items() if not all(stage["is_ok"] for stage in stages)]:
		fail(f"{', '.join(wrong)}: not as it should be.")


def _walked(row) -> list[dict]:
	stages = seeing.of_name(row, frappe.get_doc("Bench", row.bench).as_dict())
	changes.check(row.name)
	return [vars(stage) for stage in stages]


def _show_walk(row, stages: list[dict]) -> None:
	click.echo(f"{row.host}: {_state(row)}{f'. {row.says}' if row.says else ''}")
	for stage in stages:
		colour = "green" if stage["is_ok"] else "red"
		click.secho(f"  {stage['name']:<5} {stage['seconds']:.2f} s  {stage['sentence']}", fg=colour)


@domains.command("primary")
@click.argument("tenant")
@click.argument("host")
@waits
@as_json
@on_admin_site
def primary(tenant: str, host: str, **how: bool) -> None:
	"""Have links of TENANT's site, and its names that redirect, lead to HOST."""
	job = changes.make_primary(claims.own_row(tenant, host).name)
	_finish(job, f"makes {host} the primary name", **how)


@domains.command("remove")
@click.argument("tenant")
@click.argument("host")
@waits
@as_json
@on_admin_site
def remove(tenant: str, host: str, **how: bool) -> None:
	"""Take the host name HOST from TENANT. It may be anybody's then."""
	_finish(changes.remove(claims.own_row(tenant, host).name), f"removes {host}", **how)


def _finish(job: str, what: str, *, wait: bool, is_json: bool) -> None:
	"""Say which job does it, and follow that to its end if asked to."""
	frappe.db.commit()
	if not is_json:
		click.echo(f"{job} {what}.")
	finish({"job": job}, wait=wait, is_json=is_json, timeout=HOUR)


@click.group("certificates", invoke_without_command=True)
@as_json
@click.pass_context
def certificates(context, is_json: bool) -> None:
	"""List the certificates with which tenants' sites are served."""
	if context.invoked_subcommand is None:
		context.invoke(list_certificates, is_json=is_json)


@certificates.command("list")
@as_json
@on_admin_site
def list_certificates(is_json: bool) -> None:
	"""List them."""
	rows = records.certificates()
	if is_json:
		print_json(rows)
	elif not rows:
		click.echo("There is no certificate on record.")
	else:
		told = [
			[
				row.folder,
				row.status,
				row.method or "",
				*(_time(row[at]) for at in ("valid_until", "renew_from")),
				row.last_error or "",
			]
			for row in rows
		]
		render_table([["Name", "Status", "Method", "Valid Until", "Renew From", "Last Error"], *told])


def _time(value) -> str:
	return f"{value:%Y-%m-%d %H:%M}" if value else ""


@certificates.command("renew")
@click.argument("name")
@waits
@as_json
@on_admin_site
def renew(name: str, **how: bool) -> None:
	"""Get the certificate NAME (a host name, or wildcard.DOMAIN) anew now."""
	found = [row.name for row in records.certificates() if row.folder == name]
	if not found:
		fail(f"There is no certificate {name} on record: `saas certificates` lists them.")
	for each in found:
		_finish(changes.renew(each), f"renews {name}", **how)
