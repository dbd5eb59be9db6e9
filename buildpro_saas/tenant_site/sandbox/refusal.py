"""What the author of a template, condition or file is told when it does more than it may on a tenant's site."""

from collections.abc import Callable
from html import escape
from typing import NoReturn

import frappe
from frappe import _


class SandboxError(frappe.PermissionError):
	"""A user's template or expression asked for more than reading (HTTP 403)."""


class SandboxTimeoutError(SandboxError):
	"""A user's template or expression took too long."""


class SandboxSizeError(SandboxError):
	"""A user's template or expression would make more than the machine should hold."""


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
	"""Raise SandboxTimeoutError. seconds: the limit that was passed."""
	frappe.throw(
		_(
			"This template or condition took longer than {0} seconds and was stopped. Please make it simpler."
		).format(seconds),
		SandboxTimeoutError,
		title=_("Template stopped"),
	)


def refuse_large(what: str) -> NoReturn:
	"""Raise SandboxSizeError. what: the operation, function or filter that would make or read too much."""
	frappe.throw(
		_(
			"{0} would take more memory or time than templates and conditions may use. Please give it less: a shorter text or list, or a smaller number."
		).format(f"<b>{escape(str(what))}</b>"),
		SandboxSizeError,
		title=_("Too large for a template"),
	)


def refuse_steps() -> NoReturn:
	"""Raise SandboxTimeoutError for a text that does more than it may, however fast."""
	frappe.throw(
		_(
			"This template or condition does too much and was stopped. Please make it simpler, or show fewer rows."
		),
		SandboxTimeoutError,
		title=_("Template stopped"),
	)
