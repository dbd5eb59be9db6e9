"""A bench's folder with sites, an nginx of its own on loopback, and an application that tells what it was asked."""

import hashlib
import http.client
import json
import os
import socket
import ssl
import threading
import time
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from buildpro_saas.agent import proxy, proxy_settings, proxy_upkeep
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.nginx import Nginx
from buildpro_saas.agent.proxy_facts import ProxyHost, ProxySite, ProxySpec
from buildpro_saas.agent.uploaded_certificate import self_signed

BASE = "example.test"


class Application(BaseHTTPRequestHandler):
	"""Answers as a site would: with what it was asked, as JSON. /private/… comes by X-Accel-Redirect; /status/402 is answered so."""

	protocol_version = "HTTP/1.1"
	held = threading.Event()  # requests of /hold wait for it

	def do_GET(self):
		if self.path.startswith("/hold"):
			self.held.wait(60)
		length = int(self.headers.get("Content-Length") or 0)
		body = self.rfile.read(length)
		status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
		headers = {name.lower(): value for name, value in self.headers.items()}
		told = {"path": self.path, "headers": headers, "received": len(body)}
		answer = json.dumps({**told, "filler": "x" * 1000 if self.path == "/large" else ""}).encode()
		self.send_response(status)
		if self.path.startswith("/private/"):
			self.send_header("X-Accel-Redirect", f"/protected{self.path}")
		self.send_header("Content-Type", "application/json")
		self.send_header("Content-Length", str(len(answer)))
		self.end_headers()
		self.wfile.write(answer)

	do_POST = do_GET

	def log_message(self, *arguments):
		"""Say nothing: pytest shows what fails."""


@dataclass
class Answer:
	"""status 0: the connection was closed without an answer. certificate: SHA-256 of the one presented; "" over plain HTTP."""

	status: int
	headers: dict[str, str]
	body: bytes
	certificate: str = ""

	@property
	def json(self) -> dict:
		return json.loads(self.body)

	@property
	def site(self) -> str:
		"""The site that the application was asked for."""
		return self.json["headers"].get("x-frappe-site-name", "")


class ProxiedBench:
	"""Makes what a proxy needs of a bench, in a folder."""

	def __init__(self, folder: Path, nginx: str, free_port):
		self.bench = Bench(folder)
		self.places = proxy_settings.places(self.bench)
		self.settings = proxy_settings.own(self.bench, nginx)
		self.nginx = Nginx(self.settings, self.places)
		self.application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
		threading.Thread(target=self.application.serve_forever, args=(0.05,), daemon=True).start()
		(folder / "sites/assets/frappe/dist").mkdir(parents=True)
		self.spec = ProxySpec(
			sites=[],
			base_domain=BASE,
			web_port=self.application.server_address[1],
			http_port=free_port(),
			https_port=free_port(),
			listen=["127.0.0.1"],
		)

	def start(self) -> None:
		proxy_upkeep.prepare(self.bench, self.settings, self.spec)
		self.nginx.start()

	def stop(self) -> None:
		self.nginx.stop()
		self.application.shutdown()
		self.application.server_close()

	def make_site(self, name: str) -> None:
		for part in ("public/files", "private/files"):
			(self.places.sites / name / part).mkdir(parents=True, exist_ok=True)
		(self.places.sites / name / "site_config.json").write_text('{"db_name": "secret"}')

	def make_certificate(self, name: str, host: str = "") -> str:
		"""Put a certificate of that name into the store, in place of one that is there."""
		chain, key = self_signed(host or name, [host or name], 90)
		folder = self.places.store / name
		folder.mkdir(parents=True, exist_ok=True)
		(folder / "fullchain.pem").write_bytes(chain)
		(folder / "privkey.pem").write_bytes(key)
		return name

	def customer(self, number: int | str, has_certificate: bool = True, **values) -> ProxySite:
		"""A site with a name of the customer's own, and what that needs on the disk."""
		site, host = f"site{number}.{BASE}", f"erp.customer{number}.example"
		self.make_site(site)
		certificate = self.make_certificate(host) if has_certificate else ""
		hosts = [ProxyHost(site), ProxyHost(host, certificate)]
		return ProxySite(site, **{"hosts": hosts, **values})

	def publish(self, *sites: ProxySite, **values):
		self.spec = replace(self.spec, sites=list(sites), **values)
		return proxy.publish(self.bench, self.spec)

	def reloads(self) -> int:
		return proxy_upkeep.state_of(self.bench).reloads

	def get(
		self,
		host: str | None,
		path: str = "/",
		*,
		secure: bool = True,
		sni: str | None = None,
		headers: dict | None = None,
		method: str = "GET",
		body: bytes = b"",
		raw: bytes = b"",
	) -> Answer:
		"""Ask nginx. sni: left out: the host. raw: the request as it is, in place of one made of the others."""
		port = self.spec.https_port if secure else self.spec.http_port
		told = {
			"Connection": "close",
			**({"Content-Length": str(len(body))} if body else {}),
			**(headers or {}),
		}
		lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host is not None else [])]
		lines += [f"{name}: {value}" for name, value in told.items()]
		request = raw or "\r\n".join([*lines, "", ""]).encode("latin-1") + body
		with socket.create_connection(("127.0.0.1", port), 60) as plain:
			if not secure:
				return _asked(plain, request, method)
			context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
			context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
			try:
				secured = context.wrap_socket(plain, server_hostname=host if sni is None else sni or None)
			except ssl.SSLError:
				return Answer(0, {}, b"")
			with secured as connection:
				return with_certificate(_asked(connection, request, method), connection)

	def logged(self) -> list[dict]:
		"""The lines of the access log."""
		return [json.loads(line) for line in (self.places.logs / "proxy-access.log").read_text().splitlines()]


def with_certificate(answer: Answer, connection: ssl.SSLSocket) -> Answer:
	answer.certificate = hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest()
	return answer


def _asked(connection: socket.socket, request: bytes, method: str) -> Answer:
	try:
		connection.sendall(request)
		response = http.client.HTTPResponse(connection, method=method)
		response.begin()
		return Answer(
			response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
		)
	except (http.client.RemoteDisconnected, http.client.BadStatusLine, ConnectionError, ssl.SSLError):
		return Answer(0, {}, b"")


def wait_until(condition, seconds: float = 60.0) -> None:
	"""Wait for a condition; fails when it does not come."""
	until = time.monotonic() + seconds
	while not condition():
		assert time.monotonic() < until, "it did not come"
		time.sleep(0.02)


def is_root() -> bool:
	return os.geteuid() == 0
