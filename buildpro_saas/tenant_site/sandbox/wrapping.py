"""Puts functions of ours in the place of the framework's, in this process, once."""

import sys
from collections.abc import Callable


def replace(original: Callable, wrapper: Callable) -> None:
	"""Replace the function in every module that has it under some name, as `from x import y` leaves it."""
	if getattr(original, "is_buildpro_sandbox", False):
		return
	replacement = wrapper(original)
	replacement.is_buildpro_sandbox = True
	for module in list(sys.modules.values()):
		for name, value in list(getattr(module, "__dict__", {}).items()):
			if value is original and name != "__wrapped__":
				setattr(module, name, replacement)


def replace_method(owner: type, name: str, wrapper: Callable) -> None:
	"""Replace the method of a class."""
	original = getattr(owner, name)
	if not getattr(original, "is_buildpro_sandbox", False):
		replacement = wrapper(original)
		replacement.is_buildpro_sandbox = True
		setattr(owner, name, replacement)
