"""Checks keys of limits and apps, numbers, and tables in which each key may stand once."""

import re

from frappe import _
from frappe.utils import cint

from buildpro_saas.entitlements.layers import MOST
from buildpro_saas.refusal import refuse

KEY = re.compile(r"[a-z][a-z0-9_]{0,60}")  # also how bench wants the name of an app's Python package


def check_name(value: str | None, what: str) -> str:
	"""The name in small letters. Raises frappe.ValidationError when it cannot be the name of a plan's `what` ("limit", "app")."""
	name = (value or "").strip().lower()
	if not KEY.fullmatch(name):
		refuse(
			_("{0} cannot be the name of a plan's {1}: use small letters, digits and underscores."),
			name or "''",
			what,
		)
	return name


def check_number(value: object, least: int, what: str) -> int:
	"""The whole number of a row, from `least` to MOST. Raises frappe.ValidationError for any other. what: names it in the message."""
	number = cint(value)
	if not least <= number <= MOST:
		refuse(_("{0} must be {1} to {2}: enter such a number."), what, least, MOST, title=_("Number"))
	return number


def check_once(rows, field: str, where: str | None = None) -> None:
	"""Raise frappe.ValidationError when two rows have the same value in the field."""
	seen = set()
	for row in rows:
		if row.get(field) in seen:
			refuse(
				_("{0} is in {1} twice: take one of the two rows out."),
				row.get(field),
				where or _("the table"),
			)
		seen.add(row.get(field))
