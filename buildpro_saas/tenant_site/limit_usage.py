"""How much of each limit is in use on this site, as Limit Level keeps it; and how two requests at the edge are told apart.

A row for each limit is both its lock and its memory. Who adds something holds the row until the transaction ends, and adds to its
`grown`. What is in use is counted by a plain read, which shows the site as it was when the transaction began; what
others have committed since then is the difference between `grown` now and `grown` in that same picture. So nothing but this one
row is locked, and the count is never too low. (It may be too high for somebody who adds in the very moment in which another
removes; the next attempt succeeds.)
"""

import math
import os
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, time

import frappe
import redis
from frappe import local
from frappe.utils import convert_utc_to_system_timezone, now
from pypika.functions import Count, Sum

from buildpro_saas.tenant_site import freed, utc_days

DOCTYPE = "Limit Level"
GB = 10**9
# In frappe.flags: limit → Growth, of those that this transaction holds.
FLAG = "buildpro_growth"
INSERT = """
	insert into `tabLimit Level` (name, creation, modified, owner, modified_by, limit_key, used, grown, day)
	values (%(key)s, %(now)s, %(now)s, 'Administrator', 'Administrator', %(key)s, 0, %(number)s, %(day)s)"""
CALLS_KEPT = 2 * utc_days.LENGTH


@dataclass(frozen=True, slots=True)
class Row:
	"""What Limit Level has of one limit, in the limit's unit: in use when last measured, added since (or on the day)."""

	used: float = 0
	grown: float = 0
	day: date | None = None


@dataclass(frozen=True, slots=True)
class Growth:
	"""What a growth meets: the row before it, and what others have added since this transaction began to read."""

	row: Row
	others: float


def read(key: str, *, is_current: bool = False) -> Row | None:
	"""The row of a limit as this transaction sees it; is_current: as it is now, and hold it. None where it has none."""
	found = frappe.db.get_value(DOCTYPE, key, ["used", "grown", "day"], for_update=is_current)
	return Row(*found) if found else None


def hold(key: str, day: date | None = None) -> Growth:
	"""Keep others from adding to a limit until this transaction ends. Waits for those that have added to it.

	day: for a limit that begins anew each day.
	"""
	held = _held()
	if key not in held:
		seen = read(key)
		if seen is None:
			make(key)  # a locking read of a row that is not there would lock the gap, for several at once
		now_there = read(key, is_current=True) or Row()  # a plain read would still show the picture
		row = now_there if now_there.day == day else Row(day=day)
		others = row.grown - (seen.grown if seen and seen.day == day else 0)
		held[key] = Growth(row, max(others, 0))
	return held[key]


def grow(key: str, number: float, day: date | None = None) -> Growth:
	"""Hold a limit and note that this transaction adds `number`; returns what that meets."""
	before = hold(key, day)
	_add(key, number, day)
	_held()[key] = replace(before, row=replace(before.row, grown=before.row.grown + number))
	return before


def make_missing(keys: Set[str]) -> None:
	"""Make the rows by which limits are held, before anybody needs them. The caller commits."""
	for key in keys - set(frappe.get_all(DOCTYPE, pluck="name")):
		make(key)


def make(key: str) -> None:
	"""Give a limit its row, and hold it; of several at once one makes it, and the others wait until that is committed."""
	frappe.db.sql(f"{INSERT} on duplicate key update name = name", _values(key, 0, None))


def _add(key: str, number: float, day: date | None) -> None:
	update = """on duplicate key update
		used = if(day <=> values(day), used, 0),
		grown = if(day <=> values(day), grown, 0) + %(number)s,
		day = values(day)"""
	frappe.db.sql(f"{INSERT} {update}", _values(key, number, day))


def _values(key: str, number: float, day: date | None) -> dict:
	return {"key": key, "now": now(), "number": number, "day": day}


