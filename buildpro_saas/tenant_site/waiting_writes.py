"""What Redis has of this site and no database yet, written down before the site, or its database, gets another name or goes.

The framework's scheduler would write it within the hour, and finds nothing under another name: people's settings of lists, the search
index, rows that were put off, counts.
"""

from collections.abc import Callable

import frappe
from frappe.deferred_insert import queue_prefix, save_to_db
from frappe.model.utils.link_count import update_link_count
from frappe.model.utils.user_settings import sync_user_settings
from frappe.utils.global_search import sync_global_search

from buildpro_saas import site_role
from buildpro_saas.tenant_site import declared_limits, limit_meters, limit_usage, usage

MOST_ROUNDS = 20  # in each the framework inserts some 500 rows of a kind


def write_down() -> list[str]:
	"""Write it down, and commit. Returns a piece of a sentence for each part that could not be: the others are, all the same."""
	return [told for what, write in PARTS.items() if (told := _written(what, write))]


def _written(what: str, write: Callable[[], None]) -> str:
	try:
		write()
		frappe.db.commit()
	except Exception as error:
		frappe.db.rollback()  # raises when the connection is gone: then nothing more can be written
		return f"{what} ({type(error).__name__}: {error})"
	return ""


def _rows() -> None:
	for _round in range(MOST_ROUNDS):
		save_to_db()
		if not frappe.cache.get_keys(queue_prefix):
			return


def _uses() -> None:
	if site_role.is_tenant_site():
		usage.store()


def _limits_of_the_day() -> None:
	"""Those that are above what was written last: a database without them would begin the day anew."""
	if not site_role.is_tenant_site():
		return
	for limit in declared_limits.declared().values():
		if not limit.is_daily or not (level := limit_meters.read(limit.key, limit.day)):
			continue
		of_today = {"name": limit.key, "day": limit.day}
		if level.committed > (frappe.db.get_value(limit_usage.DOCTYPE, of_today, "used") or 0):
			limit_usage.keep(limit, limit.measure)


PARTS: dict[str, Callable[[], None]] = {
	"rows that were put off": _rows,
	"people's settings of lists": sync_user_settings,
	"the search index": sync_global_search,
	"counts of links": update_link_count,
	"uses of features": _uses,
	"limits of the day": _limits_of_the_day,
}
