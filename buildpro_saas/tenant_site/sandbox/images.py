"""Frappe's functions that put a file of the site into a page: on tenants' sites they refuse a path with `..`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import frappe.utils.data

from buildpro_saas import framework
from buildpro_saas.tenant_site.sandbox.refusal import refuse

FUNCTIONS = ("get_thumbnail_base64_for_image", "image_to_base64", "pdf_to_base64")


def replacements() -> dict[Callable, Callable]:
	"""{function that this Frappe has: one that looks at the path first}."""
	found = framework.found(frappe.utils.data, *FUNCTIONS)
	return {function: _within_the_site(function) for function in found}


def _within_the_site(function: Callable) -> Callable:
	@wraps(function)
	def checked(source: Any, *args, **kwargs) -> Any:
		if isinstance(source, str) and ".." in source.replace("\\", "/").split("/"):
			refuse(source)
		return function(source, *args, **kwargs)

	return checked
