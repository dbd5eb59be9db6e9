"""Looks names up where they are kept: at the authoritative servers of their zone, so that no cache's old "no" is believed.

The way there is the DNS's own: from the servers of the top-level domain by referrals. Resolvers are asked only for the way to those,
for what they still have in their caches, and where the authoritative servers cannot be reached from here.
"""

import ipaddress
import secrets
from copy import copy
from dataclasses import replace

import dns.flags
import dns.message
import dns.name
import dns.resolver

from buildpro_saas.domains import dns_answers, dns_exchange
from buildpro_saas.domains.dns_answers import Answer
from buildpro_saas.domains.dns_exchange import LookupFault, Server
from buildpro_saas.domains.host_names import parents

MOST_REFERRALS, LONGEST_CHAIN, DEEPEST = 12, 10, 4
ROOT = "."


class Lookup:
	"""Looks up names for one check. Make one for each check: it remembers which servers a zone has.

	servers: (address, port) of resolvers or of authoritative servers to ask first; None: the resolvers of this machine. Others are asked
	on authority_port. seconds: of patience with one server. Methods raise LookupFault (transient) when no server answers.

	Who asks us to look at a name may have written what is found there. So where the operator names no servers of his own, no server and
	no address of a private network counts (has_private).
	"""

	def __init__(
		self,
		servers: list[tuple[str, int]] | None = None,
		authority_port: int = 53,
		seconds: float = 3.0,
	):
		self.resolvers = [Server("", *given) for given in (servers or _of_this_machine())]
		self.has_private = servers is not None
		self.authority_port = authority_port
		self.seconds = seconds
		self.is_tcp = False
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
		"""The texts at the very name: a CNAME there is not followed, and is told in chain.

		All on the way is asked over TCP: texts prove whose a name is, and over UDP somebody else could answer.
		"""
		over_tcp = copy(self)
		over_tcp.is_tcp, over_tcp._zones = True, {}
		return over_tcp.authoritative(name, "TXT")

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

	def everywhere(self, name: str, kind: str) -> dict[str, list[str]]:
		"""What each server of the name's zone says that answers: server → values. A CNAME is not followed.

		An authority asks any of them. Some get changes late. Raises LookupFault when none answers.
		"""
		found = {}
		for server in self._servers_of(self.zone_of(name)):
			try:
				response, _server = self._exchange([server], name, kind)
			except LookupFault:
				continue
			found[str(server)] = dns_answers.answer(name, kind, "", response, server).values
		if not found:
			answer = self.authoritative(name, kind)
			found[answer.server] = answer.values
		return found

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
			return dns_answers.answer(name, kind, zone, response, server)
		except LookupFault as fault:
			cached = self.cached(name, kind)
			if cached is None or (kind in ("A", "AAAA") and not all(map(self.counts, cached.values))):
				raise fault
			return cached

	def counts(self, address: str) -> bool:
		"""Whether the address may be asked: a public one, or any where the operator has named servers of his own."""
		return self.has_private or ipaddress.ip_address(address).is_global

	def cached(self, name: str, kind: str) -> Answer | None:
		"""What the first resolver says that answers, from its cache perhaps; None when none does."""
		for server in self.resolvers:
			try:
				response = self._exchange([server], name, kind, is_recursive=True)[0]
			except LookupFault:
				continue
			if response.flags & dns.flags.RA or response.flags & dns.flags.AA:
				return replace(
					dns_answers.answer(name, kind, "", response, server),
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

	def _servers_of(self, zone: str) -> list[Server]:
		"""All servers of a zone, as the zone names them; those that we were given where they have it themselves."""
		if self._servers_above(zone, 0) is self.resolvers:
			return self.resolvers
		return [
			Server(name, address, self.authority_port)
			for name in self.server_names(zone)
			for address in self._addresses_of_server(name, 0)
			if self.counts(address)
		]

	def _asked(self, name: str, kind: str, is_signed: bool = False, depth: int = 0):
		return self._walk(self._servers_above(name, depth), name, kind, is_signed=is_signed, depth=depth)

	def _walk(self, servers, name, kind, *, is_signed=False, stop_at="", depth=0):
		"""Follow referrals from servers to the zone that has the name: (zone, response, server)."""
		zone = ROOT
		for _ in range(MOST_REFERRALS):
			response, server = self._exchange(servers, name, kind, is_signed=is_signed)
			below = dns_answers.referral(response, name, zone)
			if below is None and not response.flags & dns.flags.AA:
				raise LookupFault(f"{server} is not responsible for {name}, though the zone above says so.")
			if below is None or below[0] == stop_at:
				return dns_answers.zone_in(response, name) or zone.strip(ROOT), response, server
			zone, names = below
			servers = self._zones[zone] = self._addressed(names, response, depth)
		raise LookupFault(f"The servers above {name} refer to each other without end.")

	def _servers_above(self, name: str, depth: int) -> list[Server]:
		"""Where to begin: servers of the nearest zone above that is known, else of the name's top-level domain."""
		for known in (name, *parents(name)):
			if known in self._zones:
				return self._zones[known]
		if self._is_given(name):
			return self.resolvers
		for zone in reversed([name, *parents(name)]):
			try:
				response, _server = self._exchange(self.resolvers, zone, "NS", is_recursive=True)
			except LookupFault as fault:
				raise LookupFault(f"No resolver shows the way to the servers of {name}: {fault}") from fault
			if names := dns_answers.values(response, dns.name.from_text(zone), "NS"):
				self._zones[zone] = self._addressed(names, response, depth)
				return self._zones[zone]
		raise LookupFault(f"No resolver knows which servers have {name}.")

	def _is_given(self, name: str) -> bool:
		"""Whether the servers that we were given are no resolvers, but have the name themselves, or a zone above it."""
		try:
			response, _server = self._exchange(self.resolvers, name, "SOA", is_recursive=True)
		except LookupFault:
			return False  # a resolver that fails for this very name may know the way to its servers
		return bool(response.flags & dns.flags.AA) or not response.flags & dns.flags.RA

	def _addressed(self, names: list[str], response: dns.message.Message, depth: int) -> list[Server]:
		"""The servers of these names: their addresses from the response, or looked up."""
		found = [
			Server(name, address, self.authority_port)
			for kind in ("A", "AAAA")
			for name in names
			for address in dns_answers.glue(response, name, kind)
		]
		for name in names if not found and depth < DEEPEST else ():
			found += [
				Server(name, each, self.authority_port) for each in self._addresses_of_server(name, depth + 1)
			]
		found = [server for server in found if self.counts(server.address)]
		if not found:
			raise LookupFault(f"The servers {', '.join(names)} have no public address.")
		return found

	def _addresses_of_server(self, name: str, depth: int) -> list[str]:
		"""A server's addresses, as resolvers have them; where there are none, from the zones themselves."""
		found = []
		for kind in ("A", "AAAA"):
			answer = self.cached(name, kind)
			try:
				if answer is None:
					zone, response, server = self._asked(name, kind, depth=depth)
					answer = dns_answers.answer(name, kind, zone, response, server)
			except LookupFault:
				continue
			found += answer.values
		return found

	def _exchange(self, servers, name, kind, *, is_recursive=False, is_signed=False):
		return dns_exchange.ask(
			servers,
			name,
			kind,
			self.seconds,
			is_recursive=is_recursive,
			is_signed=is_signed,
			is_tcp=self.is_tcp and not is_recursive,
		)


def _of_this_machine() -> list[tuple[str, int]]:
	try:
		return [(address, 53) for address in dns.resolver.Resolver().nameservers]
	except dns.resolver.NoResolverConfiguration:
		return []
