"""The token of a request for metrics. Every request of the bench passes here, so nothing of the metrics is imported."""

import frappe

PATH = "/api/method/buildpro_saas.api.metrics.prometheus"


def keep() -> None:
	"""Hook `before_request`: take the bearer token of a request for metrics out of the framework's sight.

	It would look for an OAuth token of that name, and refuse the request. Prometheus sends tokens in no other header.
	"""
	request = frappe.local.request
	if request.path != PATH:
		return
	kind, _space, token = request.headers.get("Authorization", "").partition(" ")
	if kind.lower() == "bearer":
		frappe.local.flags.metrics_token = token.strip()
		request.environ.pop("HTTP_AUTHORIZATION", None)
