"""From the records of a bench to what its proxy serves: which site answers under which names, and which names send on.

`compose` has plain data in and out. `of_bench` reads the records for it.
"""

from collections.abc import Iterable

import frappe
from frappe.utils import now_datetime

from buildpro_saas.agent.proxy_facts import ProxyHost, ProxySite, ProxySpec
from buildpro_saas.domains import records
from buildpro_saas.entitlements import plans
from buildpro_saas.licensing import stored_plans
from buildpro_saas.tenant_status import ARCHIVED, PROVISIONING, SUSPENDED, WITH_SITE

# Limits of a plan that the proxy keeps: requests of one client a second, and the largest file in MB.
REQUESTS, FILE_MB = "requests_per_second", "max_file_size_mb"
BODY_MB = 50  # where the plan says nothing
BESIDE_FILE = 2  # MB that a request has beside the file
LEADS = "Leads There"
# In the admin site's site_config.json: the addresses at which the proxy listens; all of the machine's where it is left out.
LISTEN = "buildpro_proxy_listen"
# States in which a name of the customer's has a certificate that can be served.
SERVED = (records.CERTIFIED, records.LIVE)


def wildcard_folder(domain: str) -> str:
	"""What the certificate for all names under a base domain is called on the bench's disk."""
	return f"wildcard.{domain}"


def of_bench(bench) -> ProxySpec:
	"""What the proxy of the Bench (document) is to serve by now. Commits before, to read what holds now."""
	frappe.db.commit()
	domains, certificates = _domains(bench.name), _certificates(bench.name)
	limits = _limits()
	former = _former(bench.name)
	sites = []
	for tenant in _tenants(bench.name, domains):
		rows = [row for row in domains if row.tenant == tenant.name]
		hosts = compose(tenant.site, rows, certificates, former.get(tenant.name, {}))
		of_plan = limits.get(tenant.plan, {})
		sites.append(
			ProxySite(
				site=tenant.site,
				hosts=hosts,
				requests_a_second=float(of_plan.get(REQUESTS, 0)),
				body_mb=max(int(of_plan.get(FILE_MB, BODY_MB)), 1) + BESIDE_FILE,
				is_closed=tenant.status == SUSPENDED,
			)
		)
	return _spec(bench, sites, certificates)


def _spec(bench, sites: list[ProxySite], certificates: dict) -> ProxySpec:
	wildcard = next(
		(row.folder for row in certificates.values() if row.folder == wildcard_folder(bench.domain)), ""
	)
	return ProxySpec(
		sites=sites,
		base_domain=bench.domain,
		wildcard_certificate=wildcard,
		http_port=bench.http_port or 80,
		https_port=bench.https_port or 443,
		web_port=bench.web_port,
		socketio_port=bench.socketio_port or 0,
		trusted=(bench.trusted_balancers or "").split(),
		listen=frappe.conf.get(LISTEN) or [],
	)


def compose(
	site: str, domains: Iterable, certificates: dict, former: dict[str, str | None]
) -> list[ProxyHost]:
	"""The names under which a site is reached, and what each does.

	domains: the tenant's Site Domains (records.FIELDS). certificates: {record's name: row} of those that can be served, with folder and is_over.
	former: {name that the site had: the record's name of its certificate, None for the wildcard's}. A name is only ever sent on to one that can be
	counted on, and that one serves: so there is no loop, and no way to a dead end. A certificate that is over is still served, for browsers say
	so, and a clock that has leapt ahead must not take names away.
	"""
	domains = list(domains)
	primary = next((row for row in domains if row.is_primary and records.is_sound(row)), None)
	if primary and primary.kind != records.OWN and not _is_valid(primary, certificates):
		primary = None
	target = primary.host if primary else site
	own = next((row for row in domains if row.kind == records.OWN), None)
	hosts = [
		ProxyHost(
			name=site,
			certificate=_folder(own, certificates) if own else "",
			redirects_to="" if target == site else target,
			hsts_seconds=(own.hsts_seconds or 0) if own else 0,
		)
	]
	for row in domains:
		if row.kind == records.OWN or row.state not in SERVED or not (folder := _folder(row, certificates)):
			continue
		serves = row.host == target or row.serves == records.SERVES
		hosts.append(ProxyHost(row.host, folder, "" if serves else target, row.hsts_seconds or 0))
	for name, certificate in former.items():
		if name != site:
			found = certificates.get(certificate)
			hosts.append(ProxyHost(name, found.folder if found else "", redirects_to=target))
	return hosts


def _is_valid(row, certificates: dict) -> bool:
	found = certificates.get(row.certificate)
	return bool(found and not found.is_over)


def _folder(row, certificates: dict) -> str:
	found = certificates.get(row.certificate)
	return found.folder if found else ""


def _domains(bench: str) -> list:
	of = {"bench": bench, "state": ("!=", records.REMOVED)}
	return frappe.get_all(records.DOMAIN, of, records.FIELDS, order_by="creation")


def _certificates(bench: str) -> dict:
	of = {"bench": bench, "status": records.VALID}
	rows = frappe.get_all(records.CERTIFICATE, of, ["name", "folder", "valid_until"])
	return {
		row.name: frappe._dict(row, is_over=not row.valid_until or row.valid_until <= now_datetime())
		for row in rows
	}


def _tenants(bench: str, domains: list) -> list:
	"""Tenants whose site answers; also those whose site is being made, or brought back, once their own name is led here."""
	of = {"bench": bench, "status": ("in", (*WITH_SITE, PROVISIONING, ARCHIVED)), "site": ("is", "set")}
	rows = frappe.get_all("Tenant", of, ["name", "site", "status", "plan"], order_by="name")
	named = {PROVISIONING: {row.tenant for row in domains}}
	named[ARCHIVED] = {row.tenant for row in domains if row.kind == records.OWN and row.state in SERVED}
	return [row for row in rows if row.status in WITH_SITE or row.name in named[row.status]]


def _former(bench: str) -> dict[str, dict[str, str | None]]:
	"""{tenant: {name that leads to its site for a while: the record's name of the certificate that it had for itself}}."""
	of = {"bench": bench, "status": LEADS, "until": (">", now_datetime())}
	rows = frappe.get_all("Former Name", of, ["site", "tenant"])
	had = {
		"bench": bench,
		"state": records.REMOVED,
		"kind": records.OWN,
		"host": ("in", [row.site for row in rows]),
	}
	certificates = dict(
		frappe.get_all(records.DOMAIN, had, ["host", "certificate"], order_by="creation", as_list=True)
	)
	found: dict[str, dict[str, str | None]] = {}
	for row in rows:
		found.setdefault(row.tenant, {})[row.site] = certificates.get(row.site)
	return found


def _limits() -> dict[str, dict]:
	"""{plan: {limit: value}} of what plans give with those that they include."""
	stored, found = stored_plans.stored_plans(), {}
	for name in stored:
		try:
			limits = plans.resolve(stored, name)["limits"]
		except plans.PlanError:
			continue
		found[name] = {key: limit["value"] for key, limit in limits.items()}
	return found
