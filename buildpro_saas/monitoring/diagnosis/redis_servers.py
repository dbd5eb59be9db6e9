"""The bench's Redis servers. Pure."""

from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts
from buildpro_saas.monitoring.diagnosis.layers import REDIS_CACHE, REDIS_QUEUE, REDIS_SOCKETIO
from buildpro_saas.monitoring.diagnosis.seen import Seen, ok, unknown, wrong

OF_CONF = {"redis_cache": REDIS_CACHE, "redis_queue": REDIS_QUEUE, "redis_socketio": REDIS_SOCKETIO}
MAKES = {
	REDIS_CACHE: "Pages are slow, or fail.",
	REDIS_QUEUE: "No background work begins, and what saves with some fails.",
	REDIS_SOCKETIO: "Pages do not refresh by themselves.",
}
MB = 10**6
FULL = 0.98


def look(facts: Facts) -> list[Seen]:
	"""What was seen of each Redis server that the bench's configuration names."""
	found = facts.look("redis")
	if found["fault"]:
		return [unknown(layer, f"It was not asked: {found['fault']}") for layer in OF_CONF.values()]
	servers = found["servers"]
	return [_server(layer, servers[name]) for name, layer in OF_CONF.items() if name in servers]


def _server(layer: str, told: dict) -> Seen:
	place = told["place"]
	if told["says"]:
		how = "Start it (`supervisorctl start all`, or `systemctl start redis`); its configuration is in config/ of the bench."
		stops = layer != REDIS_SOCKETIO
		return wrong(
			layer,
			faults.REDIS_DOWN,
			f"{place} does not answer: {told['says'].rstrip('.')}.",
			how,
			MAKES[layer],
			stops=stops,
		)
	if told["is_loading"]:
		return wrong(
			layer,
			faults.REDIS_DOWN,
			f"{place} is reading its data: it serves soon.",
			"Wait for it.",
			MAKES[layer],
		)
	if told["is_replica"]:
		how = "`redis-cli replicaof no one` on it, unless somebody made it a copy of another on purpose."
		return wrong(
			layer, faults.REDIS_CANNOT_SAVE, f"{place} is a copy of another Redis, and takes no writes.", how
		)
	if told["cannot_save"]:
		how = "Has its disk room, and may it write its folder? Its log says why; nothing is taken until it can save."
		return wrong(
			layer, faults.REDIS_CANNOT_SAVE, f"{place} could not save its data.", how, *told["cannot_save"]
		)
	used = f"{told['used'] // MB} MB"
	if told["most"] and told["used"] > FULL * told["most"] and not told["evicts"]:
		how = "Raise maxmemory in its configuration, and find out what fills it: `redis-cli --bigkeys`."
		return wrong(
			layer,
			faults.REDIS_FULL,
			f"{place} is full: {used} of {told['most'] // MB} MB. It refuses writes.",
			how,
		)
	bound = f" of {told['most'] // MB} MB" if told["most"] else ""
	return ok(layer, f"{place} answers; it has {used}{bound}.")
