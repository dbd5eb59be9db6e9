"""Checks values that a caller gives for fields: the field exists, and can keep the value."""

import difflib
import math
import re
import unicodedata
from collections.abc import Mapping

import frappe
import idna
from frappe import _
from frappe.model import child_table_fields, default_fields, no_value_fields, optional_fields, table_fields
from frappe.model.base_document import BaseDocument

from buildpro_saas import datetimes
from buildpro_saas.given import check_whole, kind_of
from buildpro_saas.refusal import refuse

NUMBERS = {"docstatus": "Int", "idx": "Int"}
MOMENTS = ("creation", "modified")
# What the largest column of the kind holds (frappe/database/mariadb/database.py): int(11), and decimal(21,9).
LARGEST = {"Int": 2**31 - 1, "Check": 1, "Float": 10**12 - 1, "Currency": 10**12 - 1, "Percent": 10**12 - 1}
# What Desk and the framework send beside a document's fields; keys that begin with two underscores are theirs, too.
BESIDE = {*default_fields, *child_table_fields, *optional_fields, "doctype", "flags", "localname"}
LINE_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
JOINERS = "\u200c\u200d"
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def checked(doctype: str, values: object, where: str = "") -> dict:
	"""The values as they can be set: a number for a text field becomes text.

	where: names the row in messages, such as "row 2 of Limits". Raises frappe.ValidationError with the field and what is wrong with it.
	"""
	if not isinstance(values, Mapping):
		refuse(
			_("{0} must be an object with a document's fields; it is {1}."),
			where or _(doctype),
			kind_of(values),
		)
	meta = frappe.get_meta(doctype)
	found = {}
	for key, value in values.items():
		df = meta.get_field(key) if isinstance(key, str) else None
		if df is None and not _is_beside(key):
			_refuse_unknown(meta, key, where)
		label = _label(df, key, where)
		if df and df.fieldtype in table_fields:
			value = _rows(df.options, value, _(df.label or key))
		elif df is None or df.fieldtype not in no_value_fields:
			value = _value(df.fieldtype if df else NUMBERS.get(key, "Data"), key, value, label)
			_check_choice(df, value, label)
		found[key] = value
	return found


def check_visible(value: object, label: str) -> None:
	"""Raise frappe.ValidationError for a character in a name that nobody sees, or that reverses the text around it.

	The joiners of Persian and Indic scripts are allowed where these need them (RFC 5892, appendix A).
	"""
	for position, character in enumerate(value if isinstance(value, str) else ""):
		if unicodedata.category(character) not in INVISIBLE or _joins(value, position):
			continue
		refuse(
			_("The {0} has a character that cannot be seen (U+{1}, place {2}): take it out."),
			label,
			f"{ord(character):04X}",
			position + 1,
			title=label,
		)


def on_one_line(value: object) -> object:
	"""Text with a blank in place of each tab and line end: spreadsheets bring these along. Anything but text is left as it is."""
	return LINE_BREAKS.sub(" ", value).strip() if isinstance(value, str) else value


def _is_beside(key: object) -> bool:
	return isinstance(key, str) and (key in BESIDE or key.startswith("__"))


def _refuse_unknown(meta, key: object, where: str) -> None:
	fields = [
		df.fieldname
		for df in meta.fields
		if df.fieldtype not in no_value_fields or df.fieldtype in table_fields
	]
	near = difflib.get_close_matches(str(key), fields, 1)
	sentence = (
		_("There is no field {0} in {1}: did you mean {2}?")
		if near
		else _("There is no field {0} in {1}: take it out. Nothing was changed.")
	)
	refuse(sentence, str(key)[:60], where or _(meta.name), *near, title=_("Unknown field"))


def _label(df, key: str, where: str) -> str:
	label = _(df.label) if df and df.label else key
	return f"{where}: {label}" if where else label


def _rows(doctype: str, value: object, label: str) -> list:
	if value is None or value == "":
		return []
	if not isinstance(value, list | tuple):
		refuse(_("{0} must be a list of rows; it is {1}."), label, kind_of(value), title=label)
	return [
		row
		if isinstance(row, BaseDocument)
		else checked(doctype, row, _("Row {0} of {1}").format(number, label))
		for number, row in enumerate(value, 1)
	]


def _value(fieldtype: str, key: str, value: object, label: str) -> object:
	if value is None or key == "flags" or key.startswith("__"):
		return value
	if fieldtype in LARGEST:
		return _number(fieldtype, value, label)
	if fieldtype in ("Date", "Datetime") or key in MOMENTS:
		return _moment(value, label)
	return _text(value, label)


def _text(value: object, label: str) -> object:
	if isinstance(value, int | float) and not isinstance(value, bool):
		return str(value)
	if isinstance(value, bool | list | tuple | Mapping):
		refuse(_("{0} must be text; it is {1}."), label, kind_of(value), title=label)
	if isinstance(value, str):
		check_whole(value, label)
	return value


def _check_choice(df, value: object, label: str) -> None:
	"""Raise frappe.ValidationError for text that a Select does not offer.

	Frappe refuses it, too, but only after the document's own checks, which go by what it says. A field that is only read is theirs.
	"""
	if df is None or df.fieldtype != "Select" or df.read_only or not value:
		return
	options = [option for option in (df.options or "").split("\n") if option]
	if options and str(value).strip() not in options:
		refuse(
			_("{0} cannot be {1}: choose one of {2}."), label, value, ", ".join(map(_, options)), title=label
		)


def _number(fieldtype: str, value: object, label: str) -> object:
	if isinstance(value, list | tuple | Mapping):
		refuse(_("{0} must be a number; it is {1}."), label, kind_of(value), title=label)
	try:
		number = float(value.strip() or 0) if isinstance(value, str) else float(value)
	except (ValueError, OverflowError):
		number = math.nan
	if math.isnan(number) and isinstance(value, str):
		refuse(_("{0} must be a number; it is {1}."), label, kind_of(value), title=label)
	# any comparison with NaN is false
	if not abs(number) <= LARGEST[fieldtype]:
		refuse(_("{0} must be a number of at most {1}."), label, LARGEST[fieldtype], title=label)
	return value


def _moment(value: object, label: str) -> object:
	if isinstance(value, bool | int | float | list | tuple | Mapping):
		refuse(_("{0} must be a date such as 2026-12-31; it is {1}."), label, kind_of(value), title=label)
	if isinstance(value, str) and value.strip():
		datetimes.check(value, label)
	return value


def _joins(text: str, position: int) -> bool:
	if text[position] not in JOINERS:
		return False
	try:
		return idna.core.valid_contextj(text, position)
	except (idna.IDNAError, ValueError):
		return False
