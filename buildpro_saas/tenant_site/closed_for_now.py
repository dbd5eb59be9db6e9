"""A site that is closed for a while: for maintenance, for the moment of a swap, or to writers while it is migrated.

Whoever meets it over HTTP is told when to come again, and what staff have to say. Jobs of a site that is held go back into their queue: what
they wrote would be lost.
"""

import json
import time
from html import escape

import frappe
from frappe import _, local
from rq import get_current_job
from werkzeug.wrappers import Response

from buildpro_saas.agent import site_config
from buildpro_saas.agent.facts import HELD, HELD_BY, MAINTENANCE, PUT_BACK

UNAVAILABLE = 503
# Seconds: a swap takes some tenths of one, the others minutes.
SWAP, MIGRATION, IN_MAINTENANCE = 1, 30, 60
JOB_WAIT = (
	1.0  # seconds that a worker waits for the end of a hold before it puts the job back, so that nobody spins
)
PAUSE = 0.1
PAGE = """<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body style="font-family: sans-serif; max-width: 40em; margin: 15vh auto; padding: 0 1em">
<h1>{title}</h1><p>{message}</p></body></html>"""


class SiteHeldError(Exception):
	"""The site is held; the job goes back into its queue."""


def tell_when(response: Response | None = None) -> None:
	"""Hook `after_request`: answer 503 on a site in maintenance, with Retry-After, and with what staff say.

	Frappe itself answers programs so; people get its page with the status 200, which caches and search engines keep.
	"""
	conf = local.conf
	if response is None or not conf.get("maintenance_mode"):
		return
	is_closed = not conf.get("allow_reads_during_maintenance")
	if is_closed:
		response.status_code = UNAVAILABLE
	if response.status_code != UNAVAILABLE:
		return
	held = MIGRATION if HELD_BY in conf else SWAP
	response.headers.setdefault("Retry-After", str(held if HELD in conf else IN_MAINTENANCE))
	message = (conf.get(MAINTENANCE) or {}).get("message")
	if message and is_closed:
		_say(response, message)


def _say(response: Response, message: str) -> None:
	"""Put the message in place of what Frappe says: as JSON for programs, as a page for people."""
	title = _("In maintenance")
	if local.request.path.startswith("/api/") or response.mimetype == "application/json":
		told = json.dumps({"message": escape(message, quote=False), "title": title, "indicator": "orange"})
		answer = {"exc_type": "SessionStopped", "message": message, "_server_messages": json.dumps([told])}
		response.set_data(json.dumps(answer))
		response.mimetype = "application/json"
	else:
		response.set_data(PAGE.format(title=escape(title), message=escape(message)))
		response.mimetype = "text/html"


def on_job() -> None:
	"""Hook `before_job`, the first: where the site is held, put the job back to the end of its queue, by RQ's own way of trying again.

	Raises SiteHeldError for that. The job says in its meta that it is not at work, and whoever holds the site does not wait for it.
	"""
	job = get_current_job()
	if not job:
		return
	if HELD not in local.conf:
		if job.meta.pop(PUT_BACK, None):
			job.save_meta()
		return
	job.meta[PUT_BACK] = True
	job.save_meta()
	until = time.monotonic() + JOB_WAIT
	while HELD in site_config.read(frappe.get_site_path()) and time.monotonic() < until:
		time.sleep(PAUSE)
	job.retries_left, job.retry_intervals = 1, None
	raise SiteHeldError(f"{local.site} is held: the job is put back.")
