"""Names in the DNS: what can be a base domain, and what a subdomain."""

import re

from frappe import _

from buildpro_saas.refusal import refuse

LONGEST_NAME = 253  # characters of a host name in text form (RFC 1035 §3.1, 255 octets on the wire)
LONGEST_LABEL = 63  # RFC 1035 §2.3.4
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Labels with hyphens in third and fourth place are reserved, xn-- for international names among them (RFC 5891 §4.2.3.1).
RESERVED_LABEL = re.compile(r"..--.*")


# Names that programs look up under whatever domain they are in, or that stand for a machine itself: who has one of them under the base
# domain is asked by machines there for their proxy, and by mail programs for an account's server, with its password.
WELL_KNOWN = frozenset(
	{
		*(
			"wpad",
			"isatap",
		),  # what Windows' DNS server blocks from the start: proxies, and tunnels (RFC 5214)
		*("autoconfig", "autodiscover"),  # accounts of mail programs
		*("mta-sts", "openpgpkey"),  # RFC 8461; the Web Key Directory
		*("localhost", "localdomain", "local", "broadcasthost", "loopback"),  # RFC 6761, RFC 6762, /etc/hosts
		*("ip6-localhost", "ip6-loopback"),
	}
)


def check_domain(domain: str) -> str:
	"""Return the domain in small letters without dots around it. Raises frappe.ValidationError when it cannot be one."""
	name = domain.strip().strip(".").lower()
	if not all(_is_label(label) for label in name.split(".")) or len(name) > LONGEST_NAME - LONGEST_LABEL - 1:
		refuse(
			_("{0} is not a domain: enter one like example.com (an international name in its xn-- form)."),
			domain,
			title=_("Base domain"),
		)
	return name


def check_subdomain(subdomain: str | None, reserved: list[str]) -> str:
	"""Return the subdomain in small letters. Raises frappe.ValidationError with what to change when it cannot be one.

	It is one label of a host name, so that one wildcard certificate covers all tenants. `reserved`: names refused.
	"""
	name = (subdomain or "").lower()
	if not name:
		_refuse(_("Enter a subdomain: the first part of the tenant's address, such as acme."))
	if "." in name:
		_refuse(_("{0} has a dot: enter only the part before the base domain, such as acme."), name)
	if len(name) > LONGEST_LABEL:
		_refuse(_("The subdomain has {0} characters: use at most {1}."), len(name), LONGEST_LABEL)
	if name.startswith("-") or name.endswith("-"):
		_refuse(_("{0} starts or ends with a hyphen: take it away."), name)
	if not LABEL.fullmatch(name):
		_refuse(
			_("{0} has characters that a host name cannot have: use letters a to z, digits and hyphens."),
			name,
		)
	if RESERVED_LABEL.fullmatch(name):
		_refuse(
			_("{0} has hyphens in third and fourth place, which is kept for encoded names: use another one."),
			name,
		)
	if name in WELL_KNOWN:
		_refuse(_("{0} is a name that programs look up by themselves: use another subdomain."), name)
	if name in reserved:
		_refuse(_("{0} is reserved: use another subdomain, or take it off the list in SaaS Settings."), name)
	return name


def _is_label(label: str) -> bool:
	return len(label) <= LONGEST_LABEL and bool(LABEL.fullmatch(label))


def _refuse(sentence: str, *values: object) -> None:
	refuse(sentence, *values, title=_("Subdomain"))
