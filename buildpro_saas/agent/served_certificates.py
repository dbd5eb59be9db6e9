"""Asks servers which certificate they show for a host name (SNI). Alarms go by that: a file on disk may never have been read."""

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from cryptography import x509

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent.certificate_facts import Served

TIMEOUT = 5.0  # seconds for one handshake
AT_ONCE = 16


def served(hosts: list[str], port: int, address: str = "", ca_file: str = "") -> dict[str, Served | str]:
	"""Host → what is shown for it; a sentence where nothing is.

	address: the server that is asked for all of them, such as 127.0.0.1; empty: where DNS leads. ca_file: the root certificate that is
	trusted in place of the public ones.
	"""
	if not hosts:
		return {}
	with ThreadPoolExecutor(min(AT_ONCE, len(hosts))) as pool:
		found = pool.map(lambda host: _shown(host, address or host, port, ca_file), hosts)
		return dict(zip(hosts, found, strict=True))


def _shown(host: str, address: str, port: int, ca_file: str) -> Served | str:
	trusting = ssl.create_default_context(cafile=ca_file or None)
	fault = ""
	try:
		try:
			leaf = _handshake(trusting, host, address, port)
		except ssl.SSLCertVerificationError as error:
			fault = f"Browsers warn of it: {error.verify_message or error.reason}."
			leaf = _handshake(_blind(), host, address, port)
	except ssl.SSLError as error:
		return f"{address}:{port} shows no certificate for {host}: {error.reason or error}."
	except (OSError, UnicodeError) as error:
		return f"{address}:{port} cannot be reached for {host}: {getattr(error, 'strerror', None) or error}."
	begin, end = reading.life_of(leaf)
	return Served(
		reading.serial_of(leaf),
		reading.names_of(leaf),
		reading.common_name(leaf.issuer),
		begin,
		end,
		fault,
	)


def _blind() -> ssl.SSLContext:
	"""Takes whatever is shown: it is looked at, and nothing is sent."""
	context = ssl.create_default_context()
	context.check_hostname = False
	context.verify_mode = ssl.CERT_NONE
	return context


def _handshake(context: ssl.SSLContext, host: str, address: str, port: int) -> x509.Certificate:
	with socket.create_connection((address, port), TIMEOUT) as plain:
		with context.wrap_socket(plain, server_hostname=host) as secured:
			return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
