"""Looks names up where they are kept: at the authoritative servers of their zone, so that no cache's old "no" is believed.

The way there is the DNS's own: from the servers of the top-level domain by referrals. Resolvers are asked only for the way to those,
for what they still have in their caches, and where the authoritative servers cannot be reached from here.
"""

import secrets
from dataclasses import dataclass, field, replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from buildpro_saas.domains import dns_exchange
from buildpro_saas.domains.dns_exchange import LookupFault, Server
from buildpro_saas.domains.host_names import parents

MOST_REFERRALS, LONGEST_CHAIN, DEEPEST = 12, 10, 4
ROOT = "."


@dataclass(frozen=True)
class Answer:
	"""What the DNS says of one name and kind."""

	name: str  # that was asked for
	kind: str  # "A", "AAAA", "CNAME", "TXT", "CAA", …
	values: list[str] = field(
		default_factory=list
	)  # as text; names without a dot at the end, TXT without quotes
	chain: list[str] = field(
		default_factory=list
	)  # where CNAMEs led, in their order; the last has the values
	exists: bool = True  # False: the name at the end of the chain does not exist (NXDOMAIN)
	zone: str = ""  # of the name at the end of the chain
	server: str = ""  # which said it, as people read it
	is_authoritative: bool = True  # False: a resolver said it, from its cache perhaps
	seconds: int = 0  # for how long others may keep it: the record's TTL, or that of the "no"

	@property
	def last(self) -> str:
		"""The name at the end of the chain."""
		return self.chain[-1] if self.chain else self.name


class Lookup:
	"""Looks up names for one check. Make one for each check: it remembers which servers a zone has.

	servers: (address, port) of resolvers or of authoritative servers to ask first; None: those of this machine. Others are asked on
	authority_port. seconds: of patience with one server. Methods raise LookupFault (transient) when no server answers.
	"""

	def __init__(
		self,
		servers: list[tuple[str, int]] | None = None,
		authority_port: int = 53,
		seconds: float = 3.0,
	):
		self.resolvers = [Server("", *given) for given in (servers or _of_this_machine())]
		self.authority_port = authority_port
		self.seconds = seconds
		self._zones: dict[str, list[Server]] = {}

	def a(self, host: str) -> Answer:
		"""The host's IPv4 addresses, over CNAMEs."""
		return self.followed(host, "A")

	def aaaa(self, host: str) -> Answer:
		"""The host's IPv6 addresses, over CNAMEs."""
		return self.followed(host, "AAAA")

	def addresses(self, host: str) -> list[str]:
		"""All addresses of the host, IPv4 first; empty for none."""
		return [*self.a(host).values, *self.aaaa(host).values]

	def txt(self, name: str) -> Answer:
		"""The texts at the very name: a CNAME there is not followed, and is told in chain."""
		return self.authoritative(name, "TXT")

	def caa(self, name: str) -> Answer:
		"""The CAA records of the name, over CNAMEs (RFC 8659 §3). Values are: flags tag "value"."""
		return self.followed(name, "CAA")

	def cname_chain(self, host: str) -> list[str]:
		"""Where CNAMEs of the host lead, in their order; empty when it has none."""
		return self.a(host).chain

	def zone_of(self, host: str) -> str:
		"""The zone that the host is in: the nearest name at or above it with an SOA. Raises LookupFault where none is told."""
		for name in (host, *parents(host)):
			if zone := self.authoritative(name, "SOA").zone:
				return zone
		raise LookupFault(f"No server says in which zone {host} is.")

	def server_names(self, zone: str) -> list[str]:
		"""The names of a zone's servers, as the zone itself says."""
		return self.authoritative(zone, "NS").values

	def followed(self, host: str, kind: str) -> Answer:
		"""The values of the host, over CNAMEs, each asked of its own zone. Raises LookupFault for a chain without end."""
		chain: list[str] = []
		name = host
		while True:
			answer = self.authoritative(name, kind)
			if not answer.chain:
				return replace(answer, name=host, chain=chain)
			name = answer.chain[0]
			if name in (host, *chain):
				raise LookupFault(
					f"The CNAMEs of {host} lead in a circle: {' → '.join([host, *chain, name])}."
				)
			chain.append(name)
			if len(chain) > LONGEST_CHAIN:
				raise LookupFault(f"More than {LONGEST_CHAIN} CNAMEs follow each other from {host}.")

	def authoritative(self, name: str, kind: str) -> Answer:
		"""What the name's own zone says. A CNAME is not followed: it is the one entry of chain.

		Where its servers cannot be reached from here, a resolver is asked, and is_authoritative is False.
		"""
		try:
			zone, response, server = self._asked(name, kind)
			return _answer(name, kind, zone, response, server)
		except LookupFault as fault:
			cached = self.cached(name, kind)
			if cached is None:
				raise fault
			return cached

	def cached(self, name: str, kind: str) -> Answer | None:
		"""What the first resolver says that answers, from its cache perhaps; None when none does."""
		for server in self.resolvers:
			try:
				response = self._exchange([server], name, kind, is_recursive=True)[0]
			except LookupFault:
				continue
			if response.flags & dns.flags.RA or response.flags & dns.flags.AA:
				return replace(
					_answer(name, kind, "", response, server),
					is_authoritative=bool(response.flags & dns.flags.AA),
				)
		return None

	def signed(self, name: str, kind: str) -> tuple[str, dns.message.Message]:
		"""The zone's own answer with its signatures (DNSSEC): its name, and the message."""
		zone, response, _server = self._asked(name, kind, is_signed=True)
		return zone, response

	def of_parent(self, zone: str, kind: str) -> dns.message.Message:
		"""What the zone above says of the zone (its DS records)."""
		above = parents(zone)
		servers = self._servers_above(above[0], 0) if above else self.resolvers
		return self._walk(servers, zone, kind, is_signed=True, stop_at=zone)[1]

	def by_resolvers(self, name: str, kind: str, is_checked: bool) -> list[dns.message.Message]:
		"""What each resolver says. is_checked False: it shall not check signatures (DNSSEC). Those that do not answer are left out."""
		found = []
		for server in self.resolvers:
			try:
				found.append(dns_exchange.ask_as_is(server, name, kind, self.seconds, is_checked=is_checked))
			except LookupFault:
				continue
		return found

	def unlikely_sibling(self, host: str) -> str:
		"""A name beside the host that nobody has made: what is said of it comes from a wildcard record."""
		return f"buildpro-{secrets.token_hex(6)}.{host.partition('.')[2]}"

	def _asked(self, name: str, kind: str, is_signed: bool = False, depth: int = 0):
		return self._walk(self._servers_above(name, depth), name, kind, is_signed=is_signed, depth=depth)

	def _walk(self, servers, name, kind, *, is_signed=False, stop_at="", depth=0):
		"""Follow referrals from servers to the zone that has the name: (zone, response, server)."""
		zone = ROOT
		for _ in range(MOST_REFERRALS):
			response, server = self._exchange(servers, name, kind, is_signed=is_signed)
			below = _referral(response, name, zone)
			if below is None and not response.flags & dns.flags.AA:
				raise LookupFault(f"{server} is not responsible for {name}, though the zone above says so.")
			if below is None or below[0] == stop_at:
				return _zone_in(response, name) or zone.strip(ROOT), response, server
			zone, names = below
			servers = self._zones[zone] = self._addressed(names, response, depth)
		raise LookupFault(f"The servers above {name} refer to each other without end.")

	def _servers_above(self, name: str, depth: int) -> list[Server]:
		"""Where to begin: servers of the nearest zone above that is known, else of the name's top-level domain."""
		for known in (name, *parents(name)):
			if known in self._zones:
				return self._zones[known]
		response, _server = self._exchange(self.resolvers, name, "SOA", is_recursive=True)
		if response.flags & dns.flags.AA or not response.flags & dns.flags.RA:
			return self.resolvers  # authoritative themselves, for the name or for a zone above it
		for zone in reversed([name, *parents(name)]):
			response, _server = self._exchange(self.resolvers, zone, "NS", is_recursive=True)
			if names := _values(response, dns.name.from_text(zone), "NS"):
				self._zones[zone] = self._addressed(names, response, depth)
				return self._zones[zone]
		raise LookupFault(f"No resolver knows which servers have {name}.")

	def _addressed(self, names: list[str], response: dns.message.Message, depth: int) -> list[Server]:
		"""The servers of these names: their addresses from the response, or looked up."""
		found = [
			Server(name, address, self.authority_port)
			for kind in ("A", "AAAA")
			for name in names
			for address in _glue(response, name, kind)
		]
		for name in names if not found and depth < DEEPEST else ():
			found += [
				Server(name, each, self.authority_port) for each in self._addresses_of_server(name, depth + 1)
			]
		if not found:
			raise LookupFault(f"The servers {', '.join(names)} have no address.")
		return found

	def _addresses_of_server(self, name: str, depth: int) -> list[str]:
		"""A server's addresses, as resolvers have them; where there are none, from the zones themselves."""
		found = []
		for kind in ("A", "AAAA"):
			answer = self.cached(name, kind)
			try:
				if answer is None:
					zone, response, server = self._asked(name, kind, depth=depth)
					answer = _answer(name, kind, zone, response, server)
			except LookupFault:
				continue
			found += answer.values
		return found

	def _exchange(self, servers, name, kind, *, is_recursive=False, is_signed=False):
		return dns_exchange.ask(
			servers, name, kind, self.seconds, is_recursive=is_recursive, is_signed=is_signed
		)


