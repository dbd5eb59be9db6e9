"""What the framework that this app runs on can do. Each capability has a name here, and is asked for once.

No version numbers are compared. Where the framework has a function or not, it is asked for it. Where a function behaves in one way or
another, it is tried, with what it calls replaced (`_tried`): its name and arguments do not tell. tests/site/test_seams.py holds all that
we use against the framework.
"""

import inspect
from collections import deque
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
	"""The answer of a `has_permission` hook that leaves the decision to the roles and to other hooks.

	Up to 15: None. There the first hook with another answer decides, so True would keep later hooks from denying. From 16 on: True. There
	anything that is not true denies. Where a framework cannot be tried, it is taken for a later one.
	"""
	try:
		return None if _hooks_allow({PROBE: ["_"]}, None) else True
	except AttributeError:  # the function reaches for more than is replaced
		return True


@cache
def has_hooks_of_all_doctypes() -> bool:
	"""Whether the framework calls permission hooks under `*`, and tells a condition its doctype: from 15 on.

	The hooks are `has_permission` and `permission_query_conditions`.
	"""
	try:
		return not _hooks_allow({EVERY: ["_"]}, False) and _conditions_of({EVERY: ["_"]}) == PROBE
	except AttributeError:  # as above; hooks of single doctypes are in every framework
		return False


def ask_hooks_of_all_doctypes() -> None:
	"""Have the framework of 2023 call the permission hooks under `*`, too. Later ones do so themselves: nothing is done."""
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
	"""Whether the framework allows, when its permission hooks are `hooks` and each gives this answer."""
	from frappe.permissions import has_controller_permissions

	allowed = _tried(has_controller_permissions, hooks, lambda *_, **__: answer)(
		SimpleNamespace(doctype=PROBE), "read", user="Guest"
	)
	return allowed is not False  # up to the early 15, None for "nobody decided"


def _conditions_of(hooks: dict) -> str:
	"""The condition of a list when each hook answers with the doctype that it is told ("1 = 1" if it is told none)."""
	from frappe.model.db_query import DatabaseQuery

	tried = _tried(
		DatabaseQuery.get_permission_query_conditions, hooks, lambda *_, doctype="", **__: doctype or "1 = 1"
	)
	return tried(SimpleNamespace(doctype=PROBE, user="Guest"))


def _tried(function: Callable, hooks: dict, call: Callable) -> Callable:
	"""A copy of the function, for which the framework has only these hooks. It calls `call` where it would call a hook.

	Nothing else is touched.
	"""
	function = inspect.unwrap(function)
	stand_in = SimpleNamespace(get_hooks=lambda *_: hooks, get_attr=lambda name: name, call=call)
	names = {**function.__globals__, "frappe": stand_in, "get_server_script_map": dict}
	copy = FunctionType(
		function.__code__, names, function.__name__, function.__defaults__, function.__closure__
	)
	copy.__kwdefaults__ = function.__kwdefaults__
	return copy


# -- events of documents ---------------------------------------------------------------------------------------------


def listen(doctype: str, event: str, handler: str) -> None:
	"""Have `handler` (a dotted name) called at an event of a doctype's documents, for the rest of this request or job.

	A hook under `*` costs each document ten microseconds: the framework looks up each handler again, at each event.
	"""
	hooks = frappe.get_doc_hooks()
	events = hooks.get(doctype, {})
	if handler not in (there := events.get(event, ())):
		hooks[doctype] = {**events, event: [*there, handler]}


# -- transactions ----------------------------------------------------------------------------------------------------


def call_first(callbacks: Any, callback: Callable[[], None]) -> None:
	"""Have `callback` called before those that a manager (frappe.db.after_commit and its like) has so far.

	The manager calls them in their order, and none any more once one has raised.
	"""
	callbacks.add(callback)
	if isinstance(waiting := getattr(callbacks, "_functions", None), deque):
		waiting.rotate(1)


# -- what is kept ----------------------------------------------------------------------------------------------------


@cache
def keeps_site_config() -> bool:
	"""Whether a web request may get site_config.json as the process read it up to a minute ago: from 16 on."""
	return "cached" in inspect.signature(frappe.get_site_config).parameters


def site_config_anew() -> dict:
	"""The current site's configuration, read again from its files. A process that keeps one keeps this from now on."""
	if not keeps_site_config():
		return frappe.get_site_config(frappe.local.sites_path, frappe.local.site_path)
	from frappe.config import clear_site_config_cache

	clear_site_config_cache()
	return frappe.get_site_config(frappe.local.sites_path, frappe.local.site_path, cached=True)


def cache_key_of(database: str, name: str) -> bytes:
	"""The key in Redis under which the framework keeps `name` for the site with that database.

	It is the same whatever site this process is on.
	"""
	return f"{database}|{name}".encode()


def queues() -> list[str]:
	"""The names of the bench's queues, by its configuration of now.

	In some versions (late 15, and 16) a process keeps the queues that it read first; that copy is dropped and not used.
	"""
	from frappe.utils.background_jobs import get_queues_timeout

	if forget := getattr(get_queues_timeout, "cache_clear", None):
		forget()
	# do not use the kept copy: another thread, whose request began earlier, may just have filled it again
	return list(getattr(get_queues_timeout, "__wrapped__", get_queues_timeout)())


def loggers() -> dict:
	"""Loggers by name that the process keeps, each with an open file."""
	return getattr(frappe, "loggers", {})


def translations_reader() -> Callable | None:
	"""The framework's function for all translations of a language, None where it has none. record_names.py replaces it."""
	import frappe.translate

	return getattr(frappe.translate, "get_all_translations", None)


def defaults_cache() -> tuple[Callable | None, tuple[str, ...]]:
	"""(the function that clears the caches when a default is set, the keys of defaults that concern all users).

	The function is None where the framework has it under another name.
	"""
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
	"""Those of these functions that the framework has. Some came with a later version, some went."""
	return [value for name in names if (value := getattr(owner, name, None)) is not None]


@cache
def sets_users_time_zone() -> bool:
	"""Whether the set-up wizard also gives the framework's own users the site's time zone: from 15 on."""
	from frappe.desk.page.setup_wizard import setup_wizard

	return hasattr(setup_wizard, "set_timezone")


# -- whom and what it knows ------------------------------------------------------------------------------------------


def automatic_roles() -> set[str]:
	"""Roles that every user has without a row in a list. From 15 on the framework has a name for them."""
	from frappe import permissions

	return set(getattr(permissions, "AUTOMATIC_ROLES", ("Guest", "All", "Administrator")))


def is_in_test() -> bool:
	"""Whether tests are being run: from 16 on `frappe.in_test`, before it a flag, which 16 knows too."""
	return bool(getattr(frappe, "in_test", False) or frappe.flags.in_test)


def is_set_up() -> bool:
	"""Whether somebody has gone through the set-up wizard. Since late 15 this is kept for each app."""
	if hasattr(frappe, "is_setup_complete"):
		# not what 16 keeps for the request or job: the wizard may have been gone through in it
		return bool(inspect.unwrap(frappe.is_setup_complete)())
	from frappe.utils import cint

	return bool(cint(frappe.db.get_single_value("System Settings", "setup_complete", cache=False)))