def keep(key: str, measure: Callable[[], float], *, is_anew: bool, day: date | None) -> None:
	"""Measure and keep what is in use, while nobody adds to it; is_anew: what was added until now is part of it."""
	if not frappe.db.exists(DOCTYPE, key):
		make(key)
	found = read(key, is_current=True) or Row()
	deletions = freed.deletions(key)
	values = {"used": measure(), "measured_on": now(), "day": day}
	freed.is_measured(key, deletions)
	if is_anew or found.day != day:
		values["grown"] = 0
	frappe.db.set_value(DOCTYPE, key, values, update_modified=False)
	_held().pop(key, None)  # the row is not as it was


# -- what is told to the admin site ----------------------------------------------------------------------------------


def to_send(batch: str) -> dict[str, int]:
	"""{limit: in use, rounded up} for what the admin site does not know yet; noted as under way in `batch`."""
	found = {}
	for row in frappe.get_all(DOCTYPE, fields=["name", "used", "sent"], order_by="name"):
		if (used := math.ceil(row.used)) != row.sent:
			found[row.name] = used
			values = {"batch": batch, "in_batch": used}
			frappe.db.set_value(DOCTYPE, row.name, values, update_modified=False)
	return found


# -- how the shipped limits are measured -----------------------------------------------------------------------------


def storage_gb() -> float:
	"""What database and files of this site take, in GB of 10**9 bytes. Backups are not the tenant's."""
	tables = frappe.qb.Schema("information_schema").tables
	database = (
		frappe.qb.from_(tables)
		.select(Sum(tables.data_length + tables.index_length))
		.where(tables.table_schema == frappe.conf.db_name)
		.run()
	)[0][0]
	files = sum(_folder_size(frappe.get_site_path(place, "files")) for place in ("public", "private"))
	return (int(database or 0) + files) / GB


def file_gb(doc) -> float:
	"""The size of a new File's content in GB, as it lies on disk: what the form says of it may be anything."""
	if doc.is_folder or doc.is_remote_file:
		return 0
	path = doc.get_full_path()
	return os.path.getsize(path) / GB if os.path.exists(path) else 0


def emails_today() -> int:
	"""Recipients of the mails that this site has queued today (UTC)."""
	midnight = convert_utc_to_system_timezone(datetime.combine(utc_days.today(), time())).replace(tzinfo=None)
	queue, recipient = frappe.qb.DocType("Email Queue"), frappe.qb.DocType("Email Queue Recipient")
	return (
		frappe.qb.from_(queue)
		.join(recipient)
		.on(recipient.parent == queue.name)
		.select(Count("*"))
		.where(queue.creation >= midnight)
		.run()
	)[0][0]


def recipients(doc) -> int:
	"""How many people a new Email Queue goes to."""
	return len(doc.recipients)


def calls_today() -> int:
	"""Calls with an API key or an OAuth token today (UTC), as Redis has them; 0 where it is away."""
	try:
		return int(frappe.cache.get(_calls_name()) or 0)
	except redis.exceptions.RedisError:
		return 0


def add_call(number: int = 1) -> int | None:
	"""Count a call (-1: take one back), and return how many there are today; None where Redis is away."""
	pipeline = frappe.cache.pipeline(transaction=False)
	pipeline.incrby(_calls_name(), number)
	pipeline.expire(_calls_name(), CALLS_KEPT)
	try:
		return pipeline.execute()[0]
	except redis.exceptions.RedisError:
		return None


def _calls_name() -> str:
	# not below the site's own prefix: clearing the cache would begin the day anew
	return f"buildpro_api_calls|{local.site}|{utc_days.today()}"


def _folder_size(path: str) -> int:
	size = 0
	for folder, _folders, files in os.walk(path):
		for file in files:
			try:
				size += os.lstat(os.path.join(folder, file)).st_size
			except FileNotFoundError:
				continue  # deleted since the folder was listed
	return size


def _held() -> dict[str, Growth]:
	"""What this transaction holds; forgotten when it ends."""
	if FLAG not in frappe.flags:
		frappe.flags[FLAG] = {}
		frappe.db.after_commit.add(_forget)
		frappe.db.after_rollback.add(_forget)
	return frappe.flags[FLAG]


def _forget() -> None:
	frappe.flags.pop(FLAG, None)
