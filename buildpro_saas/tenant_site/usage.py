"""How often each feature is asked for and with what outcome: counted without SQL, kept by day, told to the admin site.

A decision adds one to a number in this process's memory. Every few seconds, at the end of a request, the numbers go to Redis. From
there the scheduler moves them into Feature Usage. On each way they are first taken away and then added. So an interruption loses
counts, but never counts twice. Where Redis is away, they wait in memory, which is bounded.
"""

import atexit
import os
from contextlib import suppress
from datetime import date, timedelta
from threading import Lock
from time import monotonic

import frappe
import redis
from frappe import local
from frappe.utils import now

from buildpro_saas.agent.facts import USES
from buildpro_saas.tenant_site import limit_usage, utc_days

DOCTYPE = "Feature Usage"
ALLOWED, DENIED, SHADOW = OUTCOMES = ("ALLOWED", "DENIED", "SHADOW")
FLUSH_SECONDS = 3
# How many different (site, day, feature, outcome) wait in a process at most; beyond that nothing new is counted.
MOST_WAITING = 10_000
# How long Redis holds what no scheduler fetches (seconds), and the site its days.
KEPT_IN_REDIS = 7 * utc_days.LENGTH
KEPT_DAYS = 400
# Rows in one batch for the admin site, which refuses longer ones (licensing/usage_reports.py).
LARGEST_BATCH = 500

_waiting: dict[tuple[str, int, str, str], int] = {}
_lock = Lock()
_flushed_at = 0.0


def count(feature: str, outcome: str) -> None:
	"""Count one decision about `feature` on this site; outcome: one of OUTCOMES. Neither blocks nor raises."""
	key = (local.site, utc_days.number(), feature, outcome)
	with _lock:
		if key in _waiting:
			_waiting[key] += 1
		elif len(_waiting) < MOST_WAITING:
			_waiting[key] = 1


def flush_when_due() -> None:
	"""Hook `after_request`: hand the counts to Redis, unless that was done in the last few seconds."""
	if _waiting and monotonic() > _flushed_at + FLUSH_SECONDS:
		flush()


def flush() -> None:
	"""Add this process's counts, of all its sites, to those in Redis. Also hook `after_job`: a job's process ends at once.

	Where Redis cannot be reached, they stay in memory.
	"""
	global _flushed_at
	_flushed_at = monotonic()
	if not _waiting or frappe.cache is None:
		return
	try:
		# what fails after this may have been counted in part, so it is not tried again
		frappe.cache.ping()
	except redis.exceptions.RedisError:
		return
	with _lock:
		taken = dict(_waiting)
		_waiting.clear()
	with suppress(redis.exceptions.RedisError):
		_add_in_redis(taken)


def store() -> None:
	"""Move this site's counts from Redis into Feature Usage, and commit. Run by the scheduler."""
	flush()
	for (day, outcome, feature), number in _take_from_redis().items():
		_add_row(day, feature, outcome, number)
	oldest = utc_days.today() - timedelta(days=KEPT_DAYS)
	frappe.db.delete(DOCTYPE, {"date": ("<", oldest)})
	frappe.db.commit()


def recent(number: int) -> dict[str, dict[str, int]]:
	"""{feature: {outcome: count}} of the last `number` days, with what still waits in Redis."""
	since = utc_days.today() - timedelta(days=number)
	rows = frappe.get_all(DOCTYPE, {"date": (">", since)}, ["date", "feature", "outcome", "count"])
	counts = [(row.date, row.outcome, row.feature, row["count"]) for row in rows]
	counts += [(*key, waiting) for key, waiting in _in_redis().items()]
	found: dict[str, dict[str, int]] = {}
	for day, outcome, feature, count in counts:
		if day > since:
			by_outcome = found.setdefault(feature, {})
			by_outcome[outcome] = by_outcome.get(outcome, 0) + count
	return found


