"""Many sites asked at once, each under its own name, on real sockets: who answers, who is somebody else, and how long the dead take."""

import json
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from made_certificates import Maker

from buildpro_saas.agent import asking, proof
from buildpro_saas.agent.health_facts import NOT_ASKED, REFUSED

SECRETS = {f"t{number}.example.com": f"secret {number}" for number in range(60)}


@contextmanager
def served(answer, context: ssl.SSLContext | None = None):
	"""A web server of sites: answer(site, nonce, question) → (status, body)."""

	class Handler(BaseHTTPRequestHandler):
		def do_GET(self):
			given = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
			site = self.headers["Host"].partition(":")[0]
			status, said = answer(site, given["nonce"], given["question"])
			body = said if isinstance(said, bytes) else json.dumps(said).encode()
			self.send_response(status)
			self.send_header("Content-Length", str(len(body)))
			self.end_headers()
			self.wfile.write(body)

		def log_message(self, *_words):
			"""Nothing."""

	server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
	server.daemon_threads = True
	if context:
		server.socket = context.wrap_socket(server.socket, server_side=True)
	thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
	thread.start()
	try:
		yield server.server_port
	finally:
		server.shutdown()
		server.server_close()
		thread.join()


def as_themselves(site: str, nonce: str, question: str) -> tuple[int, dict]:
	"""What the sites answer (tenant_site/identity.py)."""
	secret = SECRETS[site]
	if not proof.is_right(question, proof.question(secret, site, nonce)):
		return 404, {}
	return 200, {"message": {"answer": proof.answer(secret, site, nonce)}}


def all_of(port: int, **changes) -> list[asking.Asked]:
	return [
		asking.Asked(
			**{"site": site, "secret": secret, "host": site, "address": "127.0.0.1", "port": port, **changes}
		)
		for site, secret in SECRETS.items()
	]


def test_each_is_asked_under_its_own_name_and_proves_itself():
	with served(as_themselves) as port:
		found = asking.ask(all_of(port), 10)
	assert list(found) == list(SECRETS)
	assert {(each.kind, each.status, each.is_itself) for each in found.values()} == {("", 200, True)}


@pytest.mark.parametrize(
	("answer", "expected"),
	[
		(lambda *_: (200, {"message": "pong"}), (200, False)),
		(lambda site, nonce, question: as_themselves("t0.example.com", nonce, question), (404, False)),
		(lambda *_: (503, b"closed"), (503, False)),
		(lambda *_: (200, b"no json"), (200, False)),
		(lambda *_: (200, [1]), (200, False)),
	],
	ids=["a ping", "another site", "closed", "no JSON", "a list"],
)
def test_whoever_else_answers_is_not_the_site(answer, expected):
	with served(answer) as port:
		(found,) = asking.ask(all_of(port)[1:2], 10).values()
	assert (found.status, found.is_itself) == expected and not found.kind


def test_where_nothing_listens():
	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		port = free.getsockname()[1]
	found = asking.ask(all_of(port), 10)
	assert {(each.kind, each.status) for each in found.values()} == {(REFUSED, 0)}
	assert found["t0.example.com"].error == f"nothing listens at 127.0.0.1:{port}."


def test_the_dead_take_no_longer_than_they_may():
	"""A server that takes connections and says nothing: as many as are asked at once are waited for, and nobody else is asked then."""
	with socket.socket() as silent:
		silent.bind(("127.0.0.1", 0))
		silent.listen(200)
		began = time.monotonic()
		found = asking.ask(all_of(silent.getsockname()[1]), 1.0)
		took = time.monotonic() - began
	kinds = Counter(each.kind for each in found.values())
	assert kinds == {"": asking.AT_ONCE, NOT_ASKED: len(SECRETS) - asking.AT_ONCE}
	assert "no answer" in found["t0.example.com"].error and not found["t0.example.com"].is_itself
	assert took < 20  # a hundred of them within 30 seconds, however slow the machine of this test is


def test_over_tls_the_name_counts(tmp_path):
	maker = Maker()
	chain, key = maker.issue(["t0.example.com"])
	for name, content in (("chain", chain), ("key", key), ("root", maker.root_pem)):
		(tmp_path / name).write_bytes(content)
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
	with served(as_themselves, context) as port:
		first, second, *_rest = all_of(port, tls_ca=str(tmp_path / "root"))
		found = asking.ask([first, second], 10)
		untrusted = asking.ask(all_of(port, tls_ca="")[:1], 10)
	assert found["t0.example.com"].is_itself
	assert not found["t1.example.com"].status and "certificate" in found["t1.example.com"].error
	assert "certificate" in untrusted["t0.example.com"].error


def test_nobody_to_ask():
	assert asking.ask([], 1) == {}
