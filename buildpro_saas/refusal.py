"""How bad input is refused: one sentence that says what to change."""

from typing import NoReturn

import frappe
from frappe.utils import escape_html

LONGEST = 1000  # characters of a value


def refuse(
	sentence: str, *values: object, title: str | None = None, error: type[Exception] = frappe.ValidationError
) -> NoReturn:
	"""Raise `error` with the (translated) sentence, {0}… filled with values. The values are escaped and shortened."""
	frappe.throw(sentence.format(*map(shown, values)), error, title=title)


def shown(value: object) -> str:
	"""A value as a message can have it: escaped for HTML, shortened, and without halves of characters, which no answer can carry."""
	text = str(value).encode(errors="replace").decode()
	return escape_html(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
