"""No tenant's request or job opens a `file:` URL: not by urllib, and so not by WeasyPrint nor in a mail's style.

A tenant's page, style or picture can name any such URL. Frappe itself needs none: its pages name addresses of the site.
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
	"""urllib's method that opens a file. For a tenant's request or job it raises what a file raises that may not be read."""

	@wraps(original)
	def open_file(opener: Any, asked: Any) -> Any:
		if acting.site() is not None:
			readable.refuse(getattr(asked, "full_url", asked))
		return original(opener, asked)

	return open_file
