"""What keeps a name from working, before any authority is asked: each thing a sentence of what the DNS says and what to set.

An authority lets a host name fail five times an hour; these looks cost none of those.
"""

import ipaddress
import socket
from dataclasses import dataclass, field

from buildpro_saas.domains import caa, dnssec, in_front
from buildpro_saas.domains.dns_exchange import LookupFault
from buildpro_saas.domains.host_names import is_under
from buildpro_saas.domains.lookup import Answer, Lookup
from buildpro_saas.domains.walk import NO_WAY

SECONDS = 5.0  # for a connection to port 80


@dataclass(frozen=True)
class Ours:
	"""Where names are to lead: the proxy's addresses, and the name for CNAMEs (empty for none)."""

	addresses: list[str]
	cname_target: str = ""


@dataclass(frozen=True)
class Finding:
	"""One thing that is wrong, or worth to know. is_blocking: no authority would issue, or visitors would not come to us."""

	key: str
	sentence: str
	is_blocking: bool = True


@dataclass(frozen=True)
class _Seen:
	"""What the DNS says of the host."""

	host: str
	a: Answer
	aaaa: Answer
	zone: str  # of the host itself
	server: str
	addresses: list[str] = field(default_factory=list)

	@property
	def is_apex(self) -> bool:
		return self.host == self.zone

	@property
	def chain(self) -> list[str]:
		return self.a.chain or self.aaaa.chain


def findings(
	lookup: Lookup,
	host: str,
	ours: Ours,
	authority_caa: str,
	*,
	method: str = "http-01",
	http_port: int = 80,
	connect_to: str = "",
) -> list[Finding]:
	"""All that is wrong with the host (normalised); those that block come first. An empty list: nothing was found.

	authority_caa: the authorities' domains for CAA; empty: not looked at. method: by which the certificate is to be had. http_port: of
	the challenge; 0: no connection is tried. connect_to: an address to connect to instead of the host's.
	"""
	try:
		seen = _look(lookup, host)
	except LookupFault as fault:
		broken = dnssec.fault(lookup, host, "")
		found = [Finding("dnssec", broken)] if broken else [Finding("no_answer", _no_answer(host, fault))]
		return found
	found = _of_address(seen, ours)
	if refusal := caa.refusal(lookup, host, authority_caa, method):
		found.append(Finding("caa", refusal))
	if broken := dnssec.fault(lookup, host, seen.zone):
		found.append(Finding("dnssec", broken))
	if not found:
		found += _of_servers(lookup, seen)
	if not any(each.is_blocking for each in found):
		found += _of_others_caches(lookup, seen) + _of_wildcard(lookup, seen, ours)
		if http_port and method == "http-01":
			found += _of_port(seen, http_port, connect_to)
	return sorted(found, key=lambda each: not each.is_blocking)


def what_to_set(host: str, ours: Ours, is_apex: bool = False) -> str:
	"""The record that leads the host here, as a sentence's end. At a zone's own name no CNAME can be (RFC 1034 §3.6.2)."""
	if ours.cname_target and not is_apex:
		return f"set a CNAME record {host} to {ours.cname_target}."
	kinds = [("A" if ipaddress.ip_address(each).version == 4 else "AAAA", each) for each in ours.addresses]
	records = " and ".join(f"{kind} {each}" for kind, each in kinds)
	reason = " (a domain's own name can have no CNAME)" if is_apex and ours.cname_target else ""
	return f"set for {host} the records {records}{reason}, and no other addresses."


def _look(lookup: Lookup, host: str) -> _Seen:
	own, zone = lookup.authoritative(host, "SOA"), lookup.zone_of(host)
	a, aaaa = lookup.a(host), lookup.aaaa(host)
	return _Seen(host, a, aaaa, zone, own.server, [*a.values, *aaaa.values])


def _no_answer(host: str, fault: LookupFault) -> str:
	return f"The DNS gives no answer for {host}: {fault} Ask who runs the domain's DNS."


def _of_address(seen: _Seen, ours: Ours) -> list[Finding]:
	"""Whether the addresses of the host are ours, all of them."""
	to_set = what_to_set(seen.host, ours, seen.is_apex)
	if found := _of_chain(seen, ours, to_set):
		return found
	if not seen.addresses:
		return [_missing(seen, to_set)]
	canonical = {str(ipaddress.ip_address(each)) for each in ours.addresses}
	strays = [each for each in seen.addresses if str(ipaddress.ip_address(each)) not in canonical]
	if not strays:
		return _apex_with_cname(seen, to_set)
	says = f"Your DNS at {seen.server} says that {seen.host} has the address {', '.join(strays)}"
	if service := in_front.service(strays, seen.chain):
		return [
			Finding(
				"proxied",
				f"{says}, which is {service}'s: switch the proxy of {service} off for this record (DNS only), and {to_set}",
			)
		]
	if len(strays) == len(seen.addresses):
		return [Finding("elsewhere", f"{says}: {to_set}")]
	kind = "AAAA" if all(":" in each for each in strays) else "A"
	key = "stray_aaaa" if kind == "AAAA" else "stray_address"
	return [Finding(key, f"{says} beside ours: take the {kind} record {', '.join(strays)} away.")]


