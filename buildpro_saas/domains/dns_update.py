"""DNS servers that take updates by RFC 2136, signed with a key (TSIG): knot, BIND, PowerDNS, Windows DNS.

An update says what we have seen (its prerequisites), so the server does all of it at once, or nothing when somebody was faster.
"""

import binascii
import socket

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.zone

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import record_marks
from buildpro_saas.domains.dns_records import BusyError, ChangedMeanwhile, Provider
from buildpro_saas.domains.record_marks import KINDS, Change

SECONDS = 10.0  # for one message
WANTED = ("server", "key_name", "key_secret")
FIELDS = {*WANTED, "port", "key_algorithm"}
ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1")
MEANWHILE = (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN)
HINTS = {
	dns.rcode.REFUSED: "Allow the key to update the zone on the server (knot: acl; BIND: update-policy).",
	dns.rcode.NOTAUTH: "Give the address of the zone's primary server, and a key that it knows.",
	dns.rcode.NOTZONE: "Name the zone as the server has it.",
	dns.rcode.NOTIMP: "The server takes no updates: use its provider's own API.",
}


class UpdateProvider(Provider):
	"""A zone on a server that takes updates. credentials: server (address or name), port, key_name, key_secret (base64), key_algorithm."""

	def __init__(self, zone: str, credentials: dict, ttl: int):
		super().__init__(zone, ttl)
		_check(credentials)
		self.server, self.port = credentials["server"], int(credentials.get("port") or 53)
		name = dns.name.from_text(credentials["key_name"])
		algorithm = (credentials.get("key_algorithm") or ALGORITHMS[0]).lower().rstrip(".")
		self.key = dns.tsig.Key(name, credentials["key_secret"], algorithm)
		# what was read last, as the server has it: others' texts may be in several parts, and have quotes
		self._sets: dict[tuple[str, str], dns.rdataset.Rdataset] = {}

	def read(self, wanted: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
		"""As Provider.read."""
		return {name: {kind: self._values(name, kind) for kind in kinds} for name, kinds in wanted.items()}

	def write(self, changes: list[Change], seen: dict[str, dict[str, list[str]]]) -> None:
		"""As Provider.write: in one update."""
		update = dns.update.UpdateMessage(self.zone, keyring=self.key)
		for name, kind in {(each.name, each.kind): None for each in changes}:
			owner = self._relative(name)
			if seen[name][kind]:
				update.present(owner, self._sets[name, kind])
			else:
				update.absent(owner, kind)
		for each in changes:
			rdata = (self._relative(each.name), self.ttl, each.kind, _wire(each.kind, each.value))
			if each.is_added:
				update.add(*rdata)
			else:
				update.delete(rdata[0], *rdata[2:])
		rcode = self._exchanged(update).rcode()
		if rcode in MEANWHILE:
			raise ChangedMeanwhile
		self._raise_for(rcode)

	def whole(self) -> dict[str, dict[str, list[str]]]:
		"""As Provider.whole: by a transfer of the zone, which the key must be allowed."""
		try:
			message = dns.message.make_query(self.zone, "AXFR")
			message.use_tsig(self.key)
			zone = dns.zone.Zone(self.zone, relativize=False)
			dns.query.inbound_xfr(self._address(), zone, message, port=self.port, lifetime=SECONDS * 6)
		except (dns.exception.Timeout, OSError, EOFError) as error:
			raise self._busy(error) from error
		except dns.exception.DNSException as error:
			hint = "Allow the key to transfer the zone (AXFR) on the server, for its records to be compared."
			raise AgentError(
				f"{self.server} does not let us read the whole zone {self.zone}: {error}.", hint
			) from error
		found: dict[str, dict[str, list[str]]] = {}
		for name, _ttl, rdata in zone.iterate_rdatas():
			if (kind := dns.rdatatype.to_text(rdata.rdtype)) in KINDS:
				host = name.to_text(omit_final_dot=True).lower()
				found.setdefault(host, {}).setdefault(kind, []).append(_plain(kind, rdata))
		return found

	def _values(self, name: str, kind: str) -> list[str]:
		query = dns.message.make_query(name, kind)
		query.use_tsig(self.key)
		response = self._exchanged(query)
		if response.rcode() != dns.rcode.NXDOMAIN:
			self._raise_for(response.rcode())
		owner, wanted = dns.name.from_text(name), dns.rdatatype.from_text(kind)
		rrset = next((each for each in response.answer if each.name == owner and each.rdtype == wanted), None)
		if rrset is None:
			return []
		# what a wildcard record above gives is not the name's own
		if not name.startswith("*.") and name != self.zone and self._is_absent(name):
			return []
		self._sets[name, kind] = rrset.to_rdataset()
		self._sets[name, kind].ttl = 0  # as a prerequisite has to have it (RFC 2136 §2.4.2)
		return sorted(_plain(kind, rdata) for rdata in rrset)

	def _is_absent(self, name: str) -> bool:
		"""Whether no record is at the very name: an update without changes asks it as its prerequisite, which no wildcard meets."""
		update = dns.update.UpdateMessage(self.zone, keyring=self.key)
		update.absent(self._relative(name))
		rcode = self._exchanged(update).rcode()
		if rcode == dns.rcode.YXDOMAIN:
			return False
		self._raise_for(rcode)
		return True

	def _relative(self, name: str) -> dns.name.Name:
		return dns.name.from_text(name).relativize(dns.name.from_text(self.zone))

	def _address(self) -> str:
		try:
			return socket.getaddrinfo(self.server, self.port, type=socket.SOCK_STREAM)[0][4][0]
		except socket.gaierror as error:
			if error.errno == socket.EAI_AGAIN:
				raise self._busy(error) from error
			raise AgentError(
				f"The DNS server {self.server} has no address.", "Give its right name."
			) from error

	def _exchanged(self, message: dns.message.Message) -> dns.message.Message:
		try:
			response = dns.query.tcp(message, self._address(), timeout=SECONDS, port=self.port)
		except (dns.exception.Timeout, OSError, EOFError) as error:
			raise self._busy(error) from error
		except dns.tsig.PeerBadTime as error:
			hint = "Set the clocks of both machines (they may differ by 300 s)."
			raise AgentError(f"{self.server} says that our clock and its own differ.", hint) from error
		except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.message.UnknownTSIGKey) as error:
			hint = "Check the key's name, secret and algorithm against the server's configuration."
			raise AgentError(
				f"{self.server} does not know the key {self.key.name} ({error}).", hint
			) from error
		except dns.exception.DNSException as error:
			if "TSIG" in str(error):
				raise self._unsigned("") from error
			raise BusyError(
				f"{self.server} gave an answer that is not one of a DNS server's: {error}."
			) from error
		if not response.had_tsig:  # older versions of dnspython leave it to us
			raise self._unsigned(f" ({dns.rcode.to_text(response.rcode())})")
		return response

	def _unsigned(self, said: str) -> AgentError:
		"""A server does not sign where it has nothing to do with the zone; who stands between us and it cannot."""
		hint = "Give the address of the zone's primary server, name the zone as it has it, and check the key."
		return AgentError(
			f"{self.server} answers for {self.zone} without signing with the key {self.key.name}{said}.", hint
		)

	def _busy(self, error: BaseException) -> BusyError:
		reason = (
			f"does not answer within {SECONDS:.0f} s" if isinstance(error, dns.exception.Timeout) else error
		)
		return BusyError(f"The DNS server {self.server} port {self.port}: {reason}.")

	def _raise_for(self, rcode: dns.rcode.Rcode) -> None:
		if rcode == dns.rcode.NOERROR:
			return
		said = f"The DNS server {self.server} answers {dns.rcode.to_text(rcode)} for {self.zone} with the key {self.key.name}"
		if rcode in HINTS:
			raise AgentError(f"{said}.", HINTS[rcode])
		raise BusyError(f"{said}.")


