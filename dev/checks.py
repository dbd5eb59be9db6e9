"""`make test`, `make soak` and `make lint`."""

from __future__ import annotations

import os
import shlex
import subprocess

from dev import lanes, packages, tools, unpacked
from dev.bench import Bench
from dev.home import REPO, Home
from dev.shell import DevError, clean_environment, run_at_terminal, say
from dev.sites import AdminSite

SOAK = "tests/bench/test_random.py"
SOAK_SECONDS = 3600
WHOLE = "tests"
KINDS = ("unit", "site", "network", "bench", "browser")  # the folders of tests/


def soak(bench: Bench, admin: AdminSite) -> int:
	"""Play random stories for SECONDS, or the one of SEED, or those of STORY; returns pytest's exit code."""
	chosen = {name: os.environ.get(name, "") for name in ("SECONDS", "SEED", "STORY")}
	if not any(chosen.values()):
		chosen["SECONDS"] = str(SOAK_SECONDS)
	wanted = {f"BUILDPRO_SOAK_{name}": value for name, value in chosen.items() if value}
	return test(bench, admin, [SOAK, "--tb=short", "--show-capture=no", "-s"], **wanted)


def test(bench: Bench, admin: AdminSite, arguments: list[str], **environment: str) -> int:
	"""Run the whole suite, or what ONLY, FAST, ARGS and `arguments` choose of it, and return pytest's exit code.

	`environment`: what the tests are told besides the bench. The whole suite runs on several lanes (lanes.py).
	Raises DevError for an ONLY that names no tests, and for a LANES that is no number.
	"""
	arguments = _chosen(arguments)
	number = lanes.wanted(bench, WHOLE in arguments)
	packages.ensure(*packages.of_tests())
	unpacked.ensure(bench.home, *unpacked.NETWORK, *unpacked.PROMETHEUS)
	try:
		copies = lanes.prepare(bench, admin, number)
		say(f"$ {shlex.join(['pytest', *arguments])}" + (f", on {number} lanes" if copies else ""))
		return run_at_terminal(
			[*bench.test_python(), "-m", "pytest", *lanes.options(copies), *arguments],
			env=_with_programs(bench, bench.environment(**description(bench, admin), **environment)),
			cwd=REPO,
		)
	finally:
		lanes.stop_all(bench.home)


def _with_programs(bench: Bench, environment: dict[str, str]) -> dict[str, str]:
	"""The environment in which the unpacked programs are found, too."""
	return environment | {"PATH": os.pathsep.join([environment["PATH"], *unpacked.folders(bench.home)])}


def _chosen(arguments: list[str]) -> list[str]:
	"""pytest's arguments, with what the environment chooses."""
	arguments = [*shlex.split(os.environ.get("ARGS", "")), *arguments]
	if os.environ.get("FAST"):
		arguments += ["-m", "not fault"]
	if seed := os.environ.get("SHUFFLE"):
		arguments += ["--random-order-bucket=module", f"--random-order-seed={seed}"]
	if any((REPO / argument.split("::")[0]).exists() for argument in arguments):
		return arguments
	return arguments + (_only(os.environ.get("ONLY", "")) or [WHOLE])


def _only(chosen: str) -> list[str]:
	"""The paths that ONLY names, separated by commas: kinds of tests, or paths in tests/ or of the repository."""
	paths = []
	for name in filter(None, chosen.split(",")):
		places = [f"tests/{name}"] if name in KINDS else [name, f"tests/{name}"]
		found = next((place for place in places if (REPO / place.split("::")[0]).exists()), None)
		if not found:
			raise DevError(
				f"ONLY={name} names no tests: give {', '.join(KINDS)}, or a path such as tests/site."
			)
		paths.append(found)
	return paths


def description(bench: Bench, admin: AdminSite) -> dict[str, str]:
	"""What the tests are told about the bench, as environment variables (dev/README.md lists them).

	Other users cannot read a process's environment, but they can read its command line.
	"""
	ports = bench.home.ports()
	return {
		"BUILDPRO_BENCH": str(bench.path),
		"BUILDPRO_HOME": str(bench.home.path),
		"BUILDPRO_ADMIN_SITE": admin.name,
		"BUILDPRO_ADMIN_PASSWORD": bench.home.secret("administrator_password"),
		"BUILDPRO_DB_ROOT_PASSWORD": bench.db_root_password(),
		"BUILDPRO_WEB_PORT": str(ports["web"]),
		"BUILDPRO_CHROMIUM": packages.find(*packages.BROWSER[0].programs) or "",
		"BUILDPRO_SITE_SUFFIX": bench.site_suffix(),
	}


def lint(home: Home) -> int:
	"""Run pre-commit's hooks, ruff among them, on all files, and return 0 when all of them pass."""
	with home.lock():
		tools.make(home)
	# pre-commit keeps a cache in the user's home otherwise; git reads hooks' files from the repository alone.
	environment = clean_environment(home.tools / "bin", PRE_COMMIT_HOME=str(home.path / "pre-commit"))
	command = [home.tools / "bin/pre-commit", "run", "--all-files", "--show-diff-on-failure", "--color=never"]
	return subprocess.run(command, cwd=REPO, env=environment, stdin=subprocess.DEVNULL).returncode
