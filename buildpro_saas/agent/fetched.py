"""Where backups lie while they are loaded into shadows: below sites/, where no web server looks, in folders named by shadows' databases."""

import shutil
from pathlib import Path

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.facts import HIDDEN

FETCHED = f"{HIDDEN}/fetched"


def place(bench: Bench, database: str) -> Path:
	"""The folder for the shadow in that database, whether it is there or not."""
	return bench.sites_path / FETCHED / database


def forget(bench: Bench, database: str) -> None:
	"""Remove what was fetched for the shadow in that database, and what an interrupted fetch left. Repeatable."""
	whole = place(bench, database)
	for path in (whole, whole.with_name(f".{whole.name}.draft")):
		if path.exists():
			shutil.rmtree(path)
