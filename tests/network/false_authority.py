"""An authority that answers what a test says: what pebble cannot be made to do. It speaks as much of ACME over TLS as that takes."""

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from made_certificates import Maker

from buildpro_saas.agent.certificate_facts import Authority


class FalseAuthority:
	"""answers: place → (status, headers, object) for "order", "renewal/<id>" and what else a test names. sent: what came signed."""

	def __init__(self, folder: Path):
		folder.mkdir()
		maker = Maker()
		chain, key = maker.issue(["localhost"])
		for name, content in (("cert.pem", chain), ("key.pem", key), ("ca.pem", maker.root_pem)):
			(folder / name).write_bytes(content)
		self.answers: dict[str, tuple[int, dict, object]] = {}
		self.sent: list[tuple[str, dict]] = []
		self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": self}))
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
		self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
		self.base = f"https://localhost:{self._server.server_port}"
		self.authority = Authority(f"{self.base}/dir", ca_file=str(folder / "ca.pem"))
		places = {
			"newNonce": "nonce",
			"newAccount": "account",
			"newOrder": "order",
			"renewalInfo": "renewal/",
		}
		self.answers["dir"] = (200, {}, {key: f"{self.base}/{place}" for key, place in places.items()})
		self.answers["nonce"] = (200, {}, {})
		self.answers["account"] = (201, {"Location": f"{self.base}/account/1"}, {"status": "valid"})
		threading.Thread(target=self._server.serve_forever, daemon=True).start()

	def problem(self, place: str, code: str, detail: str, status: int = 400, **headers: str) -> None:
		"""Refuse there with this problem document."""
		content = {"type": f"urn:ietf:params:acme:error:{code}", "detail": detail}
		self.answers[place] = (
			status,
			{each.replace("_", "-"): value for each, value in headers.items()},
			content,
		)

	def end(self) -> None:
		"""End it."""
		self._server.shutdown()
		self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"
	told: FalseAuthority

	def do_GET(self) -> None:
		place = self.path.strip("/")
		status, headers, content = self.told.answers.get(place, (404, {}, {"detail": "nothing there"}))
		if callable(content):
			status, headers, content = content(self.told)
		body = content if isinstance(content, bytes) else json.dumps(content).encode()
		self.send_response(status)
		for name, value in {
			"Content-Type": "application/json" if status < 400 else "application/problem+json",
			"Content-Length": str(len(body)),
			"Replay-Nonce": base64.urlsafe_b64encode(b"nonce").rstrip(b"=").decode(),
			**headers,
		}.items():
			self.send_header(name, value)
		self.end_headers()
		if self.command != "HEAD":
			self.wfile.write(body)

	do_HEAD = do_GET

	def do_POST(self) -> None:
		signed = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
		payload = signed["payload"]
		content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
		self.told.sent.append((self.path.strip("/"), json.loads(content) if content else {}))
		self.do_GET()

	def log_message(self, format: str, *arguments: object) -> None:
		"""Nothing is logged."""
