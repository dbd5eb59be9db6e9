"""What the settings say of DNS, certificate authorities and the proxy, as this room's other modules take it."""

import ipaddress
import re
import shlex

import frappe
from frappe import _

from buildpro_saas.agent.certificate_facts import Authority
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import renewal
from buildpro_saas.domains.dns_providers import provider_of
from buildpro_saas.domains.dns_records import Provider
from buildpro_saas.domains.lookup import Lookup
from buildpro_saas.domains.preflight import Ours

SETTINGS, PROVIDER = "SaaS Settings", "DNS Provider"
RFC2136 = "rfc2136"
WILDCARD, EACH = "Wildcard", "A record a tenant"
# In the admin site's site_config.json, which nobody writes from Desk: DNS servers to ask in place of the machine's own, each as
# HOST or HOST:PORT; and the file of the CA whose certificate a private authority's directory has.
DNS_SERVERS, CA_FILE = "buildpro_dns_servers", "buildpro_acme_ca_file"


def lookup() -> Lookup:
	"""Looks names up in the DNS, at the servers that this site's configuration names, if it names some."""
	return Lookup([_server(each) for each in frappe.conf.get(DNS_SERVERS) or []] or None)


def _server(text: str) -> tuple[str, int]:
	host, _colon, port = text.rpartition(":")
	return (host.strip("[]"), int(port)) if host and port.isdigit() else (text, 53)


def addresses_of(bench: dict) -> list[str]:
	"""The IP addresses to which names of the Bench (its fields) lead."""
	return [word for word in _told_addresses(bench) if _is_ip(word)]


def cname_target(bench: dict) -> str:
	"""The host name to which a CNAME of the Bench (its fields) leads; empty where it has none."""
	names = [word for word in _told_addresses(bench) if not _is_ip(word)]
	return (bench.get("cname_target") or (names[0] if names else "")).strip().rstrip(".").lower()


def _told_addresses(bench: dict) -> list[str]:
	return (bench.get("public_addresses") or bench.get("public_address") or "").replace(",", " ").split()


def _is_ip(text: str) -> bool:
	try:
		ipaddress.ip_address(text)
	except ValueError:
		return False
	return True


def ours(bench: dict) -> Ours:
	"""Where names of the Bench (its fields) have to lead."""
	return Ours(addresses_of(bench), cname_target(bench))


# -- authorities -----------------------------------------------------------------------------------------------------


def authority(failures: int) -> Authority:
	"""The authority that is asked next, after so many failures in a row. Raises AgentError where none is set."""
	doc = frappe.get_doc(SETTINGS)
	directories = [each for each in (doc.acme_directory, doc.acme_directory_2) if each]
	if not directories:
		raise AgentError(_("No certificate authority is set."), _("Enter one in SaaS Settings."))
	directory = directories[renewal.which_authority(failures, len(directories))]
	return _authority(doc, directory)


def _authority(doc, directory: str) -> Authority:
	eab = {}
	if directory == doc.acme_directory_2 and doc.acme_eab_kid:
		hmac = doc.get_password("acme_eab_hmac", raise_exception=False) or ""
		eab = {"eab_kid": doc.acme_eab_kid, "eab_hmac": hmac}
	return Authority(
		directory=directory, contact=doc.acme_contact or "", ca_file=frappe.conf.get(CA_FILE) or "", **eab
	)


def authority_at(directory: str | None) -> Authority | None:
	"""The authority with that directory, where it still is one of ours."""
	doc = frappe.get_doc(SETTINGS)
	if not directory or directory not in (doc.acme_directory, doc.acme_directory_2):
		return None
	return _authority(doc, directory)


def authority_caa(directory: str) -> str:
	"""The name by which CAA records allow the authority; empty where it is not known: then CAA is not judged."""
	known = {"letsencrypt.org": "letsencrypt.org", "zerossl.com": "sectigo.com", "pki.goog": "pki.goog"}
	host = re.sub(r"^\w+://|[:/].*$", "", directory or "").lower()
	return next((name for domain, name in known.items() if f".{host}".endswith(f".{domain}")), "")


# -- DNS providers ---------------------------------------------------------------------------------------------------


def provider_for(host: str) -> Provider | None:
	"""The provider that answers for the host name, by the longest zone that fits; None where records are made by hand."""
	found = []
	for row in frappe.get_all(PROVIDER, fields=["name", "zones"]):
		zones = [zone for zone in (row.zones or "").split() if f".{host}".endswith(f".{zone}")]
		found += [(len(zone), zone, row.name) for zone in zones]
	if not found:
		return None
	_length, zone, name = max(found)
	return provider(frappe.get_doc(PROVIDER, name), zone)


def has_default_provider() -> bool:
	"""Whether SaaS Settings name a provider for names under the base domain; where not, records are made by hand."""
	return bool(frappe.db.get_single_value(SETTINGS, "dns_provider"))


def default_provider(domain: str) -> Provider | None:
	"""The provider of SaaS Settings, for a name under the base domain; None where none is set."""
	if not (name := frappe.db.get_single_value(SETTINGS, "dns_provider")):
		return None
	doc = frappe.get_doc(PROVIDER, name)
	zones = [zone for zone in (doc.zones or "").split() if f".{domain}".endswith(f".{zone}")]
	if not zones:
		raise AgentError(
			_("The DNS provider {0} answers for no zone of {1}.").format(name, domain),
			_("Add the zone there, or choose another provider in SaaS Settings."),
		)
	return provider(doc, max(zones, key=len))


def provider(doc, zone: str) -> Provider:
	"""The provider of a DNS Provider (document) for one of its zones. Raises ValueError with what is wrong with its credentials."""
	return provider_of(doc.kind, credentials(doc), zone)


def credentials(doc) -> dict[str, str]:
	"""What the provider is asked with. Raises ValueError where it is not NAME=VALUE."""
	entered = doc.credentials or ""
	is_kept = set(entered) == {"*"} or not entered
	secret = (doc.get_password("credentials", raise_exception=False) if is_kept else entered) or ""
	if doc.kind == RFC2136:
		host, port = _server(doc.server or "")
		return {
			**{"server": host, "port": str(port), "key_name": doc.key_name or ""},
			**{"key_algorithm": doc.key_algorithm or "hmac-sha256", "key_secret": secret},
		}
	pairs = [word.partition("=") for word in shlex.split(secret)]
	if any(not (name and equals) for name, equals, _value in pairs):
		raise ValueError(_("Enter the credentials as NAME=VALUE, with blanks between: auth_token=…."))
	return {name: value for name, _equals, value in pairs}


def has_record_each() -> bool:
	"""Whether each tenant's name gets a DNS record of its own."""
	return frappe.db.get_single_value(SETTINGS, "dns_records") == EACH


def complaints(bench) -> list[str]:
	"""A sentence for each setting that names of the Bench (document) need, and that is not there."""
	told = []
	if not (addresses_of(bench.as_dict()) or cname_target(bench.as_dict())):
		told.append(
			_(
				"It is not on record to where its names lead: enter its public addresses, or a CNAME target, in its record."
			)
		)
	try:
		authority(failures=0)
	except AgentError as error:
		told.append(f"{error} {error.hint}")
	if not bench.domain:
		return [*told, _("It has no base domain: enter one in its record, or in SaaS Settings.")]
	try:
		if not default_provider(bench.domain):
			told.append(
				_(
					"SaaS Settings name no DNS provider: records below {0} are made by hand, and each tenant's name needs a certificate of its own."
				).format(bench.domain)
			)
	except AgentError as error:
		told.append(f"{error} {error.hint}")
	return told
