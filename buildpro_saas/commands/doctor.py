"""`saas doctor`."""

from dataclasses import asdict

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench
from buildpro_saas.fleet import doctor as advice
from buildpro_saas.jobs import queue
from buildpro_saas.tenant_site.sandbox import reachable


@click.command("doctor")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def doctor(is_json: bool) -> None:
	"""Say which settings of MariaDB are too low for the sites of this bench; exits with 1 when one is.

	And whether the tenants' web processes can read the admin site's secrets, whether Redis takes commands without a password, which
	entries of buildpro_reachable are none, and whether workers are too few. That changes nothing of how it exits.
	"""
	bench = frappe.get_doc("Bench", ensure_local_bench())
	click.echo(str(advice.separation(bench.web_port)), err=is_json)
	for sentence in [
		*advice.redis_complaints(),
		*reachable.complaints(frappe.conf),
		queue.complaint(bench),
	]:
		if sentence:
			click.echo(sentence, err=is_json)
	found = advice.database_settings()
	low = [setting for setting in found if not setting.is_enough]
	if is_json:
		print_json([{**asdict(setting), "is_enough": setting.is_enough} for setting in found])
	else:
		rows = [
			[setting.name, setting.value, setting.wanted, "" if setting.is_enough else "raise it"]
			for setting in found
		]
		render_table([["MariaDB's setting", "Now", "At least", ""], *rows])
	if low:
		names = ", ".join(f"{setting.name} = {setting.wanted}" for setting in low)
		fail(
			f"Set {names} under [mysqld] (and LimitNOFILE of its service at least as high) and restart MariaDB: copying sites grows slow"
			" without, or ends in too many open files."
		)
