"""Frappe's WSGI application with its static files, for gunicorn without nginx before it. Runs in the bench's env.

`bench serve` adds the same two middlewares around the same application (frappe/app.py), but serves with one process
of Werkzeug's development server.
"""

import os

from frappe.app import application
from frappe.middlewares import StaticDataMiddleware
from werkzeug.middleware.shared_data import SharedDataMiddleware

sites = os.getcwd()
application = SharedDataMiddleware(application, {"/assets": os.path.join(sites, "assets")}, cache_timeout=60)
application = StaticDataMiddleware(application, {"/files": sites})
