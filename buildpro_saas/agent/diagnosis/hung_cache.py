"""A Redis that hangs would hold the framework up from its first step on: a command that diagnoses does without the cache then."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from buildpro_saas.agent.diagnosis import redis_servers

CACHE = "redis_cache"
# The framework takes the address of its cache from here, where it is set; and where we keep what it was.
VARIABLE, REAL = "FRAPPE_REDIS_CACHE", "BUILDPRO_REDIS_CACHE"
NOWHERE = "redis://127.0.0.1:9"  # the port of a service that nobody runs: away, and at once


def set_aside(sites: Path) -> None:
	"""Where the bench's cache takes connections and says nothing, have the framework of this process take it for away.

	sites: the bench's. To be called before frappe.init. It takes redis_servers.SECONDS where the cache hangs.
	"""
	url = os.environ.get(VARIABLE) or _configured(sites)
	if url and redis_servers.of(url).get("is_late"):
		os.environ[REAL], os.environ[VARIABLE] = url, NOWHERE


def is_set_aside() -> bool:
	"""Whether that was done in this process."""
	return REAL in os.environ


def real(conf: Mapping) -> dict:
	"""The bench's configuration with the address of its cache as it was."""
	return {**conf, CACHE: os.environ[REAL]} if is_set_aside() else dict(conf)


def _configured(sites: Path) -> str:
	try:
		return str(json.loads((sites / "common_site_config.json").read_text()).get(CACHE) or "")
	except (OSError, ValueError, AttributeError):
		return ""  # the framework itself says what is wrong with that file
