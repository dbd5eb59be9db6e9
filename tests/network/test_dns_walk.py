"""The way of a visitor, on real servers: DNS (knot), TCP, TLS by certificates of an authority of our own, HTTP. The first fault is told."""

import contextlib
import datetime
import http.server
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from knot import Knot

from buildpro_saas.domains import walk as walking
from buildpro_saas.domains.lookup import Lookup
from buildpro_saas.domains.walk import walk

HOST = "acme.example.test"
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
	"""Makes certificates in a folder. ca: the file of its own."""

	def __init__(self, folder, name: str = "The tests' authority"):
		self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
		self.name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
		self.ca = folder / f"{name}.pem"
		made = self._made(self.name, self.key, NOW - 30 * DAY, NOW + 300 * DAY).add_extension(
			x509.BasicConstraints(ca=True, path_length=None), critical=True
		)
		self.ca.write_bytes(pem(made.sign(self.key, hashes.SHA256())))

	def _made(self, subject, key, since, until):
		builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
		builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
		return builder.not_valid_before(since).not_valid_after(until)

	def certificate(self, host: str, until=NOW + 60 * DAY) -> str:
		"""The file of a certificate with its key."""
		key = ec.generate_private_key(ec.SECP256R1())
		made = self._made(x509.Name([]), key, NOW - 20 * DAY, until).add_extension(
			x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True
		)
		file = self.folder / f"{host}-{until:%Y%m%d}.pem"
		private = key.private_bytes(
			serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
		)
		file.write_bytes(pem(made.sign(self.key, hashes.SHA256())) + private)
		return str(file)


def pem(certificate) -> bytes:
	return certificate.public_bytes(serialization.Encoding.PEM)


@contextlib.contextmanager
def web_server(certificate: str = "", status: int = 200, location: str = ""):
	"""A server on loopback that answers everything with the status; over TLS with a certificate. Gives its port and the hosts asked for."""
	asked: list[str] = []

	class Handler(http.server.BaseHTTPRequestHandler):
		def do_GET(self):
			asked.append(self.headers["Host"])
			self.send_response(status)
			self.send_header("Content-Length", "0")
			if location:
				self.send_header("Location", location)
			self.end_headers()

		def log_message(self, *_arguments):
			"""Nothing is printed."""

	class Server(http.server.ThreadingHTTPServer):
		def handle_error(self, *_arguments):
			"""A visitor who goes away while hands are shaken is what some tests are about."""

	server = Server(("127.0.0.1", 0), Handler)
	if certificate:
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(certificate)
		server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
	threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
	try:
		yield server.server_port, asked
	finally:
		server.shutdown()
		server.server_close()


