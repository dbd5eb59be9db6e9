"""What a DNS message says of a name: messages in, plain data out."""

from dataclasses import dataclass, field

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from buildpro_saas.domains.dns_exchange import Server


@dataclass(frozen=True)
class Answer:
	"""What the DNS says of one name and kind."""

	name: str  # that was asked for
	kind: str  # "A", "AAAA", "CNAME", "TXT", "CAA", …
	# as text: names without a dot at the end, TXT without quotes
	values: list[str] = field(default_factory=list)
	# where CNAMEs led, in their order; the last has the values
	chain: list[str] = field(default_factory=list)
	exists: bool = True  # False: the name at the end of the chain does not exist (NXDOMAIN)
	zone: str = ""  # of the name at the end of the chain
	server: str = ""  # which said it, as people read it
	is_authoritative: bool = True  # False: a resolver said it, from its cache perhaps
	seconds: int = 0  # for how long others may keep it: the record's TTL, or that of the "no"

	@property
	def last(self) -> str:
		"""The name at the end of the chain."""
		return self.chain[-1] if self.chain else self.name


def answer(name: str, kind: str, zone: str, response: dns.message.Message, server: Server) -> Answer:
	"""What the response of a server says of the name. zone: as the way to the server has shown it; empty: as the response says."""
	owner = dns.name.from_text(name)
	found = values(response, owner, kind)
	aliases = [] if kind == "CNAME" or found else values(response, owner, "CNAME")
	return Answer(
		name,
		kind,
		found,
		aliases[:1],
		exists=bool(aliases) or response.rcode() != dns.rcode.NXDOMAIN,
		zone=zone or zone_in(response, name),
		server=str(server),
		seconds=_seconds(response, owner, kind if found else "CNAME"),
	)


def values(response: dns.message.Message, owner: dns.name.Name, kind: str) -> list[str]:
	"""The values of the kind that the response has for a name, as text, in their order."""
	found = [
		_text(rdata, kind)
		for rrset in response.answer
		if rrset.name == owner and rrset.rdtype == dns.rdatatype.from_text(kind)
		for rdata in rrset
	]
	return sorted(found)


def _text(rdata, kind: str) -> str:
	if kind == "TXT":
		return b"".join(rdata.strings).decode(errors="replace")
	text = rdata.to_text()
	return text.rstrip(".").lower() if kind in ("CNAME", "NS") else text


def _seconds(response: dns.message.Message, owner: dns.name.Name, kind: str) -> int:
	"""How long the answer may be kept. That of a "no" is in the zone's SOA (RFC 2308 §5)."""
	for rrset in response.answer:
		if rrset.name == owner and rrset.rdtype == dns.rdatatype.from_text(kind):
			return rrset.ttl
	return min((min(rrset.ttl, rrset[0].minimum) for rrset in _soa_sets(response)), default=0)


def _soa_sets(response: dns.message.Message) -> list:
	return [each for each in (*response.answer, *response.authority) if each.rdtype == dns.rdatatype.SOA]


def zone_in(response: dns.message.Message, name: str) -> str:
	"""The zone at or above the name whose SOA the response has; empty for none. One that a CNAME leads to does not count."""
	asked = dns.name.from_text(name)
	zones = (each.name for each in _soa_sets(response) if asked.is_subdomain(each.name))
	return next((zone.to_text(omit_final_dot=True).lower() for zone in zones if zone != dns.name.root), "")


def referral(response: dns.message.Message, name: str, zone: str) -> tuple[str, list[str]] | None:
	"""The zone below, and its servers' names, when the response says that those have the name."""
	if response.answer or response.rcode() != dns.rcode.NOERROR:
		return None
	asked, above = dns.name.from_text(name), dns.name.from_text(zone)
	for rrset in response.authority:
		if rrset.rdtype == dns.rdatatype.NS and asked.is_subdomain(rrset.name) and rrset.name != above:
			if rrset.name.is_subdomain(above) and not _soa_sets(response):
				below = rrset.name.to_text(omit_final_dot=True).lower()
				return below, sorted(ns.target.to_text(omit_final_dot=True).lower() for ns in rrset)
	return None


def glue(response: dns.message.Message, name: str, kind: str) -> list[str]:
	"""The addresses of a server that a referral gives along."""
	owner, wanted = dns.name.from_text(name), dns.rdatatype.from_text(kind)
	return [
		rdata.address
		for rrset in response.additional
		if rrset.name == owner and rrset.rdtype == wanted
		for rdata in rrset
	]
