"""Meters in Redis: one for each limit that takes long to measure or begins anew each day. A meter says how much is in use.

Nobody waits here. Whoever adds something reserves room for it, in one step with the look whether there is room. A commit turns the
reservation into use; a rollback gives it back, and so does the end of a request or job that has done neither. If the process is
killed, nobody ends the reservation: it lapses after LAPSE seconds.

A meter is a hash with these fields, all in the limit's own unit:

    measured         what was in use when it was last measured
    added            committed since then
    too_high         how often something made the other two more than there is, as a deletion does
    times            how often it was measured
    reserved|TIME|…  one reservation, and when it was made (epoch seconds)

Redis may forget a meter, when it restarts or runs out of memory. It is then measured again (limit_usage.py).
Each function raises redis.exceptions.RedisError where Redis is away, except note_deletion.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from time import time

import frappe
import redis
from frappe import local

from buildpro_saas import framework
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
		"""What is in use: measured, and committed since."""
		return self.measured + self.added

	@property
	def used(self) -> float:
		"""What is in use, and what is about to be."""
		return self.committed + self.reserved


def read(key: str, day: date | None) -> Level | None:
	"""The meter of a limit, None where Redis has none. day: for a limit that begins anew each day, else None."""
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
	"""Reserve `number` if `decide` allows it. `decide` is told what is in use. Returns its decision.

	None: it has to be measured first. Either the meter is not known, or it refuses but may be too high.
	starts_at: what an unknown meter stands at. is_final: it counts at once, however the transaction ends.
	"""
	meter = name(key, day)
	held = frappe.flags.get(FLAG) or {}
	reservation = (
		held[meter][0] if meter in held else f"{RESERVED}|{int(time())}|{frappe.generate_hash(length=12)}"
	)

	def attempt(pipeline) -> Decision | None:
		"""Redis's client runs this again whenever another has changed the meter between the look and the write."""
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
	"""Set the meter to what was found in use. before: what `read` returned when the measuring began.

	What others have added meanwhile stays on top, although the measuring may have found it already. So the meter may be too high, and
	`too_high` says so. Where another measuring has ended meanwhile, its result stays: nobody knows which of the two has seen what was
	added between them.
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
	"""Have a day's meter show at least what was found. It never goes down: what a day has used up is not given back."""
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
	"""Note that this transaction deletes something that counts, or makes it less: once it is committed, the meter is too high."""
	meter = name(key, None)

	def write() -> None:
		with suppress(redis.exceptions.RedisError):  # the next hourly measurement finds what was freed
			_write(meter, lambda pipeline: pipeline.hincrby(meter, "too_high", 1))

	framework.call_first(frappe.db.after_commit, write)


def give_back() -> None:
	"""Give back what this transaction has reserved and not committed. Hook `after_request` and `after_job`, where its connection ends."""
	_end(is_committed=False)


def name(key: str, day: date | None) -> str:
	"""The meter's name in Redis. It is not below the site's own prefix: clearing the cache would begin the day anew."""
	return f"buildpro_limit|{local.conf.db_name}|{key}|{day or ''}"


# -- own -------------------------------------------------------------------------------------------------------------


def _level(fields: dict[bytes, bytes], starts_at: float | None = None) -> Level | None:
	found = {field.decode(): float(number) for field, number in fields.items()}
	measured = found.pop("measured", starts_at)
	if measured is None:
		return None
	added, too_high, times = (found.pop(field, 0) for field in ("added", "too_high", "times"))
	# a reservation from a time that is still to come was made by a clock that ran ahead
	earliest, latest = time() - LAPSE, time() + LEEWAY
	reserved = sum(number for field, number in found.items() if earliest < int(field.split("|")[1]) <= latest)
	return Level(measured, added, reserved, int(too_high), int(times))


def _note(meter: str, reservation: str, number: float) -> None:
	"""Note a reservation, so that it ends with this transaction.

	Before what others have asked for at its end: if that raises, nothing after it is called any more.
	"""
	if FLAG not in frappe.flags:
		frappe.flags[FLAG] = {}
		framework.call_first(frappe.db.before_commit, _keep_way_back)
		framework.call_first(frappe.db.after_commit, lambda: _end(is_committed=True))
		_keep_way_back()
	held = frappe.flags[FLAG]
	held[meter] = (reservation, held.get(meter, (reservation, 0))[1] + number)


def _keep_way_back() -> None:
	"""Have it given back after a rollback. Frappe forgets that as it begins to commit, also where the commit then fails."""
	framework.call_first(frappe.db.after_rollback, give_back)


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
