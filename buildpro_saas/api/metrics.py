"""The metrics for Prometheus."""

import hmac
import secrets

import frappe
from frappe import _
from frappe.rate_limiter import rate_limit
from frappe.utils.password import get_decrypted_password
from werkzeug.wrappers import Response

from buildpro_saas import site_role
from buildpro_saas.control_plane.access import arguments
from buildpro_saas.monitoring import scrape

PER_MINUTE = (
	60  # requests of one address: a scrape takes some 100 ms, and nobody scrapes more often than each second
)
SETTINGS, FIELD = "SaaS Settings", "metrics_token"


# it takes no arguments, so that there is nothing to clean: the framework would fail over what is nested too deep
@frappe.whitelist(allow_guest=True, xss_safe=True, methods=["GET"])
@rate_limit(limit=PER_MINUTE, seconds=60)
@arguments.checked
def prometheus() -> Response:
	"""All metrics, as OpenMetrics or in the older text format. For whoever sends the token of SaaS Settings: `Authorization: Bearer TOKEN`.

	Raises frappe.AuthenticationError (HTTP 401) for anybody else, and while there is no token.
	"""
	site_role.only_on_admin_site()
	_check_token(frappe.local.flags.metrics_token or "")
	body, content_type = scrape.scrape(frappe.get_request_header("Accept") or "")
	return Response(body, content_type=content_type)


def _check_token(given: str) -> None:
	kept = get_decrypted_password(SETTINGS, SETTINGS, FIELD, raise_exception=False)
	# where there is none, as much is compared
	is_same = hmac.compare_digest((kept or secrets.token_urlsafe()).encode(), given.encode())
	if not (kept and is_same):
		frappe.throw(
			_("Send the token for Prometheus of SaaS Settings as Authorization: Bearer TOKEN."),
			frappe.AuthenticationError,
		)
