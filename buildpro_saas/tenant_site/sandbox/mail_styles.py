"""Style sheets that an e-mail's text names: on tenants' sites those of apps alone, not any file of the machine.

Frappe has premailer put them into the mail, and allows it local files for its own style (`external_styles`). A `<link>` in a
template of a tenant's is opened the same way.
"""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from buildpro_saas.tenant_site.sandbox import acting


def wrapped(original: Callable) -> Callable:
	"""`frappe.email.email_body.inline_style_in_html`, before which premailer is kept. It is imported by the first mail, for it is slow."""

	@wraps(original)
	def inline_style_in_html(*args, **kwargs) -> Any:
		if acting.site() is not None:
			_keep()
		return original(*args, **kwargs)

	return inline_style_in_html


def _keep() -> None:
	from premailer import Premailer

	original = Premailer._load_external
	if getattr(original, "is_buildpro_sandbox", False):
		return

	@wraps(original)
	def load_external(premailer: Premailer, url: str) -> str:
		site = acting.site()
		if site is not None and not url.startswith(("http://", "https://", "//")) and not _is_apps(site, url):
			return ""
		return original(premailer, url)

	load_external.is_buildpro_sandbox = True
	Premailer._load_external = load_external


def _is_apps(site: Any, path: str) -> bool:
	"""Whether it is a style sheet below `assets` in the folder of the sites, where the process is."""
	assets = os.path.join(os.path.abspath(site.sites_path), "assets", "")
	return os.path.abspath(path).startswith(assets) and path.endswith(".css")
