"""A site's folder, its configuration, its statement, and the assets that all sites of its bench share."""

import json
import os
from pathlib import Path
from typing import Any

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import CLONE, HELD, HELD_BY, MAINTENANCE, PAUSED

OK, MISSING, DAMAGED = "ok", "missing", "damaged"
# Of site_config.json; none of them is a secret.
TOLD = (
	*("maintenance_mode", "allow_reads_during_maintenance", "pause_scheduler", "disable_scheduler"),
	*("mute_emails", "disable_emails", "host_name", "db_name", "monitor"),
	*(MAINTENANCE, PAUSED, HELD, HELD_BY, CLONE),
	*("buildpro_role", "buildpro_tenant", "buildpro_sequence", "buildpro_clock", "buildpro_public_keys"),
)
ENTITLEMENT = "entitlement.json"
ASSETS = "assets/assets.json"


def look(bench: Bench, name: str) -> dict[str, Any]:
	"""{"is_there", "config": OK, MISSING or DAMAGED, "says", "told": {key of TOLD: value}, "entitlement", "apps", "assets": names of what is missing}.

	entitlement: the object in the site's file, {} for none. apps: those of the bench.
	"""
	site = bench.site(name)
	found: dict[str, Any] = {"is_there": site.path.is_dir(), "config": OK, "says": "", "told": {}}
	try:
		config = site.config
	except AgentError as error:
		found |= {"config": DAMAGED, "says": str(error)}
	else:
		found["told"] = {key: config[key] for key in TOLD if key in config}
		if not config.get("db_name"):
			found["config"] = MISSING
	return {
		**found,
		"entitlement": site.json_file(ENTITLEMENT),
		"apps": bench.app_names(),
		"assets": missing_assets(bench.sites_path),
	}


def missing_assets(sites: Path) -> list[str]:
	"""What the list of built assets names and the disk lacks, as paths below sites/; the list itself where it cannot be read."""
	try:
		listed = json.loads((sites / ASSETS).read_text())
		paths = [str(path).lstrip("/") for path in dict(listed).values()]
	except (OSError, ValueError, TypeError):
		return [ASSETS]
	return [path for path in paths if not os.path.exists(sites / path)]
