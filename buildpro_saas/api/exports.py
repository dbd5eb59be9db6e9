"""What a tenant's site asks for when its System Manager wants all data."""

from html import unescape

import frappe
from frappe.rate_limiter import rate_limit

from buildpro_saas import site_role
from buildpro_saas.api.entitlements import HOUR, requests_per_hour
from buildpro_saas.control_plane.access import arguments
from buildpro_saas.fleet import exports
from buildpro_saas.licensing import sync_tokens


@frappe.whitelist(allow_guest=True, methods=["POST"])
@rate_limit(limit=requests_per_hour, seconds=HOUR)
@arguments.checked
def ask(tenant: str = "", user: str = "") -> dict:
	"""Have an export of all data of `tenant`, whose token is in the header X-BuildPro-Token, prepared on its site.

	user: who asks there; it stays on record. Returns {"job"}, or {"refused": one sentence for that user}. Raises
	frappe.AuthenticationError (HTTP 401) for anybody else than that tenant's site.
	"""
	site_role.only_on_admin_site()
	name = sync_tokens.authenticate(tenant)
	try:
		return {"job": exports.start(name, str(user))}
	except exports.NoExportError as refusal:
		frappe.db.rollback()
		frappe.clear_messages()
		return {"refused": unescape(str(refusal))}  # the page escapes it again
