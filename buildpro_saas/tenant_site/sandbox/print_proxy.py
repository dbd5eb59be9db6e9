"""A proxy for one PDF. wkhtmltopdf fetches through it, so this process makes the connections, and judges them (addresses.py).

The proxy's threads stand for the tenant's site. A page's pictures, frames, fonts and redirects can name any address. A search of
the page would not find them all, and would not tell where a name leads later. The connection tells.
"""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import frappe

from buildpro_saas.tenant_site.sandbox import addresses

LONGEST_HEAD = 65536  # bytes of a request's lines
SECONDS = 30  # that one connection may be silent
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
UNREACHABLE = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy(socketserver.ThreadingTCPServer):
	"""Listens on this machine alone. own: the site's own URLs, from which its pages fetch their styles and pictures."""

	daemon_threads = True

	def __init__(self, own: tuple[str, ...]):
		super().__init__(("127.0.0.1", 0), Request)
		self.own = own

	def handle_error(self, request: Any, client_address: Any) -> None:
		"""Say nothing: a program may hang up halfway."""


class Request(socketserver.BaseRequestHandler):
	"""One connection of wkhtmltopdf's: a request, or a tunnel for TLS."""

	server: Proxy

	def handle(self) -> None:
		self.request.settimeout(SECONDS)
		head, rest = self._head()
		try:
			method, target, _version = head.split(b"\r\n", 1)[0].split(b" ", 2)
			host, port, first = _destination(method, target.decode("ascii"), head)
		except ValueError:
			return
		try:
			with addresses.also(*self.server.own):
				outside = socket.create_connection((_resolvable(host), port), timeout=SECONDS)
		except (OSError, frappe.PermissionError) as error:
			self.request.sendall(UNREACHABLE if isinstance(error, OSError) else REFUSED)
			return
		with outside:
			if first is None:
				self.request.sendall(ESTABLISHED)
			outside.sendall((first or b"") + rest)
			_relay(self.request, outside)

	def _head(self) -> tuple[bytes, bytes]:
		"""The request's lines, and what came after them."""
		data = b""
		while b"\r\n\r\n" not in data and len(data) < LONGEST_HEAD:
			if not (part := self.request.recv(LONGEST_HEAD)):
				break
			data += part
		head, end, rest = data.partition(b"\r\n\r\n")
		return head + end, rest


def _destination(method: bytes, target: str, head: bytes) -> tuple[str, int, bytes | None]:
	"""Where a request is to go: (host, port, the lines to send there). The lines are None for a tunnel (CONNECT).

	Raises ValueError for what is no request to a proxy.
	"""
	parts = urlsplit(f"//{target}" if method == b"CONNECT" else target)
	if not parts.hostname or (method != b"CONNECT" and parts.scheme != "http"):
		raise ValueError(target)
	if method == b"CONNECT":
		return parts.hostname, parts.port or 443, None
	path = parts._replace(scheme="", netloc="").geturl() or "/"
	kept = [
		line for line in head.split(b"\r\n")[1:-2] if not line.lower().startswith((b"proxy-", b"connection:"))
	]
	# one request for each connection: the next may be for another host
	lines = [b"%s %s HTTP/1.1" % (method, path.encode("ascii")), *kept, b"Connection: close", b"", b""]
	return parts.hostname, parts.port or 80, b"\r\n".join(lines)


def _resolvable(host: str) -> str:
	"""The host as it can be resolved. `*.localhost` (RFC 6761) is this machine, which a resolver need not know."""
	return "127.0.0.1" if host.endswith(".localhost") else host


def _relay(inside: socket.socket, outside: socket.socket) -> None:
	"""Pass on what either sends until one ends, or both are silent."""
	other = {inside: outside, outside: inside}
	while ready := select.select([inside, outside], [], [], SECONDS)[0]:
		for one in ready:
			if not (data := one.recv(65536)):
				return
			other[one].sendall(data)


@contextmanager
def running(site: Any) -> Iterator[str]:
	"""Run a proxy for the block; yields its URL. site: as acting.site() returns it, of this request or job."""
	with ExitStack() as stack:
		proxy = stack.enter_context(Proxy(own_urls(site)))
		stack.callback(proxy.shutdown)
		threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
		yield f"http://127.0.0.1:{proxy.server_address[1]}"


def own_urls(site: Any) -> tuple[str, ...]:
	"""The site's own URLs: what the operator says (`host_name`), else by its name. The Host header of a request does not count."""
	conf = site.conf
	if host_name := conf.get("host_name") or conf.get("hostname"):
		return (host_name if "://" in host_name else f"http://{host_name}",)
	ports = {80, conf.get("http_port") or conf.get("webserver_port") or 80}
	return (f"https://{site.site}", *(f"http://{site.site}:{port}" for port in ports))
