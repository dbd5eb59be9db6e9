"""Metrics for a real Prometheus (Debian's), from the real endpoint."""

import json
import os
import secrets
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

SECONDS = 60
ENDPOINT = "/api/method/buildpro_saas.api.metrics.prometheus"


# -- Prometheus --------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(frappe):
	"""The token for Prometheus in SaaS Settings, committed; taken out again."""
	from frappe.utils.password import remove_encrypted_password, set_encrypted_password

	made = secrets.token_hex(32)
	set_encrypted_password("SaaS Settings", "SaaS Settings", made, "metrics_token")
	frappe.db.commit()
	yield made
	remove_encrypted_password("SaaS Settings", "SaaS Settings", "metrics_token")
	frappe.db.commit()


def ask(admin_site_name: str, authorization: str | None = None, **headers) -> requests.Response:
	url = f"http://127.0.0.1:{os.environ['BUILDPRO_WEB_PORT']}{ENDPOINT}"
	if authorization is not None:
		headers["Authorization"] = authorization
	return requests.get(url, headers={"Host": admin_site_name, **headers}, timeout=SECONDS)


@pytest.mark.parametrize(
	"given", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic eDp5", "bearer \xe4"]
)
def test_nobody_gets_metrics_without_the_token(token, admin_site_name, given):
	done = ask(admin_site_name, given)
	assert done.status_code in (401, 403) and "buildpro_" not in done.text.replace("buildpro_saas", "")


def test_nobody_gets_metrics_while_there_is_no_token(admin_site_name):
	assert ask(admin_site_name, "Bearer x").status_code == 401
	assert ask(admin_site_name).status_code == 401


def test_the_token_is_good_in_both_formats(token, admin_site_name):
	done = ask(admin_site_name, f"Bearer {token}")
	assert done.status_code == 200, done.text
	assert done.headers["Content-Type"].startswith("text/plain") and "\nbuildpro_trials{" in done.text
	done = ask(admin_site_name, f"bearer {token}", Accept="application/openmetrics-text;version=1.0.0")
	assert done.headers["Content-Type"].startswith("application/openmetrics-text") and done.text.endswith(
		"# EOF\n"
	)


def test_a_short_token_is_refused(frappe):
	settings = frappe.get_doc("SaaS Settings")
	settings.metrics_token = "short"
	with pytest.raises(frappe.ValidationError, match="32 random characters"):
		settings.save()


@contextmanager
def named(site: str):
	"""A server on this machine that passes requests on to a site: Prometheus asks by an address, and *.localhost may be no name here."""

	class Handler(BaseHTTPRequestHandler):
		def do_GET(self):
			found = ask(site, self.headers["Authorization"], Accept=self.headers["Accept"])
			self.send_response(found.status_code)
			self.send_header("Content-Type", found.headers["Content-Type"])
			self.end_headers()
			self.wfile.write(found.content)

		def log_message(self, *_arguments):
			"""Nothing to the tests' output."""

	with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
		threading.Thread(target=server.serve_forever, daemon=True).start()
		yield f"127.0.0.1:{server.server_port}"
		server.shutdown()


@contextmanager
def prometheus(folder: Path, token: str, target: str):
	"""Debian's Prometheus, scraping the target each second; the address at which it answers questions."""
	job = {
		**{"job_name": "buildpro", "scrape_interval": "1s", "scrape_timeout": "1s", "metrics_path": ENDPOINT},
		**{"authorization": {"credentials": token}, "static_configs": [{"targets": [target]}]},
	}
	(folder / "prometheus.json").write_text(json.dumps({"scrape_configs": [job]}))
	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		address = f"127.0.0.1:{free.getsockname()[1]}"
	words = ["prometheus", "--config.file=prometheus.json", "--storage.tsdb.path=data"]
	with (folder / "log").open("w") as log:
		process = subprocess.Popen(
			[*words, f"--web.listen-address={address}"], cwd=folder, stdout=log, stderr=log
		)
	try:
		yield f"http://{address}/api/v1/query"
	finally:
		process.terminate()
		process.wait(SECONDS)


def test_a_real_prometheus_scrapes_the_real_thing(
	frappe, series, bench_record, token, admin_site_name, tmp_path
):
	from buildpro_saas.monitoring import collecting

	series.keep(collecting.collect(bench_record))
	frappe.db.commit()
	question = f'buildpro_bench_cpus{{bench="{bench_record}"}} and on (job) up{{job="buildpro"}} == 1'
	try:
		with named(admin_site_name) as target, prometheus(tmp_path, token, target) as url:
			until, found = time.monotonic() + SECONDS, []
			while not found and time.monotonic() < until:
				found = _asked(url, question)
			assert found, (tmp_path / "log").read_text()
			assert float(found[0]["value"][1]) >= 1
	finally:
		frappe.db.delete(series.SERIES)
		frappe.db.commit()


def _asked(url: str, query: str) -> list:
	try:
		return requests.get(url, params={"query": query}, timeout=SECONDS).json()["data"]["result"]
	except (requests.RequestException, KeyError):
		time.sleep(0.2)  # between two looks: it is just starting
		return []
