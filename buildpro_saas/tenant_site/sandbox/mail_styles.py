"""An e-mail can name style sheets. On tenants' sites only those of apps are opened, not any file of the machine.

Frappe has premailer put style sheets into the mail, and allows it local files for Frappe's own style (`external_styles`).
premailer opens a `<link>` in a tenant's template in the same way.
"""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from buildpro_saas.tenant_site.sandbox import acting, wrapping


def keep() -> None:
	"""Wrap Frappe's function that puts styles into mails, in this process (late.py calls it)."""
	from frappe.email import email_body

	wrapping.replace(email_body.inline_style_in_html, _wrapped)


def _wrapped(original: Callable) -> Callable:
	"""Frappe's function that puts styles into a mail. It wraps premailer first: Frappe imports that with the first mail, for it is slow."""

	@wraps(original)
	def inline_style_in_html(*args, **kwargs) -> Any:
		if acting.site() is not None:
			from premailer import Premailer

			wrapping.replace_method(Premailer, "_load_external", _judging)
		return original(*args, **kwargs)

	return inline_style_in_html


def _judging(original: Callable) -> Callable:
	"""premailer's method that opens a style sheet. One that is not of an app counts as empty."""

	@wraps(original)
	def load_external(premailer: Any, url: str) -> str:
		site = acting.site()
		if site is not None and not url.startswith(("http://", "https://", "//")) and not _is_apps(site, url):
			return ""
		return original(premailer, url)

	return load_external


def _is_apps(site: Any, path: str) -> bool:
	"""Whether the path is a style sheet below `assets` in the folder of sites. That is the process's own folder."""
	assets = os.path.join(os.path.abspath(site.sites_path), "assets", "")
	return os.path.abspath(path).startswith(assets) and path.endswith(".css")
