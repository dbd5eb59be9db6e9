"""Answers 503 with Retry-After to a request whose database was swapped away under it.

A swap (agent/shadow.py) exchanges the site's folder in an instant. A request may have read site_config.json just before it, and sign in
to MariaDB just after: that user is locked then. Or it works for longer than the swap waits, and its connection is ended. Neither has a
database any more, and what Frappe does to show an error would ask it again. So does what it does to say that a site is closed: the tables of
one whose database gets another name (agent/operations/renames.py) may have moved already.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, NoReturn

import frappe
from frappe import local
from frappe.database.database import Database
from werkzeug.wrappers import Response

from buildpro_saas import framework
from buildpro_saas.agent.errors import NO_TABLE, SHUT_OUT_CODES
from buildpro_saas.agent.facts import HELD
from buildpro_saas.tenant_site import closed_for_now

KINDS = ("OperationalError", "InterfaceError")  # of whichever driver (PEP 249) the framework uses
IS_SWAPPED = "buildpro_swapped_away"


class SiteSwappedError(frappe.SessionStopped):
	"""The site has another database by now: the request is to be sent again. HTTP 503."""


def keep() -> None:
	"""Have this process see it, at each connection and each statement. Frappe has no hook there, so its methods are wrapped."""
	for name in ("__init__", "connect", "sql"):
		original = getattr(Database, name)
		if not getattr(original, "sees_swaps", False):
			setattr(Database, name, _seeing(original))


def _seeing(original: Callable) -> Callable:
	@wraps(original)
	def call(database: Database, *args, **kwargs) -> Any:
		if original.__name__ == "__init__":  # before the request asks it anything
			_answer_errors()
		try:
			return original(database, *args, **kwargs)
		except Exception as error:
			if (_is_without_database(error) and _is_swapped_away(database)) or (
				_is_without_tables(error) and _is_closed(database)
			):
				_stop(error)
			raise

	call.sees_swaps = True
	return call


def _is_without_database(error: Exception) -> bool:
	return type(error).__name__ in KINDS and bool(error.args) and error.args[0] in SHUT_OUT_CODES


def _is_without_tables(error: Exception) -> bool:
	return type(error).__name__ == "ProgrammingError" and bool(error.args) and error.args[0] == NO_TABLE


def _is_closed(database: Database) -> bool:
	"""Whether this is a web request's own database, and its site is closed by a job of ours: it is answered 503 in any case."""
	if not _is_requests_own(database):
		return False
	now = framework.site_config_anew()
	return HELD in now and bool(now.get("maintenance_mode")) and not now.get("allow_reads_during_maintenance")


def _is_requests_own(database: Database) -> bool:
	return bool(getattr(local, "request", None)) and database is getattr(local, "db", None)


def _is_swapped_away(database: Database) -> bool:
	"""Whether this is a web request's own database, and the site's folder names another one, or is just being swapped."""
	if not _is_requests_own(database):
		return False
	now = framework.site_config_anew()
	return HELD in now or now.get("db_name") != local.conf.get("db_name")


def _stop(error: Exception) -> NoReturn:
	local.flags[IS_SWAPPED] = True
	raise SiteSwappedError("The site has another database by now.") from error


def _answer_errors() -> None:
	app = sys.modules.get("frappe.app")  # there in a web process, and in no other
	if app and not getattr(app.handle_exception, "sees_swaps", False):
		app.handle_exception = _answering(app.handle_exception)


def _answering(original: Callable) -> Callable:
	"""`frappe.app.handle_exception`."""

	@wraps(original)
	def handle_exception(error: Exception) -> Response:
		if local.flags.get(IS_SWAPPED):
			return _come_again()
		try:
			return original(error)
		except SiteSwappedError:  # it has asked the database itself
			return _come_again()

	handle_exception.sees_swaps = True
	return handle_exception


def _come_again() -> Response:
	"""HTTP 503 for people and programs alike. From here on the request has no database: translations would come from there, too."""
	database, local.db = local.db, None
	with suppress(Exception):  # its connection is gone already
		database.close()
	answer = {
		"message": "This site is back in a second. Please try again.",
		"exc_type": "SiteSwappedError",
	}
	return Response(
		json.dumps(answer),
		status=closed_for_now.UNAVAILABLE,
		content_type="application/json",
		headers={"Retry-After": str(closed_for_now.SWAP), "Cache-Control": "no-store"},
	)
