"""Whether a zone's signatures (DNSSEC) are such that resolvers refuse its answers: then nobody reaches the name, and no authority issues.

The link from the zone above is looked at here: its DS records, the zone's keys, and the times of its signatures. Whether each signature is
true is left to the resolvers: one that checks says "failed" and gives the answer when it is told not to check.
"""

import time

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from buildpro_saas.domains.dns_exchange import LookupFault
from buildpro_saas.domains.lookup import Lookup

SIGNED = "who runs the DNS has to sign the zone anew, or you take the DS record away where the domain is registered."


def fault(lookup: Lookup, host: str, zone: str, now: float | None = None) -> str:
	"""What is wrong with the signatures of the host's zone, and what to do; empty for nothing. now: seconds since the epoch."""
	try:
		found = _fault_of_link(lookup, host, zone, time.time() if now is None else now)
	except LookupFault:
		found = ""  # what cannot be looked up says nothing of signatures, and is told by others
	return found or _said_by_resolvers(lookup, host)


def _fault_of_link(lookup: Lookup, host: str, zone: str, now: float) -> str:
	trusted = _records(lookup.of_parent(zone, "DS"), zone, "DS") if zone and zone != "." else []
	if not trusted:
		return ""  # not signed, as far as the zone above says
	_zone, response = lookup.signed(zone, "DNSKEY")
	keys = _records(response, zone, "DNSKEY")
	said = f"The registry's DS records say that {zone} is signed"
	if not keys:
		return f"{said}, but its servers have no keys (the DNS was moved, perhaps): {SIGNED}"
	if not any(_is_of(key, each, zone) for each in trusted for key in keys):
		return f"{said} with keys that its servers do not have (the DNS was moved, perhaps): {SIGNED}"
	return _fault_of_signatures(response, zone, now) or _fault_of_signatures(
		lookup.signed(host, "A")[1], zone, now
	)


def _fault_of_signatures(response: dns.message.Message, zone: str, now: float) -> str:
	signatures = [
		rdata
		for rrset in (*response.answer, *response.authority)
		if rrset.rdtype == dns.rdatatype.RRSIG
		for rdata in rrset
	]
	if not signatures:
		return f"{zone} is to be signed, but its servers give answers without signatures: {SIGNED}"
	covered = {each.type_covered for each in signatures}
	fresh = {each.type_covered for each in signatures if each.inception <= now <= each.expiration}
	if covered - fresh:
		return f"Signatures of {zone} have expired, or are not yet valid: {SIGNED}"
	return ""


def _records(response: dns.message.Message, zone: str, kind: str) -> list:
	owner, wanted = dns.name.from_text(zone), dns.rdatatype.from_text(kind)
	return [
		rdata for each in response.answer if each.name == owner and each.rdtype == wanted for rdata in each
	]


def _is_of(key, trusted, zone: str) -> bool:
	"""Whether the DS record is of the key."""
	if dns.dnssec.key_id(key) != trusted.key_tag or key.algorithm != trusted.algorithm:
		return False
	try:
		made = dns.dnssec.make_ds(zone, key, trusted.digest_type, dns.name.root, validating=True)
	except (dns.exception.DNSException, ValueError):
		return True  # of a digest that is unknown here: it says nothing against the key
	return made.digest == trusted.digest


def _said_by_resolvers(lookup: Lookup, host: str) -> str:
	checked = lookup.by_resolvers(host, "A", is_checked=True)
	if not any(response.rcode() == dns.rcode.SERVFAIL for response in checked):
		return ""
	unchecked = lookup.by_resolvers(host, "A", is_checked=False)
	if not any(response.rcode() == dns.rcode.NOERROR and response.answer for response in unchecked):
		return ""
	return f"Resolvers refuse the answers for {host}, since their signatures (DNSSEC) are not true: {SIGNED}"
