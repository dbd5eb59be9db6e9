"""What a tenant's users write and the bench's process runs, kept to reading and to their own site.

Templates (templates.py) and expressions (expressions.py) see what names.py lists, by the rules of reading.py, for a bounded time
(budget.py); the database answers reading questions alone (queries.py). Whatever writes files keeps to the site's folder (files.py).
Server Scripts are not changed: the operator switches them on for a bench, or not.
"""

import sys
from collections.abc import Callable

import frappe
from frappe.utils import jinja, safe_exec

from buildpro_saas import framework
from buildpro_saas.tenant_site.sandbox import expressions, files, templates


def install() -> None:
	"""Put the sandbox into this process: it judges on tenants' sites alone. Frappe has no extension points for it."""
	_wrap(jinja.get_jenv, templates.wrapped)
	_wrap(jinja.render_template, templates.told_plainly)
	_wrap(frappe.safe_eval, expressions.wrapped)
	for safe_eval in framework.found(safe_exec, "safe_eval"):
		_wrap(safe_eval, expressions.wrapped)
	files.install()


def _wrap(original: Callable, wrapper: Callable) -> None:
	"""Replace the function in every module that has it under some name, as `from x import y` leaves it."""
	if getattr(original, "is_buildpro_sandbox", False):
		return
	replacement = wrapper(original)
	replacement.is_buildpro_sandbox = True
	for module in list(sys.modules.values()):
		for name, value in list(getattr(module, "__dict__", {}).items()):
			if value is original and name != "__wrapped__":
				setattr(module, name, replacement)
