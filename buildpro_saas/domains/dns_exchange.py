"""One question to DNS servers and its answer: time limits, TCP where UDP does not do, the next server where one cannot help."""

import time
from dataclasses import dataclass

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from buildpro_saas.agent.errors import TransientError

# How long all servers of a zone together are waited for, in waits for one.
MOST_WAITS = 4
HELPFUL = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)


class LookupFault(TransientError):
	"""No server answered the question in a way that helps. It says nothing about the name."""


@dataclass(frozen=True)
class Server:
	"""A DNS server. name: its host name; empty for one that is known by its address."""

	name: str
	address: str
	port: int = 53

	def __str__(self) -> str:
		place = self.address if self.port == 53 else f"{self.address} port {self.port}"
		return f"{self.name} ({place})" if self.name else place


def ask(
	servers: list[Server],
	name: str,
	kind: str,
	seconds: float,
	*,
	is_recursive: bool = False,
	is_signed: bool = False,
	is_tcp: bool = False,
) -> tuple[dns.message.Message, Server]:
	"""The first helpful response, and who gave it. seconds: of patience with one server.

	A server that refuses, fails, or is not responsible for the name does not help. is_tcp: over TCP alone, where nobody who does not see
	the question can answer it. Raises LookupFault when none helps.
	"""
	faults = []
	until = time.monotonic() + seconds * MOST_WAITS
	for server in servers:
		patience = min(seconds, until - time.monotonic())
		if patience <= 0:
			break
		try:
			response = ask_as_is(
				server, name, kind, patience, is_recursive=is_recursive, is_signed=is_signed, is_tcp=is_tcp
			)
		except LookupFault as fault:
			faults.append(str(fault))
			continue
		if response.rcode() in HELPFUL and (is_recursive or _is_responsible(response)):
			return response, server
		faults.append(f"{server} says {_refusal(response)}")
	said = "; ".join(faults) or "there is no server to ask"
	raise LookupFault(f"No DNS server answers for {name} ({kind}): {said}.")


def ask_as_is(
	server: Server,
	name: str,
	kind: str,
	seconds: float,
	*,
	is_recursive: bool = True,
	is_signed: bool = False,
	is_checked: bool = True,
	is_tcp: bool = False,
) -> dns.message.Message:
	"""The server's response, whatever it says. is_checked False: a resolver shall not check signatures. Raises LookupFault for none."""
	query = dns.message.make_query(name, kind, use_edns=0, want_dnssec=is_signed)
	if not is_recursive:
		query.flags &= ~dns.flags.RD
	if not is_checked:
		query.flags |= dns.flags.CD
	try:
		response = _exchanged(query, server, seconds, is_tcp)
		if response.rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP):  # knows no EDNS
			query.use_edns(False)
			response = _exchanged(query, server, seconds, is_tcp)
		return response
	except dns.exception.Timeout:
		raise LookupFault(f"{server} does not answer within {seconds:.0f} s") from None
	except (OSError, EOFError) as error:
		raise LookupFault(f"{server} cannot be reached ({error})") from error
	except dns.exception.DNSException as error:
		raise LookupFault(f"{server} answers wrongly ({error})") from error


def _exchanged(query, server: Server, seconds: float, is_tcp: bool) -> dns.message.Message:
	"""Over UDP; over TCP what was cut off, and where UDP is not let through."""
	where = {"port": server.port}
	if is_tcp:
		return dns.query.tcp(query, server.address, timeout=seconds, **where)
	try:
		response, _is_tcp = dns.query.udp_with_fallback(
			query, server.address, timeout=seconds / 2, ignore_unexpected=True, ignore_errors=True, **where
		)
		return response
	except dns.exception.Timeout:
		return dns.query.tcp(query, server.address, timeout=seconds / 2, **where)


def _is_responsible(response: dns.message.Message) -> bool:
	"""Whether an authoritative server has the name, or refers to who does; else it is lame."""
	return bool(response.flags & dns.flags.AA) or bool(response.authority and not response.answer)


def _refusal(response: dns.message.Message) -> str:
	if response.rcode() in HELPFUL:
		return "that it is not responsible"
	return dns.rcode.to_text(response.rcode())
