"""Asks for host names as a browser does: at the bench's own proxy, and on the way that the DNS leads."""

from dataclasses import replace

import frappe

from buildpro_saas.domains import records, settings
from buildpro_saas.domains.proxy_spec import LISTEN
from buildpro_saas.domains.walk import Stage, walk

# In the admin site's site_config.json: the file of the CA by whose certificates tenants' sites are served, where that is a private one.
ISSUER_FILE = "buildpro_issuer_ca_file"
LOOPBACK = "127.0.0.1"
HTTP = "HTTP"


def stages(host: str, bench: dict, connect_to: str | None = None) -> list[Stage]:
	"""Walk DNS, TCP, TLS and HTTP of the host name at the bench (its fields). connect_to: an address, in place of what the DNS says."""
	return walk(
		host,
		settings.lookup(),
		port=bench.get("https_port") or 443,
		http_port=bench.get("http_port") or 80,
		ca_file=frappe.conf.get(ISSUER_FILE) or None,
		connect_to=connect_to,
	)


def of_name(row, bench: dict, connect_to: str | None = None) -> list[Stage]:
	"""As `stages`, for a Site Domain (records.FIELDS): one that is to send browsers on is right in doing so."""
	target = leads_to(row)
	return [
		replace(stage, is_ok=True) if target and f" to https://{target}" in stage.sentence else stage
		for stage in stages(row.host, bench, connect_to)
	]


def leads_to(row) -> str:
	"""The host name to which the name sends browsers on; empty where the site answers under it itself (proxy_spec.compose)."""
	primary = records.primary_of(row.tenant)
	target = primary.host if primary else frappe.db.get_value("Tenant", row.tenant, "site")
	serves = row.serves == records.SERVES and row.kind != records.OWN
	return "" if serves or row.host == target else target


def fault_at_proxy(row, bench: dict) -> str:
	"""What is wrong with a Site Domain (records.FIELDS) at the proxy itself, as a sentence; empty where it answers.

	Once it was live, what the site itself answers counts no more: it may be in maintenance.
	"""
	was_live = row.state == records.LIVE
	walked = of_name(row, bench, listens_at())
	return first_fault([stage for stage in walked if not (was_live and stage.name == HTTP)])


def listens_at() -> str:
	"""The address at which the proxy of a bench on this machine is asked."""
	return next((each for each in frappe.conf.get(LISTEN) or [] if each), LOOPBACK)


def first_fault(walked: list[Stage]) -> str:
	"""The sentence of the first stage that is not right; empty where all are."""
	return next((stage.sentence for stage in walked if not stage.is_ok), "")


def walked(row, bench: dict) -> list[str]:
	"""The same on the way that the DNS leads, a line a stage. What is wrong from here may be right from outside: nothing follows from it."""
	return [
		f"{stage.name}: {'ok' if stage.is_ok else stage.sentence} ({stage.seconds:.2f} s)"
		for stage in of_name(row, bench)
	]
