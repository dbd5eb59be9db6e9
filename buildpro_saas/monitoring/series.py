"""Keeps what was measured, in the admin site's doctype Metric Series, and tells it again.

A row has one tenant's or one bench's numbers of an hour, a day or a month (spans.py), packed (packing.py). The hour that is under way
grows with each reading. One that is over is added to its day and its month; what is old goes.
"""

import time
from collections.abc import Iterable
from datetime import datetime, timezone

import frappe

from buildpro_saas.monitoring.packing import Points, pack, unpack
from buildpro_saas.monitoring.samples import Sample
from buildpro_saas.monitoring.spans import (
	AN_HOUR,
	DAY,
	HOUR,
	KEPT_FOR,
	MONTH,
	STEP,
	begin_of,
	finest,
	spans_since,
	thinned,
)

SERIES = "Metric Series"
COLUMNS = ("name", "tenant", "bench", "span", "begins", "is_open", "points", "numbers")
RENEWED = ("is_open", "points", "numbers", "modified")
WRITTEN_AT_ONCE = 200
ENDED_AT_ONCE = 100  # hours that are added to their days in one go: some 20 ms each
FRESH = 10 * 60  # seconds for which what was read last is how it is


def keep(sample: Sample) -> None:
	"""Add a reading to the hours of its bench and of its tenants, and close hours that are over. Commits nothing."""
	numbers = {("", sample.bench): sample.of_bench}
	numbers |= {(tenant, ""): sample.of_sites[site] for tenant, site in sample.tenants.items()}
	begins = begin_of(HOUR, sample.at)
	rows = _rows(HOUR, [begins], {"bench": sample.bench})
	if sample.tenants:
		rows += _rows(HOUR, [begins], {"tenant": ("in", list(sample.tenants))})
	there = {(row.tenant or "", row.bench or ""): row for row in rows}
	for subject, of in numbers.items():
		row = there.get(subject) or _row(subject, HOUR, begins, is_open=1)
		_put(row, {**unpack(row.numbers), sample.at: of})
		there[subject] = row
	_write(there[subject] for subject in numbers)
	_end_hours(begins)


def _end_hours(current: int) -> None:
	"""Add hours that are over to their days and months."""
	over = frappe.get_all(
		SERIES,
		{"is_open": 1, "begins": ("<", _moment(current))},
		list(COLUMNS),
		order_by="begins",
		limit=ENDED_AT_ONCE,
	)
	for row in over:
		points, subject = unpack(row.numbers), (row.tenant or "", row.bench or "")
		longer = [_longer(subject, span, points) for span in (DAY, MONTH)]
		row.is_open = 0
		_write([*longer, row])


def _longer(subject: tuple[str, str], span: str, points: Points) -> frappe._dict:
	"""The day or month of an hour, with its points added. Adding the same again changes nothing."""
	begins = begin_of(span, min(points))
	row = next(iter(_rows(span, [begins], _of(*subject))), None) or _row(subject, span, begins)
	_put(row, {**unpack(row.numbers), **thinned(points, STEP[span])})
	return row


def latest(bench: str | None = None, tenant: str | None = None) -> dict[str, float]:
	"""{key: number} of the bench or the tenant as it was read last; {} where that is longer ago than FRESH seconds."""
	found = latest_of_all(bench=bench, tenant=tenant)
	return next((numbers for _at, numbers in found.values()), {})


def latest_of_all(
	bench: str | None = None, tenant: str | None = None
) -> dict[tuple[str, str], tuple[int, dict[str, float]]]:
	"""{("Tenant" or "Bench", its name): (when, {key: number})} of those that were read within FRESH seconds.

	bench, tenant: of that one alone.
	"""
	now, found = time.time(), {}
	hours = [begin_of(HOUR, now - AN_HOUR), begin_of(HOUR, now)]
	for row in _rows(HOUR, hours, _of(tenant, bench)):
		points = unpack(row.numbers)
		if points and now - max(points) <= FRESH:
			subject = ("Tenant", row.tenant) if row.tenant else ("Bench", row.bench)
			found[subject] = (max(points), points[max(points)])
	return found


def points(
	key: str, since: float, until: float | None = None, *, bench: str | None = None, tenant: str | None = None
) -> list[tuple[int, float]]:
	"""[(seconds since the epoch, number)] of one metric of the bench or the tenant, in their order.

	Each reading of the last hours, before that a point for five minutes, before that one for an hour.
	"""
	found = all_points([key], since, until, bench=bench, tenant=tenant)
	return [(at, numbers[key]) for at, numbers in found.items() if key in numbers]


