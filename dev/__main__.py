"""The command line of dev/: `dev/run COMMAND`; the Makefile's targets are these commands."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dev import checks, lanes, network, tools
from dev.bench import Bench, PrivateBench
from dev.demo import Demo
from dev.existing_bench import ExistingBench
from dev.home import REPO, Home
from dev.proxied_demo import ProxiedDemo
from dev.second_bench import SecondBench
from dev.serve import serve
from dev.services import SERVERS, Services
from dev.shell import DevError, clean_environment, say
from dev.sites import AdminSite


def main() -> int:
	listing = "\n".join(f"  {name:11}{text}" for name, (_, text) in COMMANDS.items())
	parser = argparse.ArgumentParser(
		prog="dev/run",
		description="Builds and runs a private bench.",
		epilog=f"commands:\n{listing}\n\nVariables and details: dev/README.md",
		formatter_class=argparse.RawDescriptionHelpFormatter,
	)
	parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
	parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…")
	options = parser.parse_args()
	try:
		return COMMANDS[options.command][0](options.arguments) or 0
	except DevError as error:
		print(f"dev/run {options.command}: {error}", file=sys.stderr)
		return 1
	except KeyboardInterrupt:
		return 130


def chosen_bench() -> Bench:
	"""The bench to work on: the one that BENCH names, else our own."""
	path = os.environ.get("BENCH")
	return ExistingBench(Home(), Path(path)) if path else PrivateBench(Home())


def ready_bench(*, is_for_tests: bool = False) -> Bench:
	bench = chosen_bench()
	bench.build()
	bench.wait_for_disk(not is_for_tests)
	bench.start()
	return bench


def build_and_start(arguments: list[str]) -> None:
	bench = ready_bench()
	services = bench.services()
	running = [name for name in services.names() if services.is_running(name)]
	say(f"The bench is in {bench.path}; its services run: {', '.join(running)}.")
	say(f"Its sites answer at http://SITE:{bench.home.ports()['web']}; `make stop` stops it.")
	if os.environ.get("BENCHES", "1") != "1":
		start_second(bench)


def start_second(first: Bench) -> None:
	if os.environ["BENCHES"] != "2" or not isinstance(first, PrivateBench):
		raise DevError("BENCHES is 1 or 2, and the second is made of our own bench: leave BENCH out.")
	bench = SecondBench(first)
	bench.build()
	bench.start()
	say(f"The second bench is in {bench.path}. On an admin site of the first, `saas add-bench {bench.path}`")
	say(f"registers it; its sites answer at http://SITE:{bench.home.ports()['web']}.")


def demo(arguments: list[str]) -> None:
	"""With PROXY=1 also DNS, certificates and the proxy, on an admin site of their own: its tenants are under another domain."""
	started = time.monotonic()
	servers = network.Network(chosen_bench()) if os.environ.get("PROXY", "") not in ("", "0") else None
	bench = ready_bench()
	suffix, facts_file = bench.site_suffix(), Home().path / "demo.json"
	if servers:
		servers.start()
		ProxiedDemo(bench, AdminSite(bench, network.ADMIN_SITE), "acme", facts_file, servers).run()
	else:
		admin = AdminSite(bench, f"admin{suffix}.localhost")
		Demo(bench, admin, f"acme{suffix}", facts_file).run()
	say(f"make demo took {time.monotonic() - started:.0f} s.")


def run_tests(arguments: list[str]) -> int:
	return on_tests_site(lambda bench, admin: checks.test(bench, admin, arguments))


def soak(arguments: list[str]) -> int:
	return on_tests_site(checks.soak)


def on_tests_site(run: Callable[[Bench, AdminSite], int]) -> int:
	bench = ready_bench(is_for_tests=True)
	network.pause(bench)
	try:
		return run(bench, AdminSite(bench, f"admin-test{bench.site_suffix()}.localhost"))
	finally:
		if isinstance(bench, ExistingBench):
			bench.detach()


def countries(arguments: list[str]) -> int:
	"""On a bench that has ERPNext."""
	return run_tests(["tests/bench/every_company.py", "-s", *arguments])


def benchmark(arguments: list[str]) -> None:
	python = str(tools.make_plotter(Home()))
	os.execve(python, [python, "-m", "benchmarks", *arguments], clean_environment(PYTHONPATH=str(REPO)))


def run_lint(arguments: list[str]) -> int:
	return checks.lint(Home())


def run_in_foreground(arguments: list[str]) -> None:
	bench = PrivateBench(Home())
	bench.build()
	serve(bench)


def stop(arguments: list[str]) -> None:
	if arguments:
		services = chosen_bench().services()
		for name in arguments:
			services.stop(name)
		return
	first = PrivateBench(Home())
	second = SecondBench(first)
	stopped = second.services().stop_all() if second.path.exists() else []
	stopped += [*lanes.stop_all(Home()), *first.services().stop_all()]
	say(f"Stopped {', '.join(stopped)}." if stopped else "Nothing of our own bench ran.")
	if existing := ExistingBench.attached(Home()):
		existing.detach()


def clean(arguments: list[str]) -> None:
	home = Home()
	if home.path.exists():
		stop([])
		home.remove()
		say(f"Removed {home.path}.")


def start(arguments: list[str]) -> None:
	chosen_bench().start(*arguments)


def restart(arguments: list[str]) -> None:
	services = chosen_bench().services()
	names = arguments or [
		name for name in services.names() if name not in SERVERS and services.is_running(name)
	]
	for name in names:
		services.stop(name)
	services.start_all(*names)


def status(arguments: list[str]) -> None:
	services = chosen_bench().services()
	for name, service in services.services.items():
		pid = services.pid(name)
		say(
			f"{name:14} {f'pid {pid}' if pid else 'stopped':14} {services.port(name) if service.port else ''}"
		)


def cli(arguments: list[str]) -> None:
	bench = chosen_bench()
	home = Home()
	tools.make(home)  # a bench that was there before us may have come without the command
	program = str(home.tools / "bin/bench")
	os.chdir(bench.path)
	os.execve(program, [program, *arguments], bench.environment())


def become_service(arguments: list[str]) -> None:
	Services.from_environment().become(*arguments)


COMMANDS = {
	"test": (run_tests, "Run the tests on the bench (ARGS chooses some)."),
	"soak": (soak, "Play random stories on the bench for SECONDS, or that of SEED."),
	"countries": (countries, "Set a company up in each country and language (BENCH with ERPNext)."),
	"benchmark": (benchmark, "Measure what docs/benchmarks.md tells (ONLY chooses some)."),
	"lint": (run_lint, "Run ruff and the other pre-commit checks."),
	"serve": (run_in_foreground, "Run the bench in the foreground under honcho."),
	"clean": (clean, "Stop everything and remove what was built."),
	"demo": (demo, "Make a tenant, and show what its plan lets it do."),
	"bench": (build_and_start, "Make the bench if it is not there, and start its services."),
	"start": (start, "Start the named services, or all."),
	"stop": (stop, "Stop the named services, or all."),
	"restart": (restart, "Restart the named services, or all but MariaDB and Redis."),
	"status": (status, "Which services run, and on which ports."),
	"cli": (cli, "Run the `bench` command on the bench: dev/run cli --site SITE console"),
	"service": (become_service, "Become a service (for honcho and background starts)."),
}

if __name__ == "__main__":
	sys.exit(main())
