"""Cuts the namespace that Frappe gives to users' code down to what names.py lists."""

from typing import Any

import frappe

from buildpro_saas.tenant_site.sandbox import names, queries, sizes
from buildpro_saas.tenant_site.sandbox.refusal import refusing
from buildpro_saas.tenant_site.sandbox.stand_ins import stand_in

# Dicts of the request. A template gets copies, so that it changes nothing that decides.
COPIED = ("form_dict", "session", "flags")


def of_frappe() -> dict:
	"""`frappe` as templates see it."""
	from frappe.utils.safe_exec import get_safe_globals

	return restricted(get_safe_globals())["frappe"]


def restricted(there: dict, more: dict[str, Any] | None = None) -> dict:
	"""The namespace `there` as users' code may see it: the globals of get_safe_globals, or of Jinja's environment.

	A name that is not allowed becomes a function that refuses. more: names and functions that apps offer (hook `jinja`); they are
	kept as they are.
	"""
	kept = _kept(there, names.GLOBALS, "") | (more or {})
	if "args" in kept:
		kept["args"] = frappe._dict(kept["args"] or {})
	kept["frappe"] = _frappe(there["frappe"])
	return kept


def _frappe(there: dict) -> dict:
	is_error = {
		name for name, value in there.items() if isinstance(value, type) and issubclass(value, Exception)
	}
	kept = _kept(there, names.FRAPPE | is_error, "frappe.")
	for name in COPIED:
		kept[name] = frappe._dict(there.get(name) or {})
	kept["utils"] = _kept(there["utils"], names.UTILS, "frappe.utils.")
	kept["db"] = _kept(there["db"], names.DB, "frappe.db.")
	if "sql" in kept["db"]:
		kept["db"]["sql"] = queries.bounded(queries.sql)
	return type(there)(kept)


def _kept(there: dict, allowed: frozenset[str], prefix: str) -> dict:
	"""The allowed entries, and for the others a function that refuses with their name."""
	kept = {}
	for name, value in there.items():
		if name in allowed:
			kept[name] = _judged(f"{prefix}{name}", stand_in(value))
		elif not name.startswith("_"):
			kept[name] = refusing(f"{prefix}{name}")
	return type(there)(kept)


def _judged(name: str, value: Any) -> Any:
	"""The value as sizes judges it. `json` is a small namespace of its own."""
	if name == "json":
		return type(value)({key: sizes.function(f"json.{key}", each) for key, each in value.items()})
	return sizes.function(name, value)
