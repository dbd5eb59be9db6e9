"""Where the figures go: benchmarks.json, the tables in docs/benchmarks.md, and the plot beside it."""

from __future__ import annotations

import os
import platform
import re
from datetime import date
from pathlib import Path

from benchmarks import (
	backup,
	concurrency,
	curve,
	database_copy,
	deliveries,
	domains,
	drill,
	gate,
	memory,
	metrics,
	migrations,
	provisioning,
	restore,
)
from dev.bench import Bench
from dev.home import REPO, read_json, write_atomically, write_json
from dev.shell import output_of

DOCS = REPO / "docs"
PAGE = DOCS / "benchmarks.md"
PARTS = (
	("Provisioning", provisioning),
	("Copying a database", database_copy),
	("Twenty at once", concurrency),
	("The hundredth site", curve),
	("A feature check", gate),
	("A worker's memory", memory),
	("Deliveries", deliveries),
	("Backups", backup),
	("Restoring", restore),
	("Drills", drill),
	("Nothing to migrate", migrations),
	("Domains", domains),
	("Metrics", metrics),
)


def facts_of(bench: Bench) -> dict:
	"""The machine and the versions with which the figures were measured."""
	versions = {
		app: output_of(
			[bench.python, "-c", f"import {app}; print({app}.__version__)"],
			env=bench.environment(),
			cwd=bench.sites,
		)
		for app in bench.apps()
	}
	config = bench.read_config()
	return {
		"date": date.today().isoformat(),
		"machine": f"{os.cpu_count()} cores, {memory_gb():.0f} GB, Linux {platform.release().split('-')[0]}",
		"python": output_of(
			[bench.python, "-c", "import platform; print(platform.python_version())"], env=bench.environment()
		),
		"mariadb": mariadb_version(bench, config),
		"apps": versions,
	}


def mariadb_version(bench: Bench, config: dict) -> str:
	code = (
		"import sys, pymysql; host, port = sys.argv[1:]; password = sys.stdin.read();"
		"print(pymysql.connect(host=host, port=int(port), user='root', password=password).get_server_info())"
	)
	host, port = config.get("db_host") or "127.0.0.1", str(config.get("db_port") or 3306)
	command = [bench.python, "-c", code, host, port]
	answer = output_of(command, env=bench.environment(), text=bench.db_root_password()).strip()
	return answer.removeprefix("5.5.5-")  # which it says to old clients that expect MySQL's numbers


def memory_gb() -> float:
	return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def add(path: Path, results: dict, facts: dict) -> dict:
	"""Merge new results into benchmarks.json and return the whole."""
	known = read_json(path, {})
	if known.get("facts", {}).get("apps") != facts["apps"]:
		known = {}  # figures of other versions
	known |= {"facts": facts, **results}
	for name, key in (
		("database_copy", "copy_ratio"),
		("concurrency", "concurrent"),
		("deliveries", "delivery"),
		("backup", "backup"),
	):
		if name in results:
			known[key] = results[name]["copy_ratio"] if key == "copy_ratio" else results[name]
	write_json(path, known)
	return known


def publish(known: dict) -> list[Path]:
	"""Write the tables of this kind of bench, and the plot, into docs/; returns the files."""
	kind = "ERPNext" if "erpnext" in known["facts"]["apps"] else "framework"
	begin, end = f"<!-- {kind}: begin -->", f"<!-- {kind}: end -->"
	text = PAGE.read_text()
	block = "\n".join([begin, "", *lines_of(known), "", end])
	text, count = re.subn(
		f"{re.escape(begin)}.*?{re.escape(end)}", lambda _found: block, text, flags=re.DOTALL
	)
	if count != 1:
		raise SystemExit(f"{PAGE} has no place for the results: put {begin} and {end} there.")
	write_atomically(PAGE, text)
	plot = DOCS / "benchmarks-curve.png"
	if kind == "framework" and curve.NAME in known:
		draw(known[curve.NAME], plot)
		return [PAGE, plot]
	return [PAGE]


def lines_of(known: dict) -> list[str]:
	facts = known["facts"]
	versions = ", ".join(f"{app} {version.strip()}" for app, version in facts["apps"].items())
	lines = [
		f"{facts['date']}; {facts['machine']}; MariaDB {facts['mariadb']}, Python {facts['python'].strip()}; {versions}."
	]
	for title, module in PARTS:
		if module.NAME in known:
			lines += ["", f"**{title}.**", "", *module.tell(known[module.NAME])]
	return lines


def draw(result: dict, path: Path) -> None:
	"""Seconds of each tenant's job by its number."""
	import matplotlib

	matplotlib.use("Agg")
	from matplotlib import pyplot

	figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
	numbers = range(1, len(result["seconds"]) + 1)
	axes.plot(numbers, result["seconds"], ".", color="#8a8a8a", label="one tenant")
	smooth = [curve.at(result["seconds"], number) for number in numbers]
	axes.plot(numbers, smooth, color="#1f6feb", label=f"median of {curve.WINDOW}")
	axes.set(xlabel="sites on the bench", ylabel="seconds of the job", ylim=(0, None))
	axes.set_title("A tenant from an image, by how many sites there are", loc="left", fontsize=10)
	axes.grid(axis="y", alpha=0.3)
	axes.legend(frameon=False)
	figure.savefig(path, dpi=130, metadata={"Software": None})
