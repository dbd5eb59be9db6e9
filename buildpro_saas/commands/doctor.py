"""`saas doctor`."""

from dataclasses import asdict

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_each, print_json
from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench
from buildpro_saas.fleet import admin_backup, admin_drill, backup_keys, bench_proxy, point_in_time
from buildpro_saas.fleet import doctor as advice
from buildpro_saas.jobs import queue
from buildpro_saas.jobs.bench_door import reached
from buildpro_saas.tenant_site.sandbox import reachable


@click.command("doctor")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def doctor(is_json: bool) -> None:
	"""Say which settings of each bench's MariaDB are too low for its sites; exits with 1 when one is, or a bench could not be looked at.

	And whether a bench's Redis takes commands without a password, and whether its machine has the programs that backups need, and its MariaDB the binary log that plans promise, and whether what its proxy, its DNS and its certificates need is there; of the admin site's bench also whether the tenants' web processes can
	read the admin site's secrets, which entries of buildpro_reachable are none, and whether workers are too few. That changes nothing of
	how it exits.
	"""
	bench = frappe.get_doc("Bench", ensure_local_bench())
	click.echo(str(advice.separation(bench.web_port)), err=is_json)
	open_servers, missed = on_each(reached(), advice.redis_complaints)
	lacking, _missed = on_each(reached(), advice.missing_for_backups)
	promises, _missed = on_each(reached(), point_in_time.complaints)
	proxies, _missed = on_each(reached(), bench_proxy.complaints)
	own = admin_backup.complaint() if backup_keys.recipient() else None
	for sentence in [
		*open_servers,
		*lacking,
		*promises,
		*proxies,
		own,
		admin_drill.complaint(),
		*reachable.complaints(frappe.conf),
		queue.complaint(bench),
	]:
		if sentence:
			click.echo(sentence, err=is_json)
	found, without = on_each(reached(), lambda name: [(name, advice.database_settings(name))])
	if is_json:
		print_json(
			[
				{"bench": name, **asdict(each), "is_enough": each.is_enough}
				for name, settings in found
				for each in settings
			]
		)
	else:
		rows = [
			[name, each.name, each.value, each.wanted, "" if each.is_enough else "raise it"]
			for name, settings in found
			for each in settings
		]
		render_table([["Bench", "MariaDB's setting", "Now", "At least", ""], *rows])
	low = {name: [each for each in settings if not each.is_enough] for name, settings in found}
	wrong = [_advice(name, settings) for name, settings in low.items() if settings]
	# a bench that does not answer at all is told once
	if wrong := list(dict.fromkeys([*wrong, *missed, *without])):
		fail(*wrong)


def _advice(bench: str, low: list) -> str:
	names = ", ".join(f"{setting.name} = {setting.wanted}" for setting in low)
	return (
		f"Bench {bench}: set {names} under [mysqld] (and LimitNOFILE of its service at least as high) and restart MariaDB: copying sites"
		" grows slow without, or ends in too many open files."
	)
