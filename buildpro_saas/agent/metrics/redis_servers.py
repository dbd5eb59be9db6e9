"""The numbers of the bench's Redis servers."""

from collections.abc import Mapping
from typing import Any

import redis

from buildpro_saas.agent import errors
from buildpro_saas.framework import REDIS_SERVERS

SECONDS = 2
# {field of INFO: metric} (https://redis.io/commands/info/)
INFO = {
	"used_memory": "memory_bytes",
	"maxmemory": "memory_limit_bytes",
	"connected_clients": "clients",
	"evicted_keys": "evictions",
	"rejected_connections": "connections_refused",
	"keyspace_hits": "hits",
	"keyspace_misses": "misses",
	"uptime_in_seconds": "uptime_seconds",
}
WRITES = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")


def take(conf: Mapping) -> dict[str, dict[str, Any]]:
	"""{its name in the bench's configuration: {metric: number}}; {"error": sentence} for one that does not answer. Each server once."""
	seen, found = set(), {}
	for name in REDIS_SERVERS:
		url = conf.get(name)
		if url and url not in seen:
			seen.add(url)
			found[name] = _of(url)
	return found


def _of(url: str) -> dict[str, Any]:
	client = redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
	try:
		info = client.info()
	except redis.RedisError as error:
		return {"error": errors.sentence(error)}
	finally:
		client.close()
	numbers = {metric: int(info[name]) for name, metric in INFO.items() if name in info}
	numbers["write_errors"] = sum(info.get(name, "ok") != "ok" for name in WRITES)
	return numbers
