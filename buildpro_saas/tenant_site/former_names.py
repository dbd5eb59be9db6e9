"""Sends requests on that come under a name that a site of this bench had. For as long as the name is kept, nobody else gets it."""

import os
import time
from pathlib import Path
from urllib.parse import quote

import frappe
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from buildpro_saas.agent import redirects

# The method and the body stay what they were, as of an API's call (RFC 9110).
PERMANENT_REDIRECT = 308
# Seconds for which a browser may remember it: the name will be somebody else's.
REMEMBERED = 3600
SAFE = "/:@!$&'()*+,;=~"  # what stays as it is in a path


def redirected(name: str, sites: str | os.PathLike) -> HTTPException | None:
	"""The answer to the request that is under way, where the site that had that name has another one now; else None.

	name: a plain host name, which is no site's in the folder `sites`.
	"""
	now = time.time()
	if not (found := redirects.find(Path(sites), name, now)):
		return None
	headers = {"Cache-Control": f"private, max-age={int(min(found.until - now, REMEMBERED))}"}
	location = found.url + target(frappe.local.request)
	answer = Response(status=PERMANENT_REDIRECT, headers={**headers, "Location": location})
	answer.autocorrect_location_header = False
	return HTTPException(response=answer)


def target(request) -> str:
	"""Path and query of the request, as they go behind the new host name."""
	path = quote(request.path, safe=SAFE)
	query = request.query_string.decode("latin-1")
	return f"{path}?{query}" if query else path
