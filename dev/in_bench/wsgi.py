"""Frappe's WSGI application with its static files, for gunicorn without nginx before it. Runs in the bench's env.

`bench serve` puts two middlewares around the same application (frappe/app.py). The one for /assets is used here, too. The one for /files
is not safe: it joins the Host header and the path to the folder of sites unchanged, so it serves any file of the bench's user. It also
keeps the request in an attribute, where the request of another thread may be. PublicFiles is strict instead.
"""

import os
from collections.abc import Callable, Iterable
from contextvars import ContextVar

from frappe.app import application as frappe_application
from frappe.utils import get_site_name
from werkzeug.exceptions import NotFound
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.utils import safe_join
from werkzeug.wrappers import Request, Response

from buildpro_saas.tenant_site import strict_names

_host: ContextVar[str] = ContextVar("host", default="")


class PublicFiles(SharedDataMiddleware):
	"""A site's public files. The site goes by its one name only, and files only from below its own folder of public files."""

	def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
		_host.set(environ.get("HTTP_HOST", ""))
		return super().__call__(environ, start_response)

	def get_directory_loader(self, directory: str) -> Callable:
		def loader(path: str | None) -> tuple[str | None, Callable | None]:
			found = _public_file(directory, get_site_name(_host.get()), path or "")
			# Frappe answers for a file that is not there, as behind nginx
			return (os.path.basename(found), self._opener(found)) if found else (None, None)

		return loader


def _public_file(sites: str, site: str, path: str) -> str | None:
	if not strict_names.is_site(site, sites):
		return None
	folder = os.path.join(sites, site, "public", "files")
	found = safe_join(folder, path)
	is_below = found and os.path.realpath(found).startswith(os.path.realpath(folder) + os.sep)
	return found if is_below and os.path.isfile(found) else None


def plain(application: Callable) -> Callable:
	"""Answer a path that leads upward, or has a NUL, with 404. The application sees plain paths only."""

	def strict(environ: dict, start_response: Callable) -> Iterable[bytes]:
		path = environ.get("PATH_INFO", "")
		return (application if strict_names.is_plain_path(path) else NotFound())(environ, start_response)

	return strict


class NoSocketServer:
	"""Tells Desk that there is no socket.io server here, as nginx would.

	Desk asks for one on every page, and without an answer four times. Its protocol has a word for a connection that is refused (packet
	44); then it does not try again. Desk polls instead.
	"""

	PATH = "/socket.io/"
	OPEN = '0{"sid":"none","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
	REFUSED = '44{name}{{"message":"This bench has no socket.io server."}}'
	BETWEEN_PACKETS = "\x1e"

	def __init__(self, application):
		self.application = application

	def __call__(self, environ, start_response):
		if not environ.get("PATH_INFO", "").startswith(self.PATH):
			return self.application(environ, start_response)
		return Response(self.answer(Request(environ)), mimetype="text/plain")(environ, start_response)

	def answer(self, request: Request) -> str:
		if request.method == "POST":
			return "ok"
		if not request.args.get("sid"):
			return self.OPEN
		# newer frameworks connect to the site's own part of the server
		names = ("", f"/{request.host.partition(':')[0]},")
		return self.BETWEEN_PACKETS.join(self.REFUSED.format(name=name) for name in names)


sites = os.getcwd()
application = SharedDataMiddleware(
	frappe_application, {"/assets": os.path.join(sites, "assets")}, cache_timeout=60
)
application = plain(PublicFiles(application, {"/files": sites}))
application = NoSocketServer(application)
