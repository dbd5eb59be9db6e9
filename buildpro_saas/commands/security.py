"""`saas security`, `saas setup-firewall`."""

import time

import click

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_no_site, print_json
from buildpro_saas.fleet import bench_security
from buildpro_saas.jobs.bench_door import reached

MARKS = {
	bench_security.FOUND: ("!", "red"),
	bench_security.NOT_SEEN: ("?", "yellow"),
	bench_security.FINE: (" ", None),
}


@click.command("security")
@click.option("--bench", "chosen", help="That bench alone.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_admin_site
def security(chosen: str | None, is_json: bool) -> None:
	"""Say what is open, outdated or readable on the benches and their machines, and with which command to close it.

	Changes nothing. Exits with 1 when something is found. What could not be looked at is said, and is no finding.
	"""
	rows = bench_security.overview([chosen] if chosen else reached())
	if is_json:
		print_json(rows)
	else:
		show(rows)
	wrong = [row for row in rows if row["state"] == bench_security.FOUND]
	if wrong:
		fail(f"Things to change: {len(wrong)}{'' if is_json else ' (the lines with !)'}.")


def show(rows: list[dict]) -> None:
	"""Print the checks, what is wrong first: ! for what is to be changed, ? for what was not seen."""
	for bench in dict.fromkeys(row["bench"] for row in rows):
		click.echo(f"Bench {bench}")
		for row in rows:
			if row["bench"] == bench:
				mark, colour = MARKS[row["state"]]
				click.secho(f"{mark} {row['subject']}: {row['sentence']}", fg=colour)
				if row["command"]:
					click.echo(f"      {row['command']}")


@click.command("setup-firewall")
@click.option(
	"--ssh-port",
	"ssh_ports",
	multiple=True,
	type=click.IntRange(1, 65535),
	help="Where SSH listens; left out: where it is seen to. Repeatable.",
)
@click.option(
	"--ssh-from",
	multiple=True,
	metavar="NETWORK",
	help="SSH only from there, such as 203.0.113.0/24. Repeatable.",
)
@click.option(
	"--open",
	"opened",
	multiple=True,
	metavar="PORT",
	help="Another port: 8443, 51820/udp, 3306@10.0.0.0/24. Repeatable.",
)
@click.option("--no-web", is_flag=True, help="Keep 80 and 443 closed.")
@click.option(
	"--trust",
	"trusted",
	multiple=True,
	metavar="INTERFACE",
	help="All that comes in by this interface, such as wg0 or docker0. Repeatable.",
)
@click.option(
	"--updates/--no-updates",
	"is_updating",
	default=True,
	help="Have the machine install security updates by itself; MariaDB's are held.",
)
@click.option(
	"--reboot",
	"reboots",
	multiple=True,
	metavar="TIME",
	help="When it may restart for an update: 'Sun 03:30'. Repeatable; left out: never by itself.",
)
@click.option(
	"--seconds",
	type=click.IntRange(30, 3600),
	default=180,
	show_default=True,
	help="Until the rules are taken back.",
)
@click.option("--confirm", "is_confirm", is_flag=True, help="Let the rules stay; over a new SSH connection.")
@click.option(
	"--at-console", "is_at_console", is_flag=True, help="With --confirm: you sit at the machine, without SSH."
)
@click.option(
	"--remove", "is_remove", is_flag=True, help="Take the firewall and the settings of updates away again."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "is_json", is_flag=True, help="Print what would be done as JSON, and do nothing.")
@on_no_site
def setup_firewall(
	is_confirm: bool,
	is_at_console: bool,
	is_remove: bool,
	yes: bool,
	is_json: bool,
	seconds: int,
	no_web: bool,
	opened: tuple[str, ...],
	**wishes,
) -> None:
	"""Show, and as root set up, a firewall of this machine and its security updates. The rules are taken back unless you confirm.

	Without root it shows what would be done, and exits with 1.
	"""
	if is_confirm:
		for sentence in bench_security.confirm_firewall(is_at_console):
			click.echo(sentence)
		return
	if is_remove:
		bench_security.remove_firewall()
		click.echo("Our rules and files are gone. The package unattended-upgrades stays.")
		return
	web = () if no_web else ("80", "443")
	lists = {name: list(value) if isinstance(value, tuple) else value for name, value in wishes.items()}
	lists["opened"] = [*web, *opened]
	plan = bench_security.plan_firewall(**lists)
	if is_json:
		print_json(plan)
		return
	show_plan(plan)
	if not plan["is_root"]:
		fail(f"Nothing was changed. Run the same as root: {plan['as_root']} saas setup-firewall …")
	if not (yes or click.confirm("Do this now?")):
		fail("Nothing was changed.")
	until = bench_security.apply_firewall(seconds, **lists)
	click.echo(
		f"The rules are in force until {time.strftime('%H:%M:%S', time.localtime(until))}. Open another SSH connection, and there run:"
	)
	click.echo(f"\n    {plan['as_root']} saas setup-firewall --confirm\n")
	click.echo("If you do not, or cannot, everything is taken back by itself.")


def show_plan(plan: dict) -> None:
	"""Print the rules, the files and the commands."""
	click.echo(f"The rules, in an nftables table of our own:\n\n{plan['rules']}")
	for path, text in plan["files"].items():
		click.echo(f"The file {path}:\n\n{text}\n")
	for command in plan["commands"]:
		click.echo(f"The command: {command}")
