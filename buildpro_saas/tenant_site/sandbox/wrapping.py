"""Replaces functions of the framework's by ours, in this process, once each."""

import sys
from collections.abc import Callable


def replace(original: Callable, wrapper: Callable) -> None:
	"""Replace the function in every module that has it, under whatever name. wrapper: takes the function, returns ours."""
	if getattr(original, "is_buildpro_sandbox", False):
		return
	replacement = wrapper(original)
	replacement.is_buildpro_sandbox = True
	for module in list(sys.modules.values()):
		for name, value in list(getattr(module, "__dict__", {}).items()):
			if value is original and name != "__wrapped__":
				setattr(module, name, replacement)


def replace_method(owner: type, name: str, wrapper: Callable) -> None:
	"""Replace a method of a class. wrapper: takes the method, returns ours."""
	original = getattr(owner, name)
	if not getattr(original, "is_buildpro_sandbox", False):
		replacement = wrapper(original)
		replacement.is_buildpro_sandbox = True
		setattr(owner, name, replacement)
