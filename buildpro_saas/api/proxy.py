"""The proxy (nginx) of a bench over HTTP: `saas proxy show`, `test` and `reload`.

Raises frappe.ValidationError (HTTP 417), with what nginx or the bench says, where it cannot be done; what was served still is then.
"""

from dataclasses import asdict

import frappe

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.fleet import bench_proxy


@frappe.whitelist(methods=["GET"])
@arguments.checked
def state(bench: str) -> dict:
	"""What the proxy of a Bench serves, as agent.proxy_facts.ProxyState has it. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	with bench_proxy.told(bench):
		return asdict(bench_proxy.state(bench))


@frappe.whitelist(methods=["GET"])
@arguments.checked
def files(bench: str) -> dict:
	"""{file: text} of what nginx reads of ours. For SaaS Manager."""
	staff.only_for_manager()
	with bench_proxy.told(bench):
		return bench_proxy.files(bench)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def test(bench: str) -> dict:
	"""Have nginx read what it would be reloaded with: {"sentence"}. For SaaS Manager."""
	staff.only_for_manager()
	with bench_proxy.told(bench):
		return {"sentence": bench_proxy.test(bench)}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def reload(bench: str) -> dict:
	"""Try it, then have nginx read it anew: {"sentence"}. For SaaS Manager."""
	staff.only_for_manager()
	with bench_proxy.told(bench):
		return {"sentence": bench_proxy.reload(bench)}
