"""Whether the bench's Redis servers answer, take what is written, and have room."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import redis

from buildpro_saas import side_by_side
from buildpro_saas.agent import errors
from buildpro_saas.agent.redis_access import without_password
from buildpro_saas.framework import REDIS_SERVERS

SECONDS = 1.5
SAVES = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")


def look(conf: Mapping) -> dict[str, dict[str, Any]]:
	"""{its name in the bench's configuration: {"place", "says", …}}; a name that the configuration lacks is left out.

	says: why it does not answer ("is_late": it hangs); "" where it does. Then also "used", "most" (bytes; 0: no bound), "evicts", "is_loading", "is_replica",
	"cannot_save": names of what failed.
	"""
	urls = {name: str(conf[name]) for name in REDIS_SERVERS if conf.get(name)}
	found = side_by_side.do({url: partial(of, url) for url in urls.values()}, 2 * SECONDS)
	return {
		name: found[url].value or {"place": without_password(url), "says": str(found[url].fault)}
		for name, url in urls.items()
	}


def of(url: str) -> dict[str, Any]:
	"""The same of the server at that address."""
	client = redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
	told: dict[str, Any] = {"place": without_password(url), "says": ""}
	try:
		client.ping()
		info = client.info()
	except redis.RedisError as error:
		return {**told, "says": errors.sentence(error), "is_late": isinstance(error, redis.TimeoutError)}
	finally:
		client.close()
	cannot_save = [name for name in SAVES if info.get(name, "ok") != "ok"]
	return {
		**told,
		"used": int(info.get("used_memory", 0)),
		"most": int(info.get("maxmemory", 0)),
		"evicts": info.get("maxmemory_policy", "noeviction") != "noeviction",
		"is_loading": bool(info.get("loading")),
		"is_replica": info.get("role") == "slave",
		"cannot_save": cannot_save,
	}
