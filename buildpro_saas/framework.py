"""What the framework that this app runs on can do: each capability has a name here, and is asked for once.

No version is compared. A framework that has something is asked for it; how a function behaves is found by trying it, with what it reaches
for replaced (`_tried`), since neither its name nor its arguments tell. tests/site/test_seams.py holds all that we use against the framework.
"""

import inspect
from collections.abc import Callable
from functools import cache, wraps
from importlib.util import find_spec
from types import FunctionType, SimpleNamespace
from typing import Any

import frappe

PROBE = "BuildPro Probe"
EVERY = "*"
# Under which names a bench's configuration has the addresses of its Redis servers.
REDIS_SERVERS = ("redis_cache", "redis_queue", "redis_socketio")


# -- permissions -----------------------------------------------------------------------------------------------------


@cache
def undecided() -> bool | None:
	"""What a `has_permission` hook answers that leaves it to the roles and to other hooks.

	Up to 15: None. There the first hook with another answer has the last word, so that True would keep others from denying. From 16 on: True.
	There whatever is not true denies. So it is taken to be where a later framework cannot be tried.
	"""
	try:
		return None if _hooks_allow({PROBE: ["_"]}, None) else True
	except AttributeError:  # the function reaches for more than is replaced
		return True


@cache
def has_hooks_of_all_doctypes() -> bool:
	"""Whether `has_permission` and `permission_query_conditions` are asked under `*`, too, and a condition told its doctype: from 15 on."""
	try:
		return not _hooks_allow({EVERY: ["_"]}, False) and _conditions_of({EVERY: ["_"]}) == PROBE
	except AttributeError:  # as above; hooks of single doctypes are in every framework
		return False


def ask_hooks_of_all_doctypes() -> None:
	"""Have a framework without them, that of 2023, ask the hooks under `*` as well as those of the doctype. Later ones do so themselves."""
	from frappe import permissions
	from frappe.model.db_query import DatabaseQuery

	original, conditions = (
		permissions.has_controller_permissions,
		DatabaseQuery.get_permission_query_conditions,
	)
	if has_hooks_of_all_doctypes() or getattr(original, "asks_all", False):
		return

	@wraps(original)
	def permissions_of_all(doc, ptype, user=None):
		answers = [original(doc, ptype, user=user)]
		for method in frappe.get_hooks("has_permission").get(EVERY, ()):
			user = user or frappe.session.user
			answers.append(frappe.call(frappe.get_attr(method), doc=doc, ptype=ptype, user=user))
		return False if False in answers else next((each for each in answers if each is not None), None)

	@wraps(conditions)
	def conditions_of_all(self):
		found = [conditions(self)]
		for method in frappe.get_hooks("permission_query_conditions", {}).get(EVERY, ()):
			found.append(frappe.call(frappe.get_attr(method), self.user, doctype=self.doctype))
		return " and ".join(f"({each})" for each in found if each)

	permissions_of_all.asks_all = True
	permissions.has_controller_permissions = permissions_of_all
	DatabaseQuery.get_permission_query_conditions = conditions_of_all


def _hooks_allow(hooks: dict, answer: bool | None) -> bool:
	"""What the framework makes of permission hooks that all give this answer."""
	from frappe.permissions import has_controller_permissions

	allowed = _tried(has_controller_permissions, hooks, lambda *_, **__: answer)(
		SimpleNamespace(doctype=PROBE), "read", user="Guest"
	)
	return allowed is not False  # up to the early 15, None for "nobody decided"


def _conditions_of(hooks: dict) -> str:
	"""The condition of a list on which a hook answers with the doctype that it is told."""
	from frappe.model.db_query import DatabaseQuery

	tried = _tried(
		DatabaseQuery.get_permission_query_conditions, hooks, lambda *_, doctype="", **__: doctype or "1 = 1"
	)
	return tried(SimpleNamespace(doctype=PROBE, user="Guest"))


