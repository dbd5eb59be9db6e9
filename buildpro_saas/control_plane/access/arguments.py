"""Arguments of methods that are called over HTTP: none missing, none unknown, each of its type."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import get_args

from frappe import _

from buildpro_saas import given
from buildpro_saas.refusal import refuse


def checked(function: Callable) -> Callable:
	"""Decorator, to stand under @frappe.whitelist. It raises frappe.ValidationError, with a sentence, for wrong arguments.

	Python would raise TypeError for them. The types are those of the annotations: `str`, `str | None` and so on. Where an argument may be a
	list, the function itself checks its content.
	"""
	parameters = inspect.signature(function).parameters
	needed = [name for name, each in parameters.items() if each.default is each.empty and name != "self"]

	@wraps(function)
	def call(*args, **kwargs):
		bound = dict(zip(parameters, args, strict=False)) | kwargs
		if len(args) > len(parameters) or bound.keys() - parameters.keys():
			refuse(_("It takes {0} and nothing else."), _named(parameters), title=_("Arguments"))
		if missing := [name for name in needed if name not in bound]:
			refuse(_("Say {0}, too."), ", ".join(missing), title=_("Arguments"))
		for name, value in bound.items():
			_check(name, value, parameters[name].annotation)
		return function(*args, **kwargs)

	return call


def _check(name: str, value: object, annotation: object) -> None:
	if name == "self":
		return
	types = get_args(annotation) or (annotation,)
	# draft_rows.py has sentences of its own for rows
	if list not in types and (not isinstance(value, types) or isinstance(value, bool)):
		wanted = " / ".join(given.kind_of(each()) for each in types if each is not type(None))
		refuse(_("{0} must be {1}; it is {2}."), name, wanted, given.kind_of(value), title=_("Arguments"))
	if isinstance(value, str):
		given.check_whole(value, name)


def _named(parameters) -> str:
	return ", ".join(name for name in parameters if name != "self") or _("no arguments")
