"""Which sites of a bench that was there before us are ours. Used by dev/ and, in the bench's env, by schedule_sites.py."""

import json
from pathlib import Path


def our_sites(sites: Path, state: dict) -> list[str]:
	"""The sites that came after `state` was written and bear its suffix, and the tenants of such an admin site.

	`state` is what existing_bench.py remembers: {"suffix": "-ab12cd", "sites": [those there before], …}.
	"""
	end = f"{state['suffix']}.localhost"
	ours = []
	for config in sorted(sites.glob("*/site_config.json")):
		site = config.parent.name
		# The control plane marks each tenant's site with its admin site and a hash: "admin-ab12cd.localhost/0e61…".
		admin_site = (json.loads(config.read_text()).get("buildpro_job") or "").split("/")[0]
		if site not in state["sites"] and (site.endswith(end) or admin_site.endswith(end)):
			ours.append(site)
	return ours