@pytest.fixture(scope="module")
def lookup(tmp_path_factory, program):
	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		port = free.getsockname()[1]
	zones = {"example.test": "acme CNAME proxy\nproxy A 127.0.0.1\nempty TXT nothing\n"}
	with Knot(program("knotd"), tmp_path_factory.mktemp("dns"), zones, port):
		yield Lookup([("127.0.0.1", port)], seconds=20.0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
	return Authority(tmp_path_factory.mktemp("ca"))


def told(stages) -> list[tuple[str, bool]]:
	return [(stage.name, stage.is_ok) for stage in stages]


def test_all_is_well(lookup, authority):
	with (
		web_server(authority.certificate(HOST)) as (port, asked),
		web_server(status=301, location=f"https://{HOST}/") as (http_port, plain_asked),
	):
		stages = walk(HOST, lookup, port, http_port, str(authority.ca))
	assert told(stages) == [("DNS", True), ("TCP", True), ("TLS", True), ("HTTP", True)]
	assert stages[0].sentence == f"{HOST} → proxy.example.test has 127.0.0.1."
	assert "certificate by The tests' authority, valid for" in stages[2].sentence
	assert (asked, plain_asked) == ([f"{HOST}:{port}"], [f"{HOST}:{http_port}"])
	assert all(0 <= stage.seconds < 60 for stage in stages)


@pytest.mark.parametrize(
	("host", "said"),
	[
		("nobody.example.test", "nobody.example.test does not exist"),
		("empty.example.test", "empty.example.test has no address"),
		("acme.elsewhere.test", "No resolver shows the way to the servers of acme.elsewhere.test"),
	],
)
def test_the_dns_is_at_fault(lookup, host, said):
	(stage,) = walk(host, lookup)
	assert (stage.name, stage.is_ok) == ("DNS", False)
	assert said in stage.sentence


def test_no_private_network_is_asked_for_a_stranger(lookup, monkeypatch):
	monkeypatch.setattr(lookup, "has_private", False)
	(stage,) = walk(HOST, lookup)
	assert stage.sentence.startswith("proxy.example.test has 127.0.0.1, an address of a private network")


def test_nothing_listens(lookup, free_port):
	port = free_port()
	stages = walk(HOST, lookup, port, 0)
	assert told(stages) == [("DNS", True), ("TCP", False)]
	assert stages[1].sentence == f"Port {port} of 127.0.0.1 does not answer (Connection refused)."


def test_port_80_is_closed(lookup, authority, free_port):
	http_port = free_port()
	with web_server(authority.certificate(HOST)) as (port, _asked):
		stages = walk(HOST, lookup, port, http_port, str(authority.ca))
	assert told(stages)[-1] == ("TCP", False)
	assert f"Port {http_port} of 127.0.0.1" in stages[-1].sentence


@pytest.mark.parametrize(
	("named", "until", "said"),
	[
		("other.example.test", NOW + DAY, "a certificate of other names: its own is not there yet"),
		(HOST, NOW - DAY, "a certificate that has expired"),
	],
)
def test_the_certificate_is_not_the_names(lookup, authority, named, until, said):
	with web_server(authority.certificate(named, until)) as (port, _asked):
		stages = walk(HOST, lookup, port, 0, str(authority.ca))
	assert told(stages)[-1] == ("TLS", False)
	assert said in stages[-1].sentence


def test_an_authority_that_nobody_trusts(lookup, authority, tmp_path):
	with web_server(authority.certificate(HOST)) as (port, _asked):
		stages = walk(HOST, lookup, port, 0, str(Authority(tmp_path, "Another").ca))
	assert "of an authority that is not trusted here" in stages[-1].sentence


def test_no_tls_at_all(lookup):
	with web_server() as (port, _asked):
		stages = walk(HOST, lookup, port, 0)
	assert told(stages)[-1] == ("TLS", False)
	assert "breaks off the TLS handshake" in stages[-1].sentence


def test_a_server_that_says_nothing_is_waited_for_no_longer(lookup, monkeypatch):
	monkeypatch.setattr(walking, "SECONDS", 0.3)
	with socket.create_server(("127.0.0.1", 0)) as silent:
		stages = walk(HOST, lookup, silent.getsockname()[1], 0)
	assert told(stages)[-1] == ("TLS", False)


@contextlib.contextmanager
def tls_server(certificate: str, talk):
	"""talk(connection) with one visitor, over TLS. Gives its port."""
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(certificate)
	with socket.create_server(("127.0.0.1", 0)) as server:

		def serve():
			with contextlib.suppress(OSError):
				while True:
					plain, _sender = server.accept()
					with (
						contextlib.suppress(OSError),
						context.wrap_socket(plain, server_side=True) as connection,
					):
						talk(connection)

		threading.Thread(target=serve, daemon=True).start()
		yield server.getsockname()[1]
		server.shutdown(socket.SHUT_RDWR)


def drip(connection) -> None:
	while True:
		connection.sendall(b"x")
		time.sleep(0.05)


@pytest.mark.parametrize(
	("talk", "said"),
	[
		(drip, "gives no answer"),
		(lambda connection: connection.recv(9), "not HTTP's, or none"),
		(
			lambda connection: (connection.recv(4096), connection.sendall(b"SSH-2.0\r\n\r\n")),
			"not HTTP's, or none",
		),
		(lambda connection: (connection.recv(4096), connection.sendall(b"x" * 40000)), "not HTTP's, or none"),
	],
	ids=["byte by byte", "nothing", "another protocol", "without end"],
)
def test_an_answer_that_is_none_has_an_end(lookup, authority, monkeypatch, talk, said):
	monkeypatch.setattr(walking, "SECONDS", 3.0)
	with tls_server(authority.certificate(HOST), talk) as port:
		stages = walk(HOST, lookup, port, 0, str(authority.ca))
	assert told(stages)[-1] == ("HTTP", False)
	assert said in stages[-1].sentence


def test_a_file_of_trust_that_is_not_there(lookup, authority):
	with web_server(authority.certificate(HOST)) as (port, _asked):
		stages = walk(HOST, lookup, port, 0, "/nonexistent/ca.pem")
	assert "The file of trusted certificates, /nonexistent/ca.pem, cannot be read" in stages[-1].sentence


@pytest.mark.parametrize(
	("status", "location", "said"),
	[
		(502, "", "answers 502."),
		(404, "", "answers 404."),
		(301, f"https://{HOST}/api/method/ping", f"answers 301 to https://{HOST}/api/method/ping."),
	],
)
def test_the_site_does_not_answer(lookup, authority, status, location, said):
	with web_server(authority.certificate(HOST), status, location) as (port, _asked):
		stages = walk(HOST, lookup, port, 0, str(authority.ca))
	assert told(stages)[-1] == ("HTTP", False)
	assert said in stages[-1].sentence


@pytest.mark.parametrize(("status", "location"), [(404, ""), (301, "http://elsewhere.test/")])
def test_plain_http_that_leads_nowhere(lookup, authority, status, location):
	with (
		web_server(authority.certificate(HOST)) as (port, _asked),
		web_server(status=status, location=location) as (http_port, _plain),
	):
		stages = walk(HOST, lookup, port, http_port, str(authority.ca))
	assert told(stages)[-1] == ("HTTP", False)
	assert "does not lead to https" in stages[-1].sentence


def test_an_address_may_be_given_in_place_of_the_dns(lookup, authority):
	host = "nobody.example.test"
	with web_server(authority.certificate(host)) as (port, _asked):
		stages = walk(host, lookup, port, 0, str(authority.ca), connect_to="127.0.0.1")
	assert all(stage.is_ok for stage in stages)


@pytest.mark.parametrize(
	("location", "is_ok"),
	[
		("https://primary.example.test/api/method/ping", True),
		("https://primary.example.test", True),
		("https://primary.example.test:8443/", True),
		("https://[", False),
		("https://primary.example.test.evil.test/", False),
		("http://primary.example.test/", False),
		("", False),
	],
)
def test_a_name_that_leads_to_another_is_well_when_it_does(lookup, authority, location, is_ok):
	with web_server(authority.certificate(HOST), 301 if location else 200, location) as (port, _asked):
		stages = walk(HOST, lookup, port, 0, str(authority.ca), redirects_to="primary.example.test")
	assert stages[-1].is_ok == is_ok
