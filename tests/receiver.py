"""An HTTP server on this machine that keeps what it is sent, and answers as a test wants it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
	"""One request. body: as it came."""

	method: str
	path: str
	headers: dict[str, str]
	body: bytes

	@property
	def json(self) -> dict:
		return json.loads(self.body)


@dataclass
class Receiver:
	"""What was received so far, and the status that is answered."""

	port: int = 0
	status: int = 200
	got: list[Received] = field(default_factory=list)

	@property
	def url(self) -> str:
		return f"http://127.0.0.1:{self.port}"


@contextmanager
def receiving() -> Iterator[Receiver]:
	"""A server for the block, at a free port of this machine."""
	receiver = Receiver()

	class Handler(BaseHTTPRequestHandler):
		def answer(self):
			body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
			headers = {name.lower(): value for name, value in self.headers.items()}
			receiver.got.append(Received(self.command, self.path, headers, body))
			self.send_response(receiver.status)
			self.send_header("Content-Length", "0")
			self.end_headers()

		do_GET = do_POST = answer

		def log_message(self, *_words):
			"""Nothing: what came is kept."""

	server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
	server.daemon_threads = True
	receiver.port = server.server_port
	thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
	thread.start()
	try:
		yield receiver
	finally:
		server.shutdown()
		server.server_close()
		thread.join()
