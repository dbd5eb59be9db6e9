"""Which rows of a document's tables are created, changed or deleted when the document is saved. Frappe calls no event for a row.

A row that stays as it is needs no permission from the plan. So people can still work on a document that was made under a larger
plan.
"""

from collections.abc import Container, Iterator

from frappe.model import no_value_fields
from frappe.utils import cast

# Events in which rows may be created, changed or deleted with their document.
SAVING = frozenset({"before_validate", "before_update_after_submit"})
# Other events, and the operation that each is on every row.
TO_ALL = {"before_cancel": "submit", "before_discard": "write", "on_trash": "delete"}


def in_tables_of(doc, doctypes: Container[str]) -> list[tuple[str, str]]:
	"""(field, doctype of its rows) of the document's tables whose rows are of one of the doctypes."""
	return [(df.fieldname, df.options) for df in doc.meta.get_table_fields() if df.options in doctypes]


def operations(doc, fieldname: str, method: str | None) -> set[str]:
	"""Which of gates.OPERATIONS the event `method` does to the rows of a table."""
	rows = doc.get(fieldname) or ()
	if method not in SAVING:
		return {TO_ALL[method]} if rows and method in TO_ALL else set()
	before = stored(doc, fieldname)
	found = {"delete"} if before.keys() - {row.name for row in rows} else set()
	for row in rows:
		if (old := before.get(row.name)) is None:
			found.add("create")
		elif _differs(row, old):
			found.add("write")
	if rows and getattr(doc, "_action", None) == "submit":
		found.add("submit")
	return found


def stored(doc, fieldname: str) -> dict:
	"""The rows of a table as they are stored, by name."""
	before = None if doc.is_new() else doc.get_doc_before_save()
	return {row.name: row for row in (before.get(fieldname) or ())} if before else {}


def with_stored(doc, fieldname: str) -> Iterator[tuple]:
	"""(row, the same row as it is stored, or None) of a table."""
	before = stored(doc, fieldname)
	for row in doc.get(fieldname) or ():
		yield row, before.get(row.name)


def _differs(row, old) -> bool:
	"""Whether a field has another value. Both values are cast first: a client sends text where the database has a number."""
	return any(
		cast(df.fieldtype, row.get(df.fieldname)) != cast(df.fieldtype, old.get(df.fieldname))
		for df in row.meta.fields
		if df.fieldtype not in no_value_fields and not df.get("is_virtual")
	)
