"""A server that speaks PowerDNS's HTTP API (doc.powerdns.com/authoritative/http-api) for one zone, and can be told to behave badly."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "api-key-of-the-tests"


class PowerDns:
	"""zone: name → kind → values, as the API writes them. Faults for the next requests: status, headers, text, seconds of silence."""

	def __init__(self, zone: str):
		self.name, self.sets = zone, {}
		self.faults: list[dict] = []
		self.keeps_nothing = False  # takes changes, and forgets them
		self.removes_all = False  # where one value of several is to go
		self.requests: list[tuple[str, str]] = []
		self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
		self.url = f"http://127.0.0.1:{self._server.server_port}"

	def __enter__(self) -> "PowerDns":
		threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
		return self

	def __exit__(self, *_error) -> None:
		self._server.shutdown()
		self._server.server_close()

	def put(self, name: str, kind: str, *values: str) -> None:
		"""A record that a person made."""
		self.sets[(f"{name}.", kind)] = list(values)

	def at(self, name: str, kind: str) -> list[str]:
		"""What the zone has."""
		return sorted(self.sets.get((f"{name}.", kind), []))

	def credentials(self, **others) -> dict:
		"""As a DNS Provider has them."""
		return {"auth_token": KEY, "pdns_server": self.url, **others}

	def _handler(self) -> type:
		api = self

		class Handler(BaseHTTPRequestHandler):
			def do_GET(self):
				api._serve(self)

			do_PATCH = do_PUT = do_GET

			def log_message(self, *_arguments):
				"""Nothing is printed."""

		return Handler

	def _serve(self, handler) -> None:
		body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
		self.requests.append((handler.command, handler.path))
		if self.faults:
			fault = self.faults.pop(0)
			time.sleep(fault.get("seconds", 0))
			self._send(handler, fault.get("status", 200), fault.get("text", ""), fault.get("headers", {}))
		elif handler.headers.get("X-API-Key") != KEY:
			self._send(handler, 401, "Unauthorized")
		elif handler.path.rstrip("/") != f"/api/v1/servers/localhost/zones/{self.name}.":
			self._send(handler, 404, json.dumps({"error": "Not Found"}))
		elif handler.command == "PATCH":
			self._change(json.loads(body)["rrsets"])
			self._send(handler, 204, "")
		else:
			self._send(handler, 200, json.dumps(self._zone()))

	def _zone(self) -> dict:
		sets = [
			{
				"name": name,
				"type": kind,
				"ttl": 600,
				"records": [{"content": v, "disabled": False} for v in values],
			}
			for (name, kind), values in self.sets.items()
		]
		return {"name": f"{self.name}.", "kind": "Native", "rrsets": sets}

	def _change(self, rrsets: list[dict]) -> None:
		for each in rrsets if not self.keeps_nothing else ():
			place, values = (each["name"], each["type"]), [record["content"] for record in each["records"]]
			is_less = len(values) < len(self.sets.get(place, []))
			if each["changetype"] == "DELETE" or not values or (self.removes_all and is_less):
				self.sets.pop(place, None)
			else:
				self.sets[place] = values

	def _send(self, handler, status: int, text: str, headers: dict | None = None) -> None:
		try:
			handler.send_response(status)
			for name, value in {"Content-Length": str(len(text.encode())), **(headers or {})}.items():
				handler.send_header(name, value)
			handler.end_headers()
			handler.wfile.write(text.encode())
		except OSError:
			"""Who asked has not waited."""
