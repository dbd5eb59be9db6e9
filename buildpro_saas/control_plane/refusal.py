"""How bad input is refused: one sentence that says what to change."""

from typing import NoReturn

import frappe
from frappe.utils import escape_html


def refuse(
	sentence: str, *values: object, title: str | None = None, error: type[Exception] = frappe.ValidationError
) -> NoReturn:
	"""Raise `error` with the (translated) sentence, {0}… filled with values; they may come from anybody and are escaped."""
	frappe.throw(sentence.format(*(escape_html(str(value)) for value in values)), error, title=title)