def _of_this_machine() -> list[tuple[str, int]]:
	try:
		return [(address, 53) for address in dns.resolver.Resolver().nameservers]
	except dns.resolver.NoResolverConfiguration:
		return []


def _answer(name: str, kind: str, zone: str, response: dns.message.Message, server: Server) -> Answer:
	owner = dns.name.from_text(name)
	values = _values(response, owner, kind)
	aliases = [] if kind == "CNAME" or values else _values(response, owner, "CNAME")
	return Answer(
		name,
		kind,
		values,
		aliases[:1],
		exists=bool(aliases) or response.rcode() != dns.rcode.NXDOMAIN,
		zone=zone or _zone_in(response, name),
		server=str(server),
		seconds=_seconds(response, owner, kind if values else "CNAME"),
	)


def _values(response: dns.message.Message, owner: dns.name.Name, kind: str) -> list[str]:
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


def _zone_in(response: dns.message.Message, name: str) -> str:
	"""The zone at or above the name whose SOA the response has; empty for none. One that a CNAME leads to does not count."""
	asked = dns.name.from_text(name)
	zones = (each.name for each in _soa_sets(response) if asked.is_subdomain(each.name))
	return next((zone.to_text(omit_final_dot=True).lower() for zone in zones if zone != dns.name.root), "")


def _referral(response: dns.message.Message, name: str, zone: str) -> tuple[str, list[str]] | None:
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


def _glue(response: dns.message.Message, name: str, kind: str) -> list[str]:
	owner, wanted = dns.name.from_text(name), dns.rdatatype.from_text(kind)
	return [
		rdata.address
		for rrset in response.additional
		if rrset.name == owner and rrset.rdtype == wanted
		for rdata in rrset
	]
