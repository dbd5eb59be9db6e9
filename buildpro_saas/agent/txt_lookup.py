"""Looks for a TXT record at the very servers of its zone, past all caches, before an authority looks."""

import ipaddress
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from buildpro_saas.agent.errors import AgentError

TIMEOUT = 3  # seconds for one server
LONGEST_CHAIN = 8  # of CNAMEs
NO_ANSWER = "does not answer"


def not_seen(name: str, value: str, servers: list[str]) -> str:
	"""A sentence that says which server does not have the value yet; empty once all that answer have it.

	servers: addresses, with a port where it is another than 53 ("192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53"). Raises AgentError
	for an address that is none.
	"""
	places = {server: _place(server) for server in servers}
	if not places:
		return ""
	with ThreadPoolExecutor(len(places)) as pool:
		answers = dict(
			zip(places, pool.map(lambda place: _values(name, *place), places.values()), strict=True)
		)
	heard = {server: found for server, found in answers.items() if found != NO_ANSWER}
	if not heard:
		return f"No server of the zone answers for {name}: {', '.join(servers)}."
	for server, found in heard.items():
		if isinstance(found, str):
			return (
				f"The server {server} says of {name}: {found}. Set a TXT record there with the value {value}."
			)
		if value not in found:
			there = ", ".join(found) or "no TXT record"
			return (
				f"The server {server} has {there} for {name}. Set a TXT record there with the value {value}."
			)
	return ""


def _place(server: str) -> tuple[str, int]:
	host, port = server, "53"
	if server.startswith("["):
		host, _, port = server[1:].partition("]")
		port = port.lstrip(":") or "53"
	elif server.count(":") == 1:
		host, _, port = server.partition(":")
	try:
		return str(ipaddress.ip_address(host)), int(port)
	except ValueError:
		raise AgentError(
			f"{server!r} is no address of a DNS server.", "Give addresses such as 192.0.2.1 or 192.0.2.1:53."
		) from None


def _values(name: str, address: str, port: int) -> list[str] | str:
	"""The TXT values, or what the server says in their place. CNAMEs are followed as far as this server knows them."""
	at = dns.name.from_text(name)
	for _step in range(LONGEST_CHAIN):
		query = dns.message.make_query(at, dns.rdatatype.TXT)
		query.flags &= ~dns.flags.RD
		try:
			answer, _is_tcp = dns.query.udp_with_fallback(query, address, timeout=TIMEOUT, port=port)
		except (dns.exception.DNSException, OSError):
			return NO_ANSWER
		if answer.rcode() == dns.rcode.NXDOMAIN:
			return []
		if answer.rcode() != dns.rcode.NOERROR:
			return dns.rcode.to_text(answer.rcode())
		chain = {each.name: each[0].target for each in answer.answer if each.rdtype == dns.rdatatype.CNAME}
		while at in chain and len(chain) <= LONGEST_CHAIN:
			at = chain.pop(at)
		texts = [each for each in answer.answer if each.rdtype == dns.rdatatype.TXT and each.name == at]
		if texts or not answer.answer:
			return [b"".join(row.strings).decode("utf-8", "replace") for each in texts for row in each]
	return "the CNAMEs lead in a circle"
