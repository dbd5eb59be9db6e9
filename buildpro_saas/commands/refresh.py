"""`saas refresh`."""

import click
import frappe

from buildpro_saas.commands.admin_site import fail, on_admin_site, print_json
from buildpro_saas.commands.jobs import follow
from buildpro_saas.commands.sites import by_whom
from buildpro_saas.fleet import refreshes
from buildpro_saas.fleet.canaries import MOST

LONGEST_WAIT = 24 * 3600  # seconds


@click.command("refresh")
@click.option("--site", help="Back up, rehearse and migrate this site alone; no app is pulled.")
@click.option("--bench", help="Refresh that bench; left out: the admin site's own.")
@click.option("--no-backup", is_flag=True, help="Take no backups before.")
@click.option("--no-pull", is_flag=True, help="Pull no apps: bring the sites to what is on the disk.")
@click.option(
	"--canaries",
	type=click.IntRange(1, 50),
	default=MOST,
	show_default=True,
	help="At most so many go first.",
)
@click.option(
	"--stop-after", type=int, default=1, show_default=True, help="Halt after so many failures of the others."
)
@click.option("--wait", is_flag=True, help="Follow it to its end; exit with 1 unless it completes.")
@click.option(
	"--timeout", type=float, default=LONGEST_WAIT, show_default=True, help="Seconds to wait at most."
)
@click.option("--json", "is_json", is_flag=True, help="As JSON, for a program.")
@on_admin_site
def refresh(
	site: str | None,
	bench: str | None,
	no_backup: bool,
	no_pull: bool,
	canaries: int,
	stop_after: int,
	wait: bool,
	timeout: float,
	is_json: bool,
) -> None:
	"""Back up the sites, pull the apps, rehearse with canaries, build, restart, and migrate: the canaries first, then all others."""
	job = refreshes.start(
		bench or refreshes.bench_of(site),
		site=site,
		by=by_whom(),
		has_backup=not no_backup,
		has_pull=not no_pull,
		most_canaries=canaries,
		stop_after=stop_after,
	)
	frappe.db.commit()
	if not is_json:
		click.echo(f"{job.name}  {job.title}")
	status = follow(job.name, timeout) if wait else job.status
	report = refreshes.outcome(job.name)["report"]
	if is_json:
		print_json({"job": job.name, "status": status, "report": report})
	else:
		for line in report:
			click.echo(line)
	if wait and status != "Completed":
		fail(f"{job.name} is {status}; see `bench --site {frappe.local.site} saas job {job.name}`.")
