"""What somebody is told whose template, condition or file does more than it may on a tenant's site."""

from collections.abc import Callable
from html import escape
from typing import NoReturn

import frappe
from frappe import _


class SandboxError(frappe.PermissionError):
	"""A user's template or expression asked for more than reading (HTTP 403)."""


class SandboxTimeoutError(SandboxError):
	"""A user's template or expression took too long."""


def refuse(what: str) -> NoReturn:
	"""Raise SandboxError. what: the name that was asked for, as its author wrote it."""
	frappe.throw(
		_("{0} is not available in templates and conditions: they may only read. Please take it out.").format(
			f"<b>{escape(str(what))}</b>"
		),
		SandboxError,
		title=_("Not allowed in a template"),
	)


def refusing(what: str) -> Callable:
	"""A function that refuses with this name, whatever it is given."""

	def refused(*args, **kwargs) -> NoReturn:
		refuse(what)

	return refused


def refuse_slow(seconds: int) -> NoReturn:
	"""Raise SandboxTimeoutError."""
	frappe.throw(
		_(
			"This template or condition took longer than {0} seconds and was stopped. Please make it simpler."
		).format(seconds),
		SandboxTimeoutError,
		title=_("Template stopped"),
	)
