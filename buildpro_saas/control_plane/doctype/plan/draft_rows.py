"""Rows of a plan's tables as a caller of the preview sends them, before anything is saved."""

import reprlib
from collections.abc import Mapping

import frappe
from frappe import _

from buildpro_saas.refusal import refuse


def features(given: list | str | None) -> list[dict]:
	"""[{"feature": name}] of a list, or its JSON, of rows and of names.

	Empty rows and names are left out, as in Desk's table before it is filled. Raises frappe.ValidationError for anything else, and for a
	feature that does not exist.
	"""
	names = [
		row if isinstance(row, str) else _key(row, "feature", number, _("Features"))
		for number, row in _rows(given, "feature", _("Features"))
	]
	names = [name.strip() for name in names if name and name.strip()]
	# when the plan is saved, the database decides about links, and it takes RFI for rfi
	known = {name.lower(): name for name in frappe.get_all("Feature", pluck="name")}
	for name in names:
		if name.lower() not in known:
			refuse(
				_("There is no feature {0}: use the key of one of the list Feature, or make it there first."),
				name,
				title=_("Features"),
			)
	return [{"feature": known[name.lower()]} for name in names]


def limits(given: list | str | None) -> list[dict]:
	"""Rows with limit_key and, where given, value and is_hard, of a list or its JSON. Empty rows are left out.

	Raises frappe.ValidationError for what is no row of the table.
	"""
	found = []
	for number, row in _rows(given, "limit_key", _("Limits")):
		if key := _key(row, "limit_key", number, _("Limits")):
			found.append(
				{"limit_key": key, **{field: row[field] for field in ("value", "is_hard") if field in row}}
			)
	return found


def _rows(given: list | str | None, field: str, table: str) -> list[tuple[int, object]]:
	"""The rows that are there, each with its number."""
	try:
		rows = frappe.parse_json(given)
	except (ValueError, RecursionError):  # no JSON, or nested too deep
		rows = given
	if not isinstance(rows, list):
		refuse(
			_("{0} must be a JSON list of rows, each with the field {1}; it is {2}."),
			table,
			field,
			reprlib.repr(given),
			title=table,
		)
	return [(number, row) for number, row in enumerate(rows, 1) if row is not None]


def _key(row: object, field: str, number: int, table: str) -> str | None:
	key = row.get(field, 0) if isinstance(row, Mapping) else 0
	if key is not None and not isinstance(key, str):
		refuse(
			_("Row {0} of {1} must have a name in the field {3}; it is {2}."),
			number,
			table,
			reprlib.repr(row),
			field,
			title=table,
		)
	return key
