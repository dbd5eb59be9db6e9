"""Asks for host names as a browser does: at the bench's own proxy, and on the way that the DNS leads."""

import frappe

from buildpro_saas.domains import settings
from buildpro_saas.domains.proxy_spec import LISTEN
from buildpro_saas.domains.walk import Stage, walk

# In the admin site's site_config.json: the file of the CA by whose certificates tenants' sites are served, where that is a private one.
ISSUER_FILE = "buildpro_issuer_ca_file"
LOOPBACK = "127.0.0.1"


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


def fault_at_proxy(host: str, bench: dict) -> str:
	"""What is wrong with the name at the proxy itself, as a sentence; empty where it answers."""
	return first_fault(stages(host, bench, listens_at()))


def listens_at() -> str:
	"""The address at which the proxy of a bench on this machine is asked."""
	return next((each for each in frappe.conf.get(LISTEN) or [] if each), LOOPBACK)


def first_fault(walked: list[Stage]) -> str:
	"""The sentence of the first stage that is not right; empty where all are."""
	return next((stage.sentence for stage in walked if not stage.is_ok), "")


def walked(host: str, bench: dict) -> list[str]:
	"""The same on the way that the DNS leads, a line a stage. What is wrong from here may be right from outside: nothing follows from it."""
	return [
		f"{stage.name}: {'ok' if stage.is_ok else stage.sentence} ({stage.seconds:.2f} s)"
		for stage in stages(host, bench)
	]
