"""How much of each limit is in use on this site, also while two add to it at once. There are two kinds of limits.

**Counted**: documents that a query counts, such as users. Whoever adds one locks the limit's row of Limit Level until the
transaction ends, and others wait. But a plain count shows the site as it was when the transaction began to read. So the row's `grown`
is read twice: as it was then, and as it is now. `grown` is the sum of all that was ever added. The difference is what others have
committed meanwhile; it is added to the count. (The sum may be too high while another removes something. The next attempt succeeds.)

**Metered**: what takes long to measure, such as storage, and what begins anew each day, such as mails. It has a meter in Redis
(limit_meters.py). Nobody locks a row or waits. Where Redis is away, it is measured each time. That is strict for one, but two at once
may both get the last room.
"""

import math
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager

import frappe
import redis
from frappe import local
from frappe.utils import now

from buildpro_saas import framework
from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.tenant_site import limit_meters
from buildpro_saas.tenant_site.declared_limits import Declared
from buildpro_saas.tenant_site.limit_meters import Level

DOCTYPE = "Limit Level"
# In frappe.flags: limit → what others have added meanwhile, for the rows that this transaction has locked.
FLAG = "buildpro_held_limits"
Decide = Callable[[float], Decision]


def in_use(limit: Declared) -> float:
	"""How much is in use now, in the limit's unit; 0 where this site does not have what is limited."""
	if not limit.is_measurable():
		return 0
	if not limit.is_metered:
		return limit.measure()
	try:
		level = limit_meters.read(limit.key, limit.day)
		return measure(limit) if level is None or level.too_high else level.used
	except redis.exceptions.RedisError:
		return _found(limit, limit.measure)


def take(limit: Declared, number: float, decide: Decide, *, is_there: bool = False) -> Decision:
	"""The answer of `decide`, which is told how much is in use. If it allows, `number` more count, unless the transaction is rolled back.

	is_there: what is added would be measured already, as a file that was written before its document.
	"""
	if limit.is_metered:
		return _take_metered(limit, number, decide, number if is_there else 0)
	answer = decide(in_use(limit) + hold(limit.key))
	if answer.allowed:
		frappe.db.sql(f"update `tab{DOCTYPE}` set grown = grown + %s where name = %s", (number, limit.key))
	return answer


def hold(key: str) -> float:
	"""Lock a counted limit's row until this transaction ends: others who add wait. Waits for those who have added before.

	Returns how much others have added since this transaction began to read.
	"""
	held = _held()
	if key not in held:
		then = frappe.db.get_value(DOCTYPE, key, "grown")
		if then is None:
			make(key)  # a locking read of a row that is not there would lock the gap, for several at once
		now_there = frappe.db.get_value(DOCTYPE, key, "grown", for_update=True)
		held[key] = max((now_there or 0) - (then or 0), 0)
	return held[key]


def make_missing(keys: Set[str]) -> None:
	"""Make the rows of Limit Level that are missing, before anybody has to lock them. The caller commits."""
	for key in keys - set(frappe.get_all(DOCTYPE, pluck="name")):
		make(key)


def make(key: str) -> None:
	"""Make the row of a limit, and lock it. Of several at once, one makes it, and the others wait until that is committed."""
	_upsert(key, {})


def measure(limit: Declared, less: float = 0) -> float:
	"""Measure a metered limit, set its meter, and return how much is in use. Locks nothing.

	less: how much the measuring finds that does not count yet.
	"""
	return _set_meter(limit, limit.measure, less).used


def keep(limit: Declared, measure: Callable[[], float]) -> None:
	"""Write how much is in use into Limit Level. People see it there, and the admin site is told.

	The row is locked only after the measuring.
	"""
	used = _set_meter(limit, measure).committed if limit.is_metered else measure()
	_upsert(limit.key, {"used": used, "measured_on": now(), "day": limit.day})


def to_send(batch: str) -> dict[str, int]:
	"""What the admin site does not know yet: {limit: in use, rounded up}. It is noted as under way in `batch`."""
	found = {}
	for row in frappe.get_all(DOCTYPE, fields=["name", "used", "sent"], order_by="name"):
		if (used := math.ceil(row.used)) != row.sent:
			found[row.name] = used
			values = {"batch": batch, "in_batch": used}
			frappe.db.set_value(DOCTYPE, row.name, values, update_modified=False)
	return found


# -- own -------------------------------------------------------------------------------------------------------------


def _take_metered(limit: Declared, number: float, decide: Decide, less: float) -> Decision:
	try:
		answer = limit_meters.take(limit.key, limit.day, number, decide)
		if answer is None:
			used = measure(limit, less)
			answer = limit_meters.take(limit.key, limit.day, number, decide)
		return decide(used) if answer is None else answer
	except redis.exceptions.RedisError:
		return decide(_found(limit, limit.measure, less))


def _set_meter(limit: Declared, measure: Callable[[], float], less: float = 0) -> Level:
	try:
		before = limit_meters.read(limit.key, limit.day)
		with _connection_apart():
			found = _found(limit, measure, less)
		if limit.day:
			limit_meters.raise_to(limit.key, limit.day, found)
		else:
			limit_meters.set_measured(limit.key, found, before)
		return limit_meters.read(limit.key, limit.day) or Level(found)
	except redis.exceptions.RedisError:
		return Level(_found(limit, measure, less))


def _found(limit: Declared, measure: Callable[[], float], less: float = 0) -> float:
	"""What is measured. For a limit of a day, it is at least what was written last: mails that were deleted since still count."""
	kept = frappe.db.get_value(DOCTYPE, {"name": limit.key, "day": limit.day}, "used") if limit.day else 0
	return max(measure() - less, kept or 0)


@contextmanager
def _connection_apart() -> Iterator[None]:
	"""Within the block, frappe.db shows what is committed now. It is for a meter, which all transactions share.

	This transaction itself shows the site as it was when it began to read. What it adds is reserved in the meter already.
	"""
	own = local.db
	frappe.connect(set_admin_as_user=False)
	try:
		yield
	finally:
		local.db.close()
		local.db = own


def _upsert(key: str, values: dict) -> None:
	"""Write a limit's row without reading it first: it may not be there yet."""
	users = {"owner": "Administrator", "modified_by": "Administrator"}
	columns = {"name": key, "limit_key": key, "creation": now(), "modified": now(), **users, **values}
	changes = ", ".join(f"`{column}` = values(`{column}`)" for column in values) or "name = name"
	frappe.db.sql(
		f"""insert into `tab{DOCTYPE}` ({", ".join(f"`{column}`" for column in columns)})
		values ({", ".join(["%s"] * len(columns))}) on duplicate key update {changes}""",
		list(columns.values()),
	)


def _held() -> dict[str, float]:
	"""{limit: what others have added} for the rows that this transaction has locked. Forgotten when it ends."""
	if FLAG not in frappe.flags:
		frappe.flags[FLAG] = {}
		# first: an error in another callback would keep a later one from being called
		framework.call_first(frappe.db.before_commit, _forget)
		framework.call_first(frappe.db.after_rollback, _forget)
	return frappe.flags[FLAG]


def _forget() -> None:
	frappe.flags.pop(FLAG, None)
