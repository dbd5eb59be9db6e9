"""What was deleted since a limit that takes long to measure was last measured: two counters in Redis, so that deleting locks nothing.

Where Redis is away, what was freed counts with the next hourly measurement.
"""

import frappe
import redis
from frappe import local

from buildpro_saas.tenant_site import utc_days

KEPT = 2 * utc_days.LENGTH  # seconds; it is measured each hour


def note(key: str) -> None:
	"""Something that counts was deleted in this transaction; noted once that is committed."""
	frappe.db.after_commit.add(lambda: _write(lambda pipeline: pipeline.incr(_name(key)), key))


def deletions(key: str) -> int:
	"""How many deletions have been noted of a limit; to be asked before it is measured."""
	return _numbers(key)[0]


def is_measured(key: str, number: int) -> None:
	"""The limit was measured, with so many deletions in it, by this transaction; noted once that is committed."""
	if number:
		frappe.db.after_commit.add(
			lambda: _write(lambda pipeline: pipeline.set(_name(key, "measured"), number, ex=KEPT), key)
		)


def is_outdated(key: str) -> bool:
	"""Whether something was deleted after the limit was last measured."""
	noted, measured = _numbers(key)
	return noted > measured


def _numbers(key: str) -> tuple[int, int]:
	pipeline = frappe.cache.pipeline(transaction=False)
	pipeline.get(_name(key))
	pipeline.get(_name(key, "measured"))
	try:
		return tuple(int(number or 0) for number in pipeline.execute())
	except redis.exceptions.RedisError:
		return 0, 0


def _write(command, key: str) -> None:
	pipeline = frappe.cache.pipeline(transaction=False)
	command(pipeline)
	pipeline.expire(_name(key), KEPT)
	try:
		pipeline.execute()
	except redis.exceptions.RedisError:
		return


def _name(key: str, what: str = "deleted") -> str:
	return f"buildpro_freed|{local.site}|{key}|{what}"
