"""What tenants' sites tell of their use: how often each feature, by day, and how much of each limit.

It comes from a site that is the tenant's, so it is not trusted. It is bounded, unknown names are left out, and it changes no rows but
the tenant's own.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from itertools import chain

import frappe
from frappe import _
from frappe.utils import now
from pypika import CustomFunction

from buildpro_saas.entitlements import layers
from buildpro_saas.licensing.entitlement_sources import Offer
from buildpro_saas.refusal import refuse

OUTCOMES = {"ALLOWED": "allowed", "DENIED": "denied", "SHADOW": "shadow"}
MOST_ROWS = 1000  # in a batch; a site sends 500 (tenant_site/usage.py)
MOST_LEVELS = 100  # in a batch, and of a tenant
OLDEST = timedelta(days=60)
LIMIT_KEY = re.compile(r"[a-z][a-z0-9_]{0,60}")
Greatest = CustomFunction("greatest", ["old", "new"])


def receive(tenant: str, batch: dict) -> None:
	"""Keep a batch of a tenant's site: {"id", "rows": [{"date", "feature", "outcome", "count"}], "levels": {limit: in use}}.

	A row's count is the day's total as the site had it then. It only raises what is kept, so a batch that comes twice, late or out of
	order changes nothing. Rows and levels with unknown names are left out. The caller commits.

	Raises frappe.ValidationError when the batch has another shape or too many rows, and for an unknown tenant.
	"""
	if not frappe.db.exists("Tenant", tenant):
		refuse(_("There is no tenant {0}."), tenant)
	rows, levels = _checked(batch)
	granted = layers.compose(
		Offer().layers(frappe.get_doc("Tenant", tenant)), datetime.now().timestamp()
	).limits
	limits = _known_limits() | granted.keys()
	known = limits.union(frappe.get_all("Feature", pluck="name"))
	for (day, feature, outcome), count in _believable(rows, known).items():
		_keep_use(tenant, day, feature, OUTCOMES[outcome], count)
	there = set(frappe.get_all("Tenant Limit Level", {"tenant": tenant}, pluck="limit_key"))
	for key, used in levels.items():
		if key in limits and _is_number(used) and (key in there or len(there) < MOST_LEVELS):
			there.add(key)
			limit = granted.get(key)
			_keep_level(tenant, key, min(used, layers.MOST), limit and min(limit.value, layers.MOST))


def _known_limits() -> set[str]:
	"""Limits that a plan or an add-on has, or an app on this bench declares, whether it is installed on this site or not.

	What only an app of another bench declares is known once a plan, an add-on or an override has it. A tenant's own word is not enough:
	his site could make up names.
	"""
	sold = (
		*frappe.get_all("Plan Limit", pluck="limit_key"),
		*frappe.get_all("Add-on Limit", pluck="limit_key"),
	)
	return {*sold, *chain.from_iterable(map(_declared_by, frappe.get_all_apps()))}


def _declared_by(app: str) -> Iterable[str]:
	"""Limits that the app declares in its hooks.py (tenant_site/declared_limits.py); none where its code is gone."""
	try:
		return getattr(frappe.get_module(f"{app}.hooks"), "buildpro_limits", {})
	except ImportError:
		return ()


def _checked(batch: dict) -> tuple[list, dict[str, int]]:
	"""Rows and levels of a batch. Raises frappe.ValidationError for another shape."""
	batch = batch if isinstance(batch, dict) else {}
	rows, levels = batch.get("rows"), batch.get("levels", {})
	if not isinstance(batch.get("id"), str) or not isinstance(rows, list) or not isinstance(levels, dict):
		refuse(_("This is no batch of usage: it needs {0}."), "id, rows, levels")
	if len(rows) > MOST_ROWS or len(levels) > MOST_LEVELS:
		refuse(_("A batch of usage has at most {0} rows and {1} levels."), MOST_ROWS, MOST_LEVELS)
	return rows, {key: used for key, used in levels.items() if LIMIT_KEY.fullmatch(key)}


def _believable(rows: list, known: set[str]) -> dict[tuple[date, str, str], int]:
	"""{(day, feature, outcome): count} of the rows that can be true."""
	today = datetime.now(timezone.utc).date()
	found = {}
	for row in rows:
		if not isinstance(row, dict):
			continue
		day, feature, outcome, count = (row.get(part) for part in ("date", "feature", "outcome", "count"))
		day = _day(day)
		is_known = isinstance(feature, str) and feature in known and outcome in tuple(OUTCOMES)
		# a site's clock may be a little ahead
		if day and is_known and today - OLDEST <= day <= today + timedelta(days=1) and _is_number(count):
			found[(day, feature, outcome)] = min(count, layers.MOST)
	return found


def _day(value: object) -> date | None:
	try:
		return date.fromisoformat(value) if isinstance(value, str) else None
	except ValueError:
		return None


def _is_number(value: object) -> bool:
	return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _keep_use(tenant: str, day: date, feature: str, outcome: str, count: int) -> None:
	table = frappe.qb.DocType("Tenant Usage")
	values = {"tenant": tenant, "date": day, "feature": feature, **dict.fromkeys(OUTCOMES.values(), 0)}
	insert = _insert("Tenant Usage", f"{tenant} {day} {feature}", values | {outcome: count})
	insert.on_duplicate_key_update(table[outcome], Greatest(table[outcome], count)).run()


def _keep_level(tenant: str, key: str, used: int, value: int | None) -> None:
	is_limited = value is not None
	level = {"used": used, "is_limited": int(is_limited), "value": value or 0, "received_on": now()}
	level["is_over"] = int(is_limited and used > value)
	insert = _insert("Tenant Limit Level", f"{tenant} {key}", {"tenant": tenant, "limit_key": key, **level})
	for field, number in level.items():
		insert = insert.on_duplicate_key_update(field, number)
	insert.run()


def _insert(doctype: str, name: str, values: dict):
	"""An insertion as a query. The caller adds what happens to a row that is there already."""
	who = dict.fromkeys(("owner", "modified_by"), "Administrator")
	when = dict.fromkeys(("creation", "modified"), now())
	row = {"name": name, **who, **when, **values}
	return frappe.qb.into(frappe.qb.DocType(doctype)).columns(*row).insert(*row.values())
