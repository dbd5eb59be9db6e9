"""What callers over HTTP give: the kinds of JSON values, in words; text and numbers."""

from collections.abc import Mapping

from frappe import _

from buildpro_saas.refusal import refuse


def kind_of(value: object) -> str:
	"""What a JSON value is, in words."""
	if value is None:
		return _("nothing")
	if isinstance(value, bool):
		return _("true or false")
	if isinstance(value, str):
		return _("text")
	if isinstance(value, int | float):
		return _("a number")
	return _("an object") if isinstance(value, Mapping) else _("a list")


def check_whole(text: str, label: str) -> None:
	"""Raise frappe.ValidationError for text with half of a character. JSON can have that, but nothing can store or send it."""
	try:
		text.encode()
	except UnicodeEncodeError:
		refuse(_("{0} has half of a character (a lone surrogate): send whole text."), label, title=label)


def text(value: object, label: str) -> str:
	"""The value, where it is whole text. Raises frappe.ValidationError for anything else."""
	if not isinstance(value, str):
		refuse(_("{0} must be {1}; it is {2}."), label, kind_of(""), kind_of(value), title=label)
	check_whole(value, label)
	return value


def count(value: object, label: str, most: int) -> int:
	"""The whole number from 0 to `most` that the value, or its text, is. Raises frappe.ValidationError for anything else."""
	try:
		number = int(value)
	except (TypeError, ValueError, OverflowError):
		number = -1
	if not 0 <= number <= most:
		refuse(_("{0} must be a whole number from 0 to {1}; it is {2}."), label, most, value, title=label)
	return number
