"""Walks the way of a visitor to a name, DNS → TCP → TLS → HTTP, and says the first thing that is wrong."""

import errno
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from buildpro_saas.domains.dns_exchange import LookupFault
from buildpro_saas.domains.lookup import Lookup

STAGES = ("DNS", "TCP", "TLS", "HTTP")
SECONDS = 5.0  # for one connection, or one answer
LONGEST = 32 << 10  # bytes of an answer's head
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
PATH = "/api/method/ping"
AGENT = "BuildPro-SaaS-domain-check"
NO_WAY = (
	errno.ENETUNREACH,
	errno.EAFNOSUPPORT,
	errno.EADDRNOTAVAIL,
)  # this machine has no such addresses itself
EXPIRED, SELF_SIGNED, SELF_SIGNED_IN_CHAIN, NO_ISSUER, WRONG_NAME = (
	10,
	18,
	19,
	20,
	62,
)  # OpenSSL's X509_V_ERR_…


@dataclass(frozen=True)
class Stage:
	"""One part of the way. seconds: how long it took. addresses: those that are known by then."""

	name: str  # one of STAGES
	is_ok: bool
	sentence: str
	seconds: float
	addresses: list[str] = field(default_factory=list)


class _Stop(Exception):
	"""The way ends here. Its text is the sentence."""


class _NoWay(_Stop):
	"""This machine has no address of the kind, IPv6 mostly: it says nothing of the other end."""


@dataclass
class _Way:
	host: str
	lookup: Lookup
	port: int
	http_port: int
	ca_file: str | None
	connect_to: str | None
	redirects_to: str
	addresses: list[str] = field(default_factory=list)
	connection: socket.socket | None = None

	def dns(self) -> str:
		if self.connect_to:
			return f"The DNS is not asked: {self.connect_to} was given."
		try:
			a = self.lookup.a(self.host)
			self.addresses = [*a.values, *self.lookup.aaaa(self.host).values]
		except LookupFault as fault:
			raise _Stop(str(fault)) from fault
		if not self.addresses:
			said = "has no address" if a.exists else "does not exist"
			raise _Stop(f"{a.last} {said}, says {a.server}. `domains check` says what to set.")
		private = [each for each in self.addresses if not self.lookup.counts(each)]
		if private:
			raise _Stop(
				f"{a.last} has {', '.join(private)}, an address of a private network: nobody outside reaches it."
			)
		way = " → ".join([self.host, *a.chain])
		return f"{way} has {', '.join(self.addresses)}."

	def tcp(self) -> str:
		"""Every address must answer on both ports: a visitor gets any of them. One of a kind that this machine lacks is left out."""
		ports = [port for port in (self.http_port, self.port) if port]
		reached, unreached = [], []
		for address in [self.connect_to] if self.connect_to else self.addresses:
			try:
				for port in ports:
					_connected(address, port).close()
				reached.append(address)
			except _NoWay:
				unreached.append(address)
		self.addresses = reached
		asked = " and ".join(map(str, ports))
		if not reached:
			raise _Stop(
				f"This machine has no way to {', '.join(unreached)}, so port {asked} cannot be asked from here."
			)
		left_out = (
			f" This machine has no way to {', '.join(unreached)}, which was not asked." if unreached else ""
		)
		return f"{', '.join(reached)} answers on port {asked}.{left_out}"

	def tls(self) -> str:
		said = ""
		for address in self.addresses:
			if self.connection:
				self.connection.close()
			self.connection = self._shaken(address)
			said = _about(self.connection)
		return said

	def _shaken(self, address: str) -> ssl.SSLSocket:
		try:
			context = ssl.create_default_context(cafile=self.ca_file)
		except OSError as error:
			raise _Stop(
				f"The file of trusted certificates, {self.ca_file}, cannot be read ({_reason(error)})."
			) from error
		plain = _connected(address, self.port)
		try:
			return context.wrap_socket(plain, server_hostname=self.host)
		except ssl.SSLCertVerificationError as error:
			plain.close()
			raise _Stop(f"{address} shows for {self.host} {_wrong_certificate(error)}.") from error
		except (OSError, EOFError) as error:
			plain.close()
			raise _Stop(
				f"{address} breaks off the TLS handshake for {self.host} ({_reason(error)})."
			) from error

	def http(self) -> str:
		status, location, took = _answer(self.connection, self.host, self.port, 443)
		said = f"https://{self.host}{PATH} answers {status}{f' to {location}' if location else ''}"
		is_led_on = 300 <= status < 400 and _is_at(location, self.redirects_to)
		if self.redirects_to and not is_led_on:
			raise _Stop(f"{said}, and does not lead to https://{self.redirects_to}.")
		if status >= 300 and not is_led_on:
			raise _Stop(f"{said}.")
		if self.http_port:
			self._plain_http()
		return f"{said} in {took:.2f} s."

	def _plain_http(self) -> None:
		"""A visitor who types the name alone comes by plain HTTP; he must be sent on, or served."""
		with _connected(self.addresses[0], self.http_port) as plain:
			status, location, _took = _answer(plain, self.host, self.http_port, 80)
		if status >= 400 or (300 <= status < 400 and not location.startswith("https://")):
			to = f" to {location}" if location else ""
			raise _Stop(f"http://{self.host}{PATH} answers {status}{to}, and does not lead to https.")


