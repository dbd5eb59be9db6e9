"""What the proxy is to serve, as the last who asked has put it down: the newest counts, for all who wait."""

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from buildpro_saas.agent import proxy_settings, site_config
from buildpro_saas.agent.errors import TransientError
from buildpro_saas.agent.proxy_facts import ProxyHost, ProxySite, ProxySpec
from buildpro_saas.agent.proxy_release import Releases

WANTED, WANTED_LOCK = "wanted.json", "wanted.lock"
# Seconds: further changes are taken along that come so soon after each other, for so long.
GATHER, MOST_GATHERED = 0.25, 2.0
LOCK_TIMEOUT = 300  # seconds
# Seconds. What claims to be older than that was not under way for so long: a clock was wrong.
LONGEST_LATE = 3600


def want(root: Path, spec: ProxySpec) -> int:
	"""Put down what is to be published, unless something newer is there. Returns the number under which it, or that, is published."""
	with lock(root / WANTED_LOCK):
		ticket, there = newest(root)
		if there and spec.version and spec.version < there.version < spec.version + LONGEST_LATE:
			return ticket
		wanted = {"ticket": ticket + 1, "spec": as_plain(spec)}
		site_config.write_text(root / WANTED, json.dumps(wanted))
		return ticket + 1


def gather(root: Path) -> None:
	"""Wait until nobody has said for a moment what he wants."""
	until, seen = time.monotonic() + MOST_GATHERED, None
	while time.monotonic() < until and seen != (seen := os.stat(root / WANTED).st_mtime_ns):
		time.sleep(GATHER)


def newest(root: Path) -> tuple[int, ProxySpec | None]:
	try:
		found = json.loads((root / WANTED).read_text())
		return found["ticket"], as_spec(found["spec"])
	except (OSError, ValueError, KeyError, TypeError):
		# the numbers go on from what was published
		return Releases(proxy_settings.Places(root.parents[2])).state().ticket, None


def as_plain(spec: ProxySpec) -> dict:
	"""A specification as plain data (dataclasses.asdict takes a second for a thousand sites)."""
	sites = [{**vars(site), "hosts": [vars(host) for host in site.hosts]} for site in spec.sites]
	return {**vars(spec), "sites": sites}


def as_spec(plain: dict) -> ProxySpec:
	"""A specification of plain data."""
	sites = [
		ProxySite(**{**site, "hosts": [ProxyHost(**host) for host in site["hosts"]]})
		for site in plain["sites"]
	]
	return ProxySpec(**{**plain, "sites": sites})


@contextmanager
def lock(path: Path):
	try:
		with FileLock(path, timeout=LOCK_TIMEOUT):
			yield
	except Timeout:
		raise TransientError("Another change of the proxy is still at work.") from None