def to_send() -> dict | None:
	"""What the admin site does not know yet: {"id", "rows": [{"date": "YYYY-MM-DD", "feature", "outcome", "count"}], "levels"}.

	A row's count is the day's total so far. So a batch that arrives twice, or late, changes nothing. levels: {limit: in use}. None when
	there is nothing new. The rows are locked: the caller commits before it sends anything.
	"""
	store()
	table = frappe.qb.DocType(DOCTYPE)
	rows = (
		frappe.qb.from_(table)
		.select(table.name, table.date, table.feature, table.outcome, table["count"])
		.where(table["count"] > table.sent)
		.orderby(table.date)
		.limit(LARGEST_BATCH)
		.for_update()
		.run(as_dict=True)
	)
	batch = frappe.generate_hash(length=20)
	changed = limit_usage.to_send(batch)
	if not rows and not changed:
		return None
	names = [row.pop("name") for row in rows]
	if names:
		under_way = frappe.qb.update(table).set(table.batch, batch).set(table.in_batch, table["count"])
		under_way.where(table.name.isin(names)).run()
	return {"id": batch, "rows": [{**row, "date": str(row.date)} for row in rows], "levels": changed}


def sent(batch_id: str) -> None:
	"""Note that the admin site has the batch. The caller commits."""
	for doctype in (DOCTYPE, limit_usage.DOCTYPE):
		table = frappe.qb.DocType(doctype)
		arrived = frappe.qb.update(table).set(table.sent, table.in_batch).set(table.batch, None)
		arrived.where(table.batch == batch_id).run()


def _add_in_redis(counts: dict[tuple[str, int, str, str], int]) -> None:
	pipeline = frappe.cache.pipeline(transaction=False)
	for (site, day, feature, outcome), number in counts.items():
		pipeline.hincrby(_redis_name(site), f"{day}|{outcome}|{feature}", number)
	for site in {key[0] for key in counts}:
		pipeline.expire(_redis_name(site), KEPT_IN_REDIS)
	pipeline.execute()


def _take_from_redis() -> dict[tuple[date, str, str], int]:
	"""This site's counts. They are removed from Redis before they are written anywhere."""
	pipeline = frappe.cache.pipeline(transaction=True)
	pipeline.hgetall(_redis_name(local.site))
	pipeline.delete(_redis_name(local.site))
	try:
		found, _deleted = pipeline.execute()
	except redis.exceptions.RedisError:
		return {}
	return _parsed(found)


def _in_redis() -> dict[tuple[date, str, str], int]:
	"""This site's counts in Redis. They stay there."""
	try:
		return _parsed(frappe.cache.pipeline(transaction=False).hgetall(_redis_name(local.site)).execute()[0])
	except redis.exceptions.RedisError:
		return {}


def _parsed(found: dict[bytes, bytes]) -> dict[tuple[date, str, str], int]:
	counts = {}
	for field, number in found.items():
		day, outcome, feature = field.decode().split("|", 2)
		counts[(utc_days.of_number(int(day)), outcome, feature)] = int(number)
	return counts


def _redis_name(site: str) -> str:
	# not below the site's own prefix: clearing the cache would drop what was counted
	return f"{USES}{site}"


def _add_row(day: date, feature: str, outcome: str, number: int) -> None:
	table = frappe.qb.DocType(DOCTYPE)
	values = {
		"name": f"{day} {outcome} {feature}",
		"creation": now(),
		"modified": now(),
		"owner": "Administrator",
		"modified_by": "Administrator",
		"date": day,
		"feature": feature,
		"outcome": outcome,
		"count": number,
		"sent": 0,
		"in_batch": 0,
	}
	(
		frappe.qb.into(table)
		.columns(*values)
		.insert(*values.values())
		.on_duplicate_key_update(table["count"], table["count"] + number)
		.on_duplicate_key_update(table.modified, now())
		.run()
	)


def _start_anew() -> None:
	"""In a forked process: drop the counts, which are the parent's, and the lock, which a thread of the parent may hold."""
	global _lock
	_lock = Lock()
	_waiting.clear()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(flush)
