"""Under which address a tenant's site is reached: by its primary name where that can be counted on, else by its own subdomain."""

from urllib.parse import urlsplit

import frappe

from buildpro_saas.domains import records
from buildpro_saas.jobs import sites
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.tenant_status import WITH_SITE

HTTPS = 443


def own(site: str, bench: dict) -> str:
	"""The URL of a site by its own name. bench: the Bench's fields. The bench's web server answers `*.localhost` (RFC 6761), without TLS."""
	if bench.get("proxy") == records.NGINX:
		return over_tls(site, bench)
	if site.endswith(".localhost"):
		return f"http://{site}:{bench['web_port']}"
	return f"https://{site}"


def over_tls(host: str, bench: dict) -> str:
	"""The URL of a host name that the bench's proxy serves."""
	port = bench.get("https_port") or HTTPS
	return f"https://{host}" if port == HTTPS else f"https://{host}:{port}"


def of_tenant(tenant: str, site: str, bench: dict) -> str:
	"""The URL for the tenant's users. site: its site's name. bench: the Bench's fields."""
	primary = records.primary_of(tenant) if bench.get("proxy") == records.NGINX else None
	# while a tenant is renamed, the record of its own name follows after the site
	return over_tls(primary.host, bench) if primary and primary.kind != records.OWN else own(site, bench)


def tell_site(tenant: str) -> str:
	"""Have the tenant's site begin its links with the address that holds now; returns that, or "" where there was nothing to tell.

	An address that is none of ours, which somebody has written there, stays. Raises jobs.sites.SiteTakenError (transient) where a job has the site.
	"""
	row = frappe.db.get_value("Tenant", tenant, ["site", "bench", "status"], as_dict=True)
	if not row or row.status not in WITH_SITE or not records.is_managed(row.bench):
		return ""
	bench = frappe.get_doc("Bench", row.bench).as_dict()
	url = of_tenant(tenant, row.site, bench)
	site = door_of(row.bench).site(row.site)
	known = site.config_in_place().get("host_name") or ""
	if known == url or not _is_ours(known, tenant, row.site):
		return ""
	with sites.taken(tenant):
		site.update_config({"host_name": url})
	return url


def _is_ours(url: str, tenant: str, site: str) -> bool:
	host = (urlsplit(url if "//" in url else f"//{url}").hostname or "").lower()
	if host in ("", site):
		return True
	return bool(frappe.db.exists(records.DOMAIN, {"host": host, "tenant": tenant}))
