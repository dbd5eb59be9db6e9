"""`saas setup-proxy`, `saas proxy show|test|reload`."""

import shlex
from dataclasses import asdict

import click

from buildpro_saas.commands.admin_site import fail, on_admin_site, on_no_site, print_json
from buildpro_saas.fleet import bench_proxy

BENCH = click.option("--bench", default="", help="Name of the Bench; this one without it.")
AS_JSON = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
DONE = "Done. Names are served as soon as they are published."
NOT_DONE = "Nothing was done. The same with --apply, as root, does it."


@click.command("setup-proxy")
@click.option(
	"--mode",
	type=click.Choice(bench_proxy.modes()),
	default=bench_proxy.modes()[0],
	show_default=True,
	help="own: an nginx of the bench's own. included: the machine's nginx reads our file beside others'. none: nginx is left to you.",
)
@click.option("--http-port", type=click.IntRange(1, 65535), default=80, show_default=True)
@click.option("--https-port", type=click.IntRange(1, 65535), default=443, show_default=True)
@click.option("--apply", "is_applied", is_flag=True, help="Do what is shown; for root (sudo).")
@AS_JSON
@on_no_site
def setup_proxy(mode: str, http_port: int, https_port: int, is_applied: bool, is_json: bool) -> None:
	"""Show what lets nginx serve this bench's sites: the files outside the bench, whole, and the commands. With --apply do it.

	Needed once. Repeatable. --site is not looked at.
	"""
	planned = bench_proxy.plan_setup(mode, http_port, https_port)
	if not is_json:
		show_plan(planned)
	is_applied = is_applied and not planned.hindrance
	if is_applied:
		bench_proxy.set_up(mode, http_port, https_port)
	if is_json:
		print_json({**asdict(planned), "is_applied": is_applied})
	if planned.hindrance:
		fail(planned.hindrance)
	if not is_json:
		click.echo(DONE if is_applied else NOT_DONE)


def show_plan(planned: bench_proxy.ProxySetup) -> None:
	"""Print the notes, the files and the commands."""
	for note in planned.notes:
		click.echo(note)
	for path, text in planned.files.items():
		click.echo(f"\n{path}:\n")
		click.echo("".join(f"    {line}\n" for line in text.splitlines()), nl=False)
	if planned.commands:
		click.echo("\nThen these run:\n")
		for command in planned.commands:
			click.echo(f"    {shlex.join(command)}")
		click.echo()


@click.group("proxy")
def proxy() -> None:
	"""The proxy (nginx) of a bench: what it serves, whether it takes it, and reading it anew."""


@proxy.command("show")
@BENCH
@click.option("--files", "is_of_files", is_flag=True, help="Print what nginx reads of ours.")
@AS_JSON
@on_admin_site
def show(bench: str, is_of_files: bool, is_json: bool) -> None:
	"""Tell what the proxy serves, and which names are set aside, each with its reason. Exits with 1 where something is wrong."""
	if is_of_files:
		files = bench_proxy.files(bench)
		if is_json:
			print_json(files)
		else:
			click.echo("\n".join(f"# {file}\n{text}" for file, text in files.items()))
		return
	state = bench_proxy.state(bench)
	if is_json:
		print_json(asdict(state))
	else:
		running = "runs" if state.is_running else "does not run"
		click.echo(f"nginx {running} (mode {state.mode}), {state.dying_workers} old workers still end.")
		click.echo(
			f"Release {state.release or '(none)'}: {state.hosts} names beside those below the base domain."
		)
		click.echo(f"It was reloaded {state.reloads} times.")
		for host, sentence in sorted(state.set_aside.items()):
			click.echo(f"{host or '(no name)'}: {sentence}")
	if state.problem:
		fail(state.problem)


@proxy.command("test")
@BENCH
@on_admin_site
def test(bench: str) -> None:
	"""Have nginx read what it would be reloaded with. Exits with 1, and what nginx says, where it does not take it."""
	click.echo(bench_proxy.test(bench))


@proxy.command("reload")
@BENCH
@on_admin_site
def reload(bench: str) -> None:
	"""Try the configuration, then have nginx read it anew."""
	click.echo(bench_proxy.reload(bench))
