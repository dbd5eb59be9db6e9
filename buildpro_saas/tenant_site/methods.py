"""Refuses whitelisted methods that a feature gates, before the request reaches them, whatever name the request uses."""

import re
from collections.abc import Callable, Iterator

import frappe
from frappe import local
from frappe.modules.utils import load_doctype_module

from buildpro_saas import site_role
from buildpro_saas.tenant_site import gates, request_target

# A function's dotted name, or a Server Script's; no text, JSON or file is one.
NAME = re.compile(r"[A-Za-z_][\w.]{0,200}")


def refuse_gated() -> None:
	"""Hook `before_request`: raise FeatureNotAvailableError when the request calls a method that this site's plan lacks.

	One function can have many names, so functions are compared. Where no feature gates a method, nothing is looked up.
	"""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return
	gated = gates.current().others["Method"]
	if not gated:
		return
	names = set(_called_names())
	functions = [function for function in map(_find, names) if function is not None]
	for name in gated:
		if name in names or _find(name) in functions:
			gates.require_name("Method", name)


def _called_names() -> Iterator[str]:
	"""Every name by which the request may call a method, and the names of apps' overrides of it."""
	parts = request_target.method_path()
	# Some of Frappe's methods call another that the caller names, each by a parameter of its own (mapper, search, tree, calendar, …).
	names = [*local.form_dict.values(), *parts[:1]]
	if len(parts) > 1:
		names.append(_of_controller(*parts[:2]))
	overrides = frappe.get_hooks("override_whitelisted_methods", {})
	for name in names:
		if isinstance(name, str) and NAME.fullmatch(name):
			yield name
			yield from overrides.get(name, ())[-1:]


def _of_controller(doctype: str, method: str) -> str | None:
	"""/api/v2/method/RFI/close is the function `close` in the module of RFI's controller."""
	if not frappe.db.exists("DocType", doctype):
		return None  # Frappe says so itself
	return f"{load_doctype_module(doctype).__name__}.{method}"


def _find(name: str) -> Callable | None:
	"""The function of that name, as frappe.get_attr finds it. None where there is none: Frappe then complains itself."""
	module, _dot, function = name.rpartition(".")
	if name.partition(".")[0] not in frappe.get_installed_apps():
		return None
	try:
		return getattr(frappe.get_module(module), function, None)
	except (ImportError, ValueError):
		return None