def _of_chain(seen: _Seen, ours: Ours, to_set: str) -> list[Finding]:
	"""Whether CNAMEs lead to a name with an address."""
	if not seen.chain:
		return []
	says = f"Your DNS at {seen.server} says that {seen.host} is a CNAME to {' → '.join(seen.chain)}"
	target = ours.cname_target
	if target and seen.chain[0] == f"{target}.{seen.zone}":
		return [Finding("trailing_dot", f"{says}, with the domain added: put a dot at its end ({target}.).")]
	if not seen.addresses:
		ends = "does not exist" if not (seen.a.exists and seen.aaaa.exists) else "has no address"
		return [Finding("cname_chain", f"{says}, which {ends}: {to_set}")]
	return []


def _missing(seen: _Seen, to_set: str) -> Finding:
	if seen.a.exists:
		return Finding(
			"no_address", f"Your DNS at {seen.server} says that {seen.host} has no address: {to_set}"
		)
	kept = (
		f" Who has asked before may be told so for up to {seen.a.seconds} s more." if seen.a.seconds else ""
	)
	return Finding(
		"nxdomain", f"Your DNS at {seen.server} says that {seen.host} does not exist: {to_set}{kept}"
	)


def _apex_with_cname(seen: _Seen, to_set: str) -> list[Finding]:
	if not (seen.is_apex and seen.chain):
		return []
	return [
		Finding(
			"apex_cname",
			f"Your DNS at {seen.server} has a CNAME at {seen.host}, the domain's own name, where mail and other records break: {to_set}",
			is_blocking=False,
		)
	]


def _of_servers(lookup: Lookup, seen: _Seen) -> list[Finding]:
	"""Whether all servers of the zone lead here: an authority asks any of them."""
	kind = "CNAME" if seen.chain else "A" if seen.a.values else "AAAA"
	right = set(seen.chain[:1] or seen.addresses)  # all of them are ours
	try:
		told = lookup.everywhere(seen.host, kind)
	except LookupFault:
		return []  # what was looked up a moment ago was well
	if all(values and right.issuperset(values) for values in told.values()):
		return []
	said = "; ".join(f"{server} says {', '.join(values) or 'nothing'}" for server, values in told.items())
	sentence = (
		f"The servers of {seen.zone} do not agree on {seen.host} ({kind}): {said}. "
		"Wait some minutes, or ask who runs them."
	)
	return [Finding("servers_disagree", sentence)]


def _of_others_caches(lookup: Lookup, seen: _Seen) -> list[Finding]:
	"""A resolver that was asked before the record was there goes on saying what it was told, until its time is over."""
	kind = "A" if seen.a.values else "AAAA"
	cached = lookup.cached(seen.host, kind)
	if cached is None or cached.is_authoritative:
		return []
	shown, right = cached.chain or cached.values, seen.chain[:1] or seen.addresses
	if shown and set(shown) <= set(right):
		return []
	key = "cached_old" if shown else "cached_nxdomain"
	said = (
		f"says {', '.join(shown)}"
		if shown
		else f"says that it {'has no address' if cached.exists else 'does not exist'}"
	)
	sentence = (
		f"{seen.host} is right at {seen.server}, but the resolver {cached.server} still {said}, "
		f"for {cached.seconds} s more: nothing is to be set, only waited for."
	)
	return [Finding(key, sentence, is_blocking=False)]


def _of_wildcard(lookup: Lookup, seen: _Seen, ours: Ours) -> list[Finding]:
	"""Whether the host is answered for by a wildcard record: then every other name beside it leads to us, too."""
	if seen.is_apex or not is_under(seen.host, seen.zone):
		return []
	sibling = lookup.unlikely_sibling(seen.host)
	try:
		other = lookup.authoritative(sibling, "A" if seen.a.values or seen.a.chain else "AAAA")
	except LookupFault:
		return []
	mine = seen.chain[:1] or seen.a.values or seen.aaaa.values
	if (other.chain or other.values) != mine:
		return []
	above = seen.host.partition(".")[2]
	sentence = (
		f"Any name below {above} leads here, by a wildcard record: {what_to_set(seen.host, ours)[:-1]}, "
		f"unless you want *.{above} to lead here."
	)
	return [Finding("wildcard", sentence, is_blocking=False)]


def _of_port(seen: _Seen, port: int, connect_to: str) -> list[Finding]:
	"""Whether the port of the challenge answers, as seen from here; a firewall in front may let others through, or only us."""
	found = []
	for address in [connect_to] if connect_to else seen.addresses:
		try:
			socket.create_connection((address, port), timeout=SECONDS).close()
		except OSError as error:
			if error.errno in NO_WAY:
				continue
			reason = "nothing answers" if isinstance(error, TimeoutError) else error.strerror or str(error)
			sentence = (
				f"Port {port} of {address} does not answer from here ({reason}): open it to everybody, "
				"since the authority asks there."
			)
			found.append(Finding("port_80", sentence, is_blocking=False))
	return found