def _check(credentials: dict) -> None:
	"""Raises AgentError with a sentence when something is missing, unknown or no key."""
	if missing := [name for name in WANTED if not credentials.get(name)]:
		raise AgentError(f"Updates by RFC 2136 need {', '.join(missing)}.", "See docs/domains-dns.md.")
	if unknown := sorted(set(credentials) - FIELDS):
		raise AgentError(
			f"Updates by RFC 2136 know no {', '.join(unknown)}, only {', '.join(sorted(FIELDS))}."
		)
	algorithm = (credentials.get("key_algorithm") or ALGORITHMS[0]).lower().rstrip(".")
	if algorithm not in ALGORITHMS:
		raise AgentError(f"{algorithm} is no algorithm of a TSIG key: use one of {', '.join(ALGORITHMS)}.")
	try:
		dns.tsigkeyring.from_text({credentials["key_name"]: credentials["key_secret"]})
	except (binascii.Error, dns.exception.DNSException, ValueError):
		raise AgentError(
			"The key's name is no DNS name, or its secret is not base64: copy both whole, without quotes."
		) from None
	port = str(credentials.get("port") or 53)
	if not (port.isdecimal() and port.isascii() and 0 < int(port) < 1 << 16):
		raise AgentError("The port of the DNS server is a number from 1 to 65535, usually 53.")


def _wire(kind: str, value: str) -> str:
	"""A value as a zone file has it."""
	return f'"{value}"' if kind == "TXT" else f"{value}." if kind == "CNAME" else value


def _plain(kind: str, rdata) -> str:
	text = b"".join(rdata.strings).decode(errors="replace") if kind == "TXT" else rdata.to_text()
	return record_marks.as_found(kind, text)
