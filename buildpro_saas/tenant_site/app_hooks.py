"""What the installed apps declare for us in their hooks.py.

It is read from the files themselves: where two apps use the same key, Frappe's own reader drops one.
"""

from collections.abc import Iterator, Mapping

import frappe


def declared(hook: str) -> Iterator[Mapping]:
	"""The dict that each installed app has under the name of a hook, in the order in which the apps were installed."""
	for app in apps():
		if found := getattr(frappe.get_module(f"{app}.hooks"), hook, None):
			yield found


def apps() -> list[str]:
	"""The apps of this site. An app that is gone from the bench is left out, as Frappe does."""
	return frappe.get_installed_apps(_ensure_on_bench=True)
