"""URLs that are files (`file:`) are opened for no tenant's request or job: not by urllib, and so not by WeasyPrint nor in a mail's style.

A page, a style or a picture of a tenant's can name any. Nothing in Frappe needs one: its pages name addresses of the site.
"""

import urllib.request
from collections.abc import Callable
from functools import wraps
from typing import Any

from buildpro_saas.tenant_site.sandbox import acting, readable

# (class, method) of urllib's; the older class is gone from Python 3.14 on.
METHODS = tuple(
	(getattr(urllib.request, owner), name)
	for owner, names in {
		"FileHandler": ("file_open", "open_local_file"),
		"URLopener": ("open_file", "open_local_file"),
	}.items()
	if hasattr(urllib.request, owner)
	for name in names
)


def refused(original: Callable) -> Callable:
	"""The method that opens such a URL, which a tenant's request or job is refused, as a file that may not be read."""

	@wraps(original)
	def open_file(opener: Any, asked: Any) -> Any:
		if acting.site() is not None:
			readable.refuse(getattr(asked, "full_url", asked))
		return original(opener, asked)

	return open_file