def walk(
	host: str,
	lookup: Lookup,
	port: int = 443,
	http_port: int = 80,
	ca_file: str | None = None,
	connect_to: str | None = None,
	redirects_to: str = "",
	told: Callable[[Stage], None] = lambda stage: None,
) -> list[Stage]:
	"""The stages of the way to the host (normalised), in their order; the last is the first that is not well, if any.

	ca_file: certificates to trust instead of the system's. connect_to: an address to go to; the DNS is not asked then. http_port 0:
	plain HTTP is left out. redirects_to: the host that this one leads to; empty: it has to answer itself. told: gets each stage as it comes,
	for who does not wait to the end. Raises nothing for what it finds.
	"""
	way = _Way(host, lookup, port, http_port, ca_file, connect_to, redirects_to)
	stages = []
	try:
		for name, part in zip(STAGES, (way.dns, way.tcp, way.tls, way.http), strict=True):
			began = time.monotonic()
			try:
				said, is_ok = part(), True
			except _Stop as stop:
				said, is_ok = str(stop), False
			stages.append(Stage(name, is_ok, said, time.monotonic() - began, list(way.addresses)))
			told(stages[-1])
			if not is_ok:
				break
	finally:
		if way.connection:
			way.connection.close()
	return stages


def _connected(address: str, port: int) -> socket.socket:
	try:
		return socket.create_connection((address, port), timeout=SECONDS)
	except OSError as error:
		if error.errno in NO_WAY:
			raise _NoWay(f"This machine has no way to {address}.") from error
		raise _Stop(f"Port {port} of {address} does not answer ({_reason(error)}).") from error


def _reason(error: BaseException) -> str:
	if isinstance(error, TimeoutError):
		return f"not within {SECONDS:.0f} s"
	return (
		getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error) or type(error).__name__
	)


def _wrong_certificate(error: ssl.SSLCertVerificationError) -> str:
	said = {
		EXPIRED: "a certificate that has expired",
		SELF_SIGNED: "a certificate that is signed by itself: its own is not there yet",
		SELF_SIGNED_IN_CHAIN: "a certificate of an authority that is not trusted here",
		NO_ISSUER: "a certificate of an authority that is not trusted here, or without its chain",
		WRONG_NAME: "a certificate of other names: its own is not there yet",
	}
	return said.get(error.verify_code, f"a certificate that is not valid ({error.verify_message})")


def _about(connection: ssl.SSLSocket) -> str:
	shown = connection.getpeercert()
	days = (ssl.cert_time_to_seconds(shown["notAfter"]) - time.time()) / 86400
	issuer = dict(pair for names in shown["issuer"] for pair in names)
	by = issuer.get("organizationName") or issuer.get("commonName") or "an authority without a name"
	return f"{connection.version()}, certificate by {by}, valid for {days:.0f} days more."


def _answer(connection: socket.socket, host: str, port: int, usual: int) -> tuple[int, str, float]:
	"""Status, where it leads, and seconds of one GET over a connection that is open."""
	began = time.monotonic()
	named = host if port == usual else f"{host}:{port}"
	request = f"GET {PATH} HTTP/1.1\r\nHost: {named}\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n\r\n"
	try:
		connection.sendall(request.encode())
		head = _head(connection, began + SECONDS)
		status = STATUS.match(head)
		if not status:
			raise _Stop(f"{host} gives an answer on port {port} that is not HTTP's, or none.")
		headers = http.client.parse_headers(io.BytesIO(head.partition(b"\n")[2]))
	except (OSError, http.client.HTTPException) as error:
		raise _Stop(f"{host} gives no answer to {PATH} on port {port} ({_reason(error)}).") from error
	return int(status[1]), headers.get("Location") or "", time.monotonic() - began


def _head(connection: socket.socket, until: float) -> bytes:
	"""The answer until its body begins. A server that sends it byte by byte is waited for no longer than one that sends nothing."""
	head = b""
	while b"\r\n\r\n" not in head and len(head) < LONGEST:
		if (left := until - time.monotonic()) <= 0:
			raise TimeoutError
		connection.settimeout(left)
		if not (part := connection.recv(4096)):
			break
		head += part
	return head


def _is_at(link: str, host: str) -> bool:
	"""Whether the link leads to the host over https, on any port."""
	try:
		parts = urlsplit(link)
		return bool(host) and parts.scheme == "https" and parts.hostname == host
	except ValueError:
		return False