def _tried(function: Callable, hooks: dict, call: Callable) -> Callable:
	"""A copy of the function for which the framework has these hooks alone, and does this when it calls one; nothing else is touched."""
	function = inspect.unwrap(function)
	stand_in = SimpleNamespace(get_hooks=lambda *_: hooks, get_attr=lambda name: name, call=call)
	names = {**function.__globals__, "frappe": stand_in, "get_server_script_map": dict}
	copy = FunctionType(
		function.__code__, names, function.__name__, function.__defaults__, function.__closure__
	)
	copy.__kwdefaults__ = function.__kwdefaults__
	return copy


# -- what is kept ----------------------------------------------------------------------------------------------------


@cache
def keeps_site_config() -> bool:
	"""Whether web requests get site_config.json as the process kept it, for up to a minute: from 16 on."""
	return "cached" in inspect.signature(frappe.get_site_config).parameters


def site_config_anew() -> dict:
	"""The current site's configuration from its files; from now on this process has it so."""
	from frappe.config import clear_site_config_cache

	clear_site_config_cache()
	return frappe.get_site_config(frappe.local.sites_path, frappe.local.site_path, cached=True)


def cache_key_of(database: str, name: str) -> bytes:
	"""The key in Redis under which the framework keeps something of the site with that database, whatever site this process is on."""
	return f"{database}|{name}".encode()


def queues() -> list[str]:
	"""The bench's queues by the configuration of now; up to 15 and in 16 a process keeps those that it met first, in early ones not."""
	from frappe.utils.background_jobs import get_queues_timeout

	if forget := getattr(get_queues_timeout, "cache_clear", None):
		forget()
	# not what is kept: another thread, whose request began earlier, may just have filled that anew
	return list(getattr(get_queues_timeout, "__wrapped__", get_queues_timeout)())


def loggers() -> dict:
	"""Loggers by name that the process keeps, each with an open file."""
	return getattr(frappe, "loggers", {})


def translations_reader() -> Callable | None:
	"""The function by which the framework looks up all translations of a language, where it asks one; replaced in record_names.py."""
	import frappe.translate

	return getattr(frappe.translate, "get_all_translations", None)


def defaults_cache() -> tuple[Callable | None, tuple[str, ...]]:
	"""The function that clears what is cached as a default is set (None: by another name), and the keys of defaults that concern all."""
	import frappe.defaults

	return getattr(frappe.defaults, "_clear_cache", None), tuple(
		getattr(frappe.defaults, "common_default_keys", ())
	)


# -- what is there ---------------------------------------------------------------------------------------------------


@cache
def has_health_report() -> bool:
	"""The doctype System Health Report: from 15 on."""
	return find_spec("frappe.desk.doctype.system_health_report") is not None


@cache
def names_database_apart() -> bool:
	"""Whether get_db tells the database from its user (`cur_db_name`): from 15 on. Before, it opens the one of the user's name."""
	from frappe.database import get_db

	return "cur_db_name" in inspect.signature(get_db).parameters


def found(owner: Any, *names: str) -> list[Any]:
	"""Of these functions those that the framework has: some came with a later version, or went."""
	return [value for name in names if (value := getattr(owner, name, None)) is not None]


@cache
def sets_users_time_zone() -> bool:
	"""Whether the set-up wizard gives the framework's own users the site's time zone, too: from 15 on."""
	from frappe.desk.page.setup_wizard import setup_wizard

	return hasattr(setup_wizard, "set_timezone")


# -- whom and what it knows ------------------------------------------------------------------------------------------


def automatic_roles() -> set[str]:
	"""Roles that users have by themselves, never in a list of theirs; a name of the framework's from 15 on."""
	from frappe import permissions

	return set(getattr(permissions, "AUTOMATIC_ROLES", ("Guest", "All", "Administrator")))


def is_in_test() -> bool:
	"""Whether tests are being run: from 16 on `frappe.in_test`, before it a flag, which 16 knows too."""
	return bool(getattr(frappe, "in_test", False) or frappe.flags.in_test)


def is_set_up() -> bool:
	"""Whether the set-up wizard has been gone through; later in 15 that came to be kept for each app."""
	if hasattr(frappe, "is_setup_complete"):
		# not what 16 keeps for the request or job: the wizard may have been gone through in it
		return bool(inspect.unwrap(frappe.is_setup_complete)())
	from frappe.utils import cint

	return bool(cint(frappe.db.get_single_value("System Settings", "setup_complete", cache=False)))
