"""Frappe's WSGI application with its static files, for gunicorn without nginx before it. Runs in the bench's env.

`bench serve` adds the same two middlewares around the same application (frappe/app.py), but serves with one process
of Werkzeug's development server.
"""

import os

from frappe.app import application
from frappe.middlewares import StaticDataMiddleware
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.wrappers import Request, Response


class NoSocketServer:
	"""Tells Desk that there is no socket.io server here, as nginx passes its calls to none.

	Desk asks for one on every page, and without an answer four times. Its own protocol has a word for it: a connection that
	is refused (packet 44) is not tried again. What is live in Desk polls then.
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
application = SharedDataMiddleware(application, {"/assets": os.path.join(sites, "assets")}, cache_timeout=60)
application = StaticDataMiddleware(application, {"/files": sites})
application = NoSocketServer(application)
