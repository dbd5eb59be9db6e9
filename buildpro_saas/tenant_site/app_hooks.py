"""What the installed apps declare for us in their hooks.py, read there and not by frappe.get_hooks.

Our own hooks.py asks for it while Frappe collects the hooks: which doctypes are named in some of them follows from it.
"""

from collections.abc import Iterator, Mapping

import frappe


def declared(hook: str) -> Iterator[Mapping]:
	"""The dict that each installed app has under the name of a hook, in the order in which the apps were installed."""
	# of an app that is gone from the bench Frappe takes no notice, either
	for app in frappe.get_installed_apps(_ensure_on_bench=True):
		if found := getattr(frappe.get_module(f"{app}.hooks"), hook, None):
			yield found
