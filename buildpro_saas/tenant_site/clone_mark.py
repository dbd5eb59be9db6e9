"""Marks every page of a clone, so that nobody takes it for the customer's own site: in Desk by its banner, elsewhere at the top."""

from html import escape

import frappe
from frappe import _, local
from werkzeug.wrappers import Response

from buildpro_saas.agent.facts import CLONE

DESK = ("/app", "/desk")  # where public/js/buildpro.js shows the banner
BANNER = (
	'<div class="buildpro-banner alert alert-warning" role="status" style="margin: 0; border-radius: 0; text-align: center;'
	' background: #fff3cd; color: #664d03; padding: 8px;">{0}</div>'
)


def text() -> str:
	"""What a clone's pages say; empty where the site is none."""
	if not (note := frappe.conf.get(CLONE)):
		return ""
	return _(
		"This is a clone of {0}, for staging or support, until {1}. It is not the customer's own site."
	).format(note["of"], note["until"])


def with_note(banner: dict | None) -> dict | None:
	"""Desk's banner (restriction.banner) with what a clone's pages say."""
	if not (told := text()):
		return banner
	if not banner:
		return {"level": "warning", "text": told}
	return {**banner, "text": f"{told} {banner['text']}"}


def on_response(response: Response | None = None) -> None:
	"""Hook `after_request`: put the mark on a clone's pages outside of Desk, and keep search engines away from all of it."""
	if response is None or CLONE not in local.conf:
		return
	response.headers.setdefault("X-Robots-Tag", "noindex, nofollow")
	path = local.request.path
	if response.mimetype != "text/html" or response.is_streamed or path.startswith(DESK):
		return
	page = response.get_data(as_text=True)
	at = page.find(">", page.find("<body")) + 1
	if "<body" in page and at:
		response.set_data(f"{page[:at]}{BANNER.format(escape(text()))}{page[at:]}")