def all_points(
	keys: Iterable[str],
	since: float,
	until: float | None = None,
	*,
	bench: str | None = None,
	tenant: str | None = None,
) -> Points:
	"""{when: {key: number}} of some metrics, as `points` has them."""
	until, wanted = until or time.time(), set(keys)
	by_span: dict[str, Points] = {}
	for span in spans_since(since, time.time()):
		rows = _between(span, since, until, tenant, bench)
		by_span[span] = {
			at: {key: numbers[key] for key in wanted & numbers.keys()}
			for row in rows
			for at, numbers in unpack(row.numbers).items()
			if since <= at <= until
		}
	return finest(by_span)


def recent(tenants: list[str], since: float) -> dict[str, Points]:
	"""{tenant: its points since then} of many tenants with one question; `since` is an hour ago at most."""
	hours = sorted({begin_of(HOUR, since), begin_of(HOUR, time.time())})
	found: dict[str, Points] = {tenant: {} for tenant in tenants}
	for row in _rows(HOUR, hours, {"tenant": ("in", tenants)}) if tenants else ():
		found[row.tenant] |= {at: numbers for at, numbers in unpack(row.numbers).items() if at >= since}
	return found


def prune() -> None:
	"""Remove spans whose time is over, and those of tenants and benches without a record: another may get the name. Commits nothing."""
	now = time.time()
	for span, seconds in KEPT_FOR.items():
		frappe.db.delete(SERIES, {"span": span, "is_open": 0, "begins": ("<", _moment(now - seconds))})
	for field, doctype in (("tenant", "Tenant"), ("bench", "Bench")):
		measured = frappe.get_all(SERIES, {field: ("is", "set")}, pluck=field, distinct=True)
		for gone in set(measured) - set(frappe.get_all(doctype, pluck="name")):
			frappe.db.delete(SERIES, {field: gone})


# -- rows --------------------------------------------------------------------------------------------------------------


def _row(subject: tuple[str, str], span: str, begins: int, is_open: int = 0) -> frappe._dict:
	tenant, bench = subject
	return frappe._dict(
		name=frappe.generate_hash(length=16),
		tenant=tenant or None,
		bench=bench or None,
		span=span,
		begins=_moment(begins),
		is_open=is_open,
		points=0,
		numbers="",
	)


def _put(row: frappe._dict, points: Points) -> None:
	row.numbers, row.points = pack(points), len(points)


def _rows(span: str, begins: list[int], filters: dict) -> list[frappe._dict]:
	"""Rows that begin at one of these moments, the earlier ones first."""
	moments = [_moment(each) for each in begins]
	return frappe.get_all(
		SERIES, {"span": span, "begins": ("in", moments), **filters}, list(COLUMNS), order_by="begins"
	)


def _between(
	span: str, since: float, until: float, tenant: str | None, bench: str | None
) -> list[frappe._dict]:
	"""Rows of the span that have moments between the two."""
	filters = [[name, "=", value] for name, value in {"span": span, **_of(tenant, bench)}.items()]
	filters += [["begins", ">=", _moment(begin_of(span, since))], ["begins", "<=", _moment(until)]]
	return frappe.get_all(SERIES, filters, ["numbers"], order_by="begins")


def _of(tenant: str | None, bench: str | None) -> dict[str, str]:
	if tenant:
		return {"tenant": tenant}
	return {"bench": bench} if bench else {}


def _write(rows: Iterable[frappe._dict]) -> None:
	"""Insert the rows, or replace those that are there, with few statements: a thousand tenants are written each minute."""
	now, waiting = frappe.utils.now(), list(rows)
	columns = (*COLUMNS, "creation", "modified", "owner", "modified_by")
	renewed = ", ".join(f"{name} = values({name})" for name in RENEWED)
	one = f"({', '.join(['%s'] * len(columns))})"
	for first in range(0, len(waiting), WRITTEN_AT_ONCE):
		some = waiting[first : first + WRITTEN_AT_ONCE]
		values = [
			value
			for row in some
			for value in (*(row[name] for name in COLUMNS), now, now, "Administrator", "Administrator")
		]
		frappe.db.sql(
			f"insert into `tab{SERIES}` ({', '.join(columns)}) values {', '.join([one] * len(some))}"
			f" on duplicate key update {renewed}",
			values,
		)


def _moment(at: float) -> str:
	"""A moment as the database has it, in UTC."""
	return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
