"""What is served for the names of a bench, on record: an alert as long as it is wrong."""

import ssl
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from made_certificates import Maker


@contextmanager
def serving(tmp_path, chain: bytes, key: bytes):
	"""A server on this machine that shows the certificate."""
	for name, content in (("chain", chain), ("key", key)):
		(tmp_path / name).write_bytes(content)
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
	server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
	server.daemon_threads = True
	server.socket = context.wrap_socket(server.socket, server_side=True)
	thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
	thread.start()
	try:
		yield server.server_port
	finally:
		server.shutdown()
		server.server_close()
		thread.join()


@pytest.fixture
def bench(drifting, frappe, monkeypatch, tmp_path):
	"""A Bench on record whose proxy is ours, with one live name and its certificate; (bench, host, certificate, maker)."""
	from buildpro_saas.domains import records, seeing

	maker, host = Maker(), f"{drifting.token}.example.com"
	(tmp_path / "root").write_bytes(maker.root_pem)
	monkeypatch.setitem(frappe.local.conf, seeing.ISSUER_FILE, str(tmp_path / "root"))
	local = frappe.get_doc("Bench", drifting.bench)
	name = drifting.record(
		"Bench", bench_name=drifting.token, path=local.path, is_reachable=1, proxy=records.NGINX
	)
	certificate = drifting.record("Site Certificate", folder=host, names=host, bench=name, status="Valid")
	drifting.record(
		"Site Domain", host=host, bench=name, state=records.LIVE, kind=records.OWN, certificate=certificate
	)
	yield name, host, certificate, maker
	frappe.db.rollback()


def test_a_certificate_is_an_alert_as_long_as_what_is_served_is_wrong(frappe, bench, tmp_path):
	from buildpro_saas.domains import served
	from buildpro_saas.monitoring import record_facts
	from buildpro_saas.monitoring.checks import records as checks

	name, host, certificate, maker = bench

	def found(port: int) -> list[tuple[str, str]]:
		frappe.db.set_value("Bench", name, "https_port", port)
		frappe.db.commit()
		served.look(name)
		rows = {"certificates": record_facts.certificates()}
		return [(each.severity, each.sentence) for each in checks.certificates(rows) if each.bench == name]

	with serving(tmp_path, *maker.issue([host])) as port:
		assert found(port) == []
	((severity, sentence),) = found(port)  # nobody is there any more
	assert severity == "Critical" and sentence.startswith(f"No certificate is served for {host}.")
	begun = datetime.now(timezone.utc) - timedelta(days=85)
	with serving(tmp_path, *maker.issue([host], begin=begun, life=timedelta(days=90))) as port:
		((severity, sentence),) = found(port)
	assert severity == "Warning" and f"for {host} ends in 4 days" in sentence
	with serving(tmp_path, *maker.issue(["other.example.com"])) as port:
		assert [each[0] for each in found(port)] == ["Critical"]
	with serving(tmp_path, *maker.issue([host])) as port:
		assert found(port) == []
	assert frappe.db.get_value("Site Certificate", certificate, ["alarmed", "alarm_says"]) == ("", "")
