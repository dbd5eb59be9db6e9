"""Arguments of what is called over HTTP: all that are needed, none that there is not, each of its type."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import get_args

from frappe import _

from buildpro_saas.control_plane.access import field_values
from buildpro_saas.refusal import refuse


def checked(function: Callable) -> Callable:
	"""Decorator, to stand under @frappe.whitelist: what Python would raise TypeError for is frappe.ValidationError with a sentence.

	The types are those of the annotations: `str`, `str | None` and so on. Where one may be a list, the function itself looks at what it gets.
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
	# rows have sentences of their own
	if list not in types and (not isinstance(value, types) or isinstance(value, bool)):
		wanted = " / ".join(field_values.kind_of(each()) for each in types if each is not type(None))
		refuse(
			_("{0} must be {1}; it is {2}."), name, wanted, field_values.kind_of(value), title=_("Arguments")
		)
	if isinstance(value, str):
		field_values.check_whole(value, name)


def _named(parameters) -> str:
	return ", ".join(name for name in parameters if name != "self") or _("no arguments")
