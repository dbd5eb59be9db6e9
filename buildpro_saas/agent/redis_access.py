"""Whether the bench's Redis servers take commands from whoever can connect to them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import redis

from buildpro_saas.framework import REDIS_SERVERS

SECONDS = 3
HOW = (
	"Set requirepass in its configuration, and write the password into the addresses in sites/common_site_config.json"
	" (redis://:PASSWORD@127.0.0.1:PORT), then restart the bench: Frappe unpickles what it finds there."
)


def complaints(conf: Mapping) -> list[str]:
	"""A sentence for each server that takes commands without a password; empty when none does.

	Nothing is said of a Unix socket (it is as open as its file), nor of a server that cannot be reached.
	"""
	places: dict[str, list[str]] = {}
	for name in REDIS_SERVERS:
		if (url := conf.get(name)) and urlsplit(url).scheme != "unix":
			places.setdefault(without_password(url), []).append(name)
	return [
		f"{' and '.join(names)} ({place}) takes commands without a password. {HOW}"
		for place, names in places.items()
		if _is_open(place)
	]


def without_password(url: str) -> str:
	"""The address without its user and password."""
	parts = urlsplit(url)
	return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_open(url: str) -> bool:
	client = redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
	try:
		return bool(client.ping())
	except redis.RedisError:
		return False  # it wants a password, or does not answer
	finally:
		client.close()
