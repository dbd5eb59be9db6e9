"""A meter in Redis for each limit that takes long to measure, or that begins anew each day: how much of it is in use.

Nobody waits for anybody here. Who adds something reserves room for it, in one step with the look whether there is room. A
commit turns the reservation into use, a rollback gives it back. One that nobody ends, for its process was killed, lapses
after LAPSE seconds.

A meter is a hash with these fields, all in the limit's own unit:

    measured         what was in use when it was last measured
    added            committed since then
    too_high         how often something made the other two more than there is, as a deletion does
    times            how often it was measured
    reserved|TIME|…  one reservation, and when it was made (epoch seconds)

Redis may forget a meter, when it restarts or runs out of memory. It is then measured again (limit_usage.py).
Each function raises redis.exceptions.RedisError where Redis is away.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from time import time

import frappe
import redis
from frappe import local

from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.tenant_site import utc_days

KEPT = 2 * utc_days.LENGTH  # seconds
LEEWAY = 300  # seconds by which the clocks of two machines may differ
LAPSE = 3600  # seconds; no transaction of a request lasts so long, nor one of a job as Frappe queues them
RESERVED = "reserved"
# In frappe.flags: name of a meter → (its reservation, how much) of this transaction.
FLAG = "buildpro_reserved"


@dataclass(frozen=True, slots=True)
class Level:
	"""A meter at one moment."""

	measured: float
	added: float = 0
	reserved: float = 0
	too_high: int = 0
	times: int = 0

	@property
	def committed(self) -> float:
		return self.measured + self.added

	@property
	def used(self) -> float:
		"""What is in use, and what is about to be."""
		return self.committed + self.reserved


def read(key: str, day: date | None) -> Level | None:
	"""The meter of a limit; None where Redis has none. day: of a limit that begins anew each day."""
	(fields,) = frappe.cache.pipeline(transaction=False).hgetall(name(key, day)).execute()
	return _level(fields)


def take(
	key: str,
	day: date | None,
	number: float,
	decide: Callable[[float], Decision],
	*,
	starts_at: float | None = None,
	is_final: bool = False,
) -> Decision | None:
	"""Reserve `number` where `decide`, told what is in use, allows it. Returns its decision.

	None where it has to be measured first: the meter is not known, or it refuses and may be too high. starts_at: what an unknown
	meter stands at. is_final: it counts at once, however the transaction ends.
	"""
	meter = name(key, day)
	held = frappe.flags.get(FLAG) or {}
	reservation = (
		held[meter][0] if meter in held else f"{RESERVED}|{int(time())}|{frappe.generate_hash(length=12)}"
	)

	def attempt(pipeline) -> Decision | None:
		"""Run again by Redis's client whenever another has changed the meter between its look and its write."""
		level = _level(pipeline.hgetall(meter), starts_at)
		pipeline.multi()
		if level is None:
			return None
		answer = decide(level.used)
		if not answer.allowed:
			return None if level.too_high else answer
		if starts_at is not None:
			pipeline.hsetnx(meter, "measured", starts_at)
		pipeline.hincrbyfloat(meter, "added" if is_final else reservation, number)
		pipeline.expire(meter, KEPT)
		return answer

	answer = frappe.cache.transaction(attempt, meter, value_from_callable=True)
	if answer is not None and answer.allowed and not is_final:
		_note(meter, reservation, number)
	return answer


def set_measured(key: str, found: float, before: Level | None) -> None:
	"""Set the meter by what was found in use. before: as `read` had it when the measuring began.

	What others added meanwhile stays on top: it may have been found or not. So the meter may be too high for them, and says so. Where
	another measuring has ended meanwhile, its finding stands: which of the two has seen what was added between them, nobody knows.
	"""
	meter = name(key, None)

	def attempt(pipeline) -> None:
		now = _level(pipeline.hgetall(meter)) or Level(0)
		begun = before or Level(0)
		added = now.added - begun.added
		is_doubtful = bool(begun.reserved or now.reserved or added)
		pipeline.multi()
		if now.times != begun.times:
			pipeline.hincrby(meter, "too_high", 1)
			return
		values = {
			"measured": found,
			"added": max(added, 0),
			"too_high": max(now.too_high - begun.too_high, 0) + is_doubtful,
			"times": now.times + 1,
		}
		pipeline.hset(meter, mapping=values)
		pipeline.expire(meter, KEPT)

	frappe.cache.transaction(attempt, meter)


def raise_to(key: str, day: date, found: float) -> None:
	"""Have a day's meter show at least what was found. It never goes down: what is used up by the day is not given back."""
	meter = name(key, day)

	def attempt(pipeline) -> None:
		now = _level(pipeline.hgetall(meter))
		pipeline.multi()
		if now is None:
			pipeline.hset(meter, mapping={"measured": found, "added": 0})
		elif found > now.used:
			pipeline.hincrbyfloat(meter, "measured", found - now.used)
		pipeline.expire(meter, KEPT)

	frappe.cache.transaction(attempt, meter)


def note_deletion(key: str) -> None:
	"""Something that counts was deleted in this transaction: the meter is too high once that is committed."""
	meter = name(key, None)

	def write() -> None:
		with suppress(redis.exceptions.RedisError):  # the next hourly measurement finds what was freed
			_write(meter, lambda pipeline: pipeline.hincrby(meter, "too_high", 1))

	frappe.db.after_commit.add(write)


def name(key: str, day: date | None) -> str:
	"""Of the meter in Redis. Not below the site's own prefix there: clearing the cache would begin the day anew."""
	return f"buildpro_limit|{local.conf.db_name}|{key}|{day or ''}"


# -- own -------------------------------------------------------------------------------------------------------------


def _level(fields: dict[bytes, bytes], starts_at: float | None = None) -> Level | None:
	found = {field.decode(): float(number) for field, number in fields.items()}
	measured = found.pop("measured", starts_at)
	if measured is None:
		return None
	added, too_high, times = (found.pop(field, 0) for field in ("added", "too_high", "times"))
	# one of a time that has not been yet was made by a clock that ran ahead
	earliest, latest = time() - LAPSE, time() + LEEWAY
	reserved = sum(number for field, number in found.items() if earliest < int(field.split("|")[1]) <= latest)
	return Level(measured, added, reserved, int(too_high), int(times))


def _note(meter: str, reservation: str, number: float) -> None:
	"""Have the reservation end with this transaction."""
	if FLAG not in frappe.flags:
		frappe.flags[FLAG] = {}
		frappe.db.after_commit.add(lambda: _end(is_committed=True))
		frappe.db.after_rollback.add(lambda: _end(is_committed=False))
	held = frappe.flags[FLAG]
	held[meter] = (reservation, held.get(meter, (reservation, 0))[1] + number)


def _end(*, is_committed: bool) -> None:
	for meter, (reservation, number) in (frappe.flags.pop(FLAG, None) or {}).items():

		def end(pipeline, meter=meter, reservation=reservation, number=number) -> None:
			pipeline.hdel(meter, reservation)
			if is_committed:
				pipeline.hincrbyfloat(meter, "added", number)

		with suppress(
			redis.exceptions.RedisError
		):  # it lapses, and what was committed is found by the next measurement
			_write(meter, end)


def _write(meter: str, command: Callable) -> None:
	pipeline = frappe.cache.pipeline(transaction=True)
	command(pipeline)
	pipeline.expire(meter, KEPT)
	pipeline.execute()
