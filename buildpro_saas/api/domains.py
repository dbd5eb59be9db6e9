"""Host names of tenants over HTTP: for the operator's own systems (SaaS Manager), and for tenants' sites with their tokens.

What changes something starts a job, and answers {"job"}. Raises frappe.ValidationError (HTTP 417), or frappe.DuplicateEntryError (409) for
a name that is taken, with what to change; then nothing is begun.
"""

from html import unescape

import frappe
from frappe import _
from frappe.rate_limiter import rate_limit

from buildpro_saas import given, site_role
from buildpro_saas.api.entitlements import HOUR, requests_per_hour
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.domains import changes, claims, records, shown
from buildpro_saas.licensing import sync_tokens


@frappe.whitelist(methods=["GET"])
@arguments.checked
def of_tenant(tenant: str) -> list:
	"""The host names of a tenant: state, what is missing, what to set. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	return shown.of_tenant(frappe.get_doc("Tenant", tenant).name)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def add(tenant: str, host: str, serves: int = 0) -> dict:
	"""Give a tenant a host name that the customer has brought: {"domain", "host", "records": what to set}."""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).add_domain(host, serves)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def check(tenant: str, host: str) -> dict:
	"""Look at a host name of a tenant now, and bring it as far as it goes."""
	return {"job": changes.check(_row(tenant, host))}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def make_primary(tenant: str, host: str) -> dict:
	"""Have links, and names that redirect, lead to this host name of a tenant."""
	return {"job": changes.make_primary(_row(tenant, host))}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def remove(tenant: str, host: str) -> dict:
	"""Take a host name from a tenant. It may be anybody's then."""
	return {"job": changes.remove(_row(tenant, host))}


@frappe.whitelist(methods=["GET"])
@arguments.checked
def certificates() -> list:
	"""The certificates with which tenants' sites are served, the next to end first. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	return records.certificates()


@frappe.whitelist(methods=["POST"])
@arguments.checked
def renew(certificate: str) -> dict:
	"""Get a certificate (Site Certificate) anew now."""
	staff.only_for_manager()
	return {"job": changes.renew(frappe.get_doc(records.CERTIFICATE, certificate).name)}


def _row(tenant: str, host: str) -> str:
	staff.only_for_manager()
	return claims.own_row(frappe.get_doc("Tenant", tenant).name, host).name


@frappe.whitelist(allow_guest=True, methods=["POST"])
@rate_limit(limit=requests_per_hour, seconds=HOUR)
@arguments.checked
def ask(tenant: str = "", user: str = "", what: str = "", host: str = "") -> dict:
	"""Do what the System Manager of `tenant`, whose token is in the header X-BuildPro-Token, asks for on its site.

	what: add, check, remove or primary. user: who asks there; it stays on record. Returns {"names": as shown.of_tenant}, or {"refused": one
	sentence for that user, "names"}. Raises frappe.AuthenticationError (HTTP 401) for anybody else than that tenant's site.
	"""
	site_role.only_on_admin_site()
	name = sync_tokens.authenticate(tenant)
	try:
		_do(name, str(user), str(what), str(host))
		frappe.db.commit()
		shown.put(name)
	except (frappe.ValidationError, frappe.DuplicateEntryError) as refusal:
		frappe.db.rollback()
		frappe.clear_messages()
		return {"refused": unescape(str(refusal)), "names": shown.of_tenant(name)}
	return {"names": shown.of_tenant(name)}


def _do(tenant: str, user: str, what: str, host: str) -> None:
	# the row is held: of two at once, the second one sees what the first has added
	frappe.db.commit()
	frappe.db.get_value("Tenant", tenant, "name", for_update=True)
	doc = frappe.get_doc("Tenant", tenant)
	claims.check_allowed(doc)
	given.check_whole(host, _("The host name"))
	if what == "add":
		claims.add(doc, host, by=user[:140])
	elif what in ASKED:
		ASKED[what](claims.own_row(tenant, host).name)
	else:
		frappe.throw(_("There is nothing called {0} to be done.").format(frappe.utils.escape_html(what[:60])))


ASKED = {"check": changes.check, "remove": changes.remove, "primary": changes.make_primary}
