"""What a real nginx answers, with the configuration that is published: each name its own site, and nothing for anybody else's."""

import gzip
import socket
import ssl
import threading
from dataclasses import replace

import pytest
from proxied_bench import BASE, Application, ProxiedBench, wait_until

from buildpro_saas.agent.proxy_certificates import DEFAULT, Presented
from buildpro_saas.agent.proxy_facts import ProxyHost, ProxySite

ACME, BETA = f"acme.{BASE}", f"beta.{BASE}"
OWN, OLD, PLAIN = "erp.customer.example", "old.customer.example", "plain.customer.example"
SHUT = f"shut.{BASE}"
LIMITED = f"limited.{BASE}"
TRUSTED = {"X-Forwarded-For": "192.0.2.7"}


@pytest.fixture(scope="module")
def served(tmp_path_factory, program):
	"""A bench with sites of each kind, published."""
	given = set()

	def free_port() -> int:
		while True:
			with socket.socket() as probe:
				probe.bind(("127.0.0.1", 0))
				port = probe.getsockname()[1]
			if port not in given:
				given.add(port)
				return port

	bench = ProxiedBench(tmp_path_factory.mktemp("bench"), program("nginx"), free_port)
	try:
		bench.start()
		for site in (ACME, BETA, SHUT, LIMITED):
			bench.make_site(site)
		for name in ("wild", OWN, OLD):
			bench.make_certificate(name, f"*.{BASE}" if name == "wild" else name)
		hosts = [
			ProxyHost(ACME),
			ProxyHost(OWN, OWN, hsts_seconds=300),
			ProxyHost(OLD, OLD, redirects_to=OWN),
			ProxyHost(PLAIN),
		]
		published = bench.publish(
			ProxySite(ACME, hosts),
			ProxySite(BETA, [ProxyHost(BETA)], body_mb=1),
			ProxySite(SHUT, [ProxyHost(SHUT)], is_closed=True),
			ProxySite(LIMITED, [ProxyHost(LIMITED)], requests_a_second=1),
			wildcard_certificate="wild",
			trusted=["127.0.0.1/32"],
		)
		assert published.set_aside == {}
		yield bench
	finally:
		bench.stop()


# -- which name is which site -----------------------------------------------------------------------------------------

SPELLINGS = [
	# (Host, SNI or None for the same, the site or "" for no answer, statuses)
	(ACME, None, ACME),
	(BETA, None, BETA),
	(OWN, None, ACME),
	(ACME.upper(), None, ACME),
	("Acme.Example.Test", None, ACME),
	(OWN.upper(), None, ACME),
	(f"{ACME}.", ACME, ACME),
	(f"{OWN}.", OWN, ACME),
	(f"{ACME}:443", ACME, ACME),
	(f"{ACME}:1", ACME, ACME),
	(f"{OWN}:65535", OWN, ACME),
	(f"{ACME}:", ACME, ACME),
	# a browser may use one connection for all names of a certificate
	(BETA, ACME, BETA),
	(OWN, ACME, ACME),
	(ACME, OWN, ACME),
	(ACME, "", ACME),
	(ACME, "unknown.example", ACME),
	# nobody's
	(f"nobody.{BASE}", None, ""),
	(f"a.{ACME}", None, ""),
	(f"x.y.{BASE}", None, ""),
	(BASE, None, ""),
	(f"{BASE}.", BASE, ""),
	(f".{BASE}", BASE, ""),
	(f"..{BASE}", BASE, ""),
	(f"-.{BASE}", BASE, ""),
	(f"acme..{BASE}", BASE, ""),
	(f"acme.{BASE}..", ACME, ""),
	(f"acme{BASE}", BASE, ""),
	(f"acme.{BASE}.evil.example", BASE, ""),
	("acmeXexample.test", BASE, ""),
	("127.0.0.1", "", ""),
	("[::1]", "", ""),
	("localhost", None, ""),
	("_", "", ""),
	("*", "", ""),
	(f"*.{BASE}", ACME, ""),
	("customer.example", None, ""),
	(f"x.{OWN}", None, ""),
	("", ACME, ""),
	(None, ACME, ""),
	(" ", ACME, ""),
	("default", None, ""),
	(f"{ACME}/../{BETA}", ACME, ""),
	(f"../{ACME}", ACME, ""),
	(f"{ACME}\\..\\{BETA}", ACME, ""),
	(f"{ACME}%00", ACME, ""),
	(f"{ACME}%2e", ACME, ""),
	(f"{ACME},{BETA}", ACME, ""),
	(f"{ACME} {BETA}", ACME, ""),
	(f"{ACME}@{BETA}", ACME, ""),
	(f"user@{ACME}", ACME, ""),
	(f"{ACME}#", ACME, ""),
	("$host", ACME, ""),
	("аcme.example.test".encode().decode("latin-1"), ACME, ""),  # the first letter is Cyrillic
	(f"xn--acme.{BASE}", None, ""),
	(".buildpro", "", ""),
	(f"assets.{BASE}", None, ""),
	("a" * 64 + f".{BASE}", "", ""),
	("a" * 300, "", ""),
]


@pytest.mark.parametrize(
	("host", "sni", "site"), SPELLINGS, ids=[f"{number}" for number in range(len(SPELLINGS))]
)
def test_a_name_is_one_site_in_every_spelling_and_no_other_name_is(served, host, sni, site):
	answer = served.get(host, "/api/method/ping", sni=sni)
	if site:
		assert (answer.status, answer.site) == (200, site)
	else:
		assert answer.status in (0, 400), "no connection, or no request of HTTP's"


def test_two_host_headers_and_an_absolute_address_choose_no_other_site(served):
	both = f"GET / HTTP/1.1\r\nHost: {ACME}\r\nHost: {BETA}\r\nConnection: close\r\n\r\n".encode()
	assert served.get(ACME, raw=both).status == 400
	absolute = f"GET http://{BETA}/ HTTP/1.1\r\nHost: {ACME}\r\nConnection: close\r\n\r\n".encode()
	answer = served.get(ACME, raw=absolute)
	assert answer.site == BETA and answer.json["headers"]["host"].startswith(BETA)


def test_unknown_names_get_the_default_certificate_and_each_known_one_its_own(served):
	print_of = served_print(served)
	assert served.get("unknown.example").certificate == print_of(DEFAULT)
	assert served.get(ACME).certificate == print_of("wild")
	assert served.get(OWN).certificate == print_of(OWN)
	assert served.get(OWN.upper()).certificate == print_of(OWN)
	assert served.get(PLAIN).certificate == print_of(DEFAULT)


def served_print(bench):
	return Presented(bench.places.certificates, bench.places.store).fingerprint


@pytest.mark.parametrize(
	"name", ["X-Frappe-Site-Name", "x-frappe-site-name", "X_Frappe_Site_Name", "X_FRAPPE_SITE_NAME"]
)
def test_the_site_is_never_chosen_by_a_header(served, name):
	headers = served.get(ACME, headers={name: BETA}).json["headers"]
	assert {key: value for key, value in headers.items() if "site" in key} == {"x-frappe-site-name": ACME}


def test_what_a_visitor_claims_of_himself_does_not_reach_the_site(served):
	told = {"X-Forwarded-Host": "evil.example", "Forwarded": "for=1.2.3.4", "X-Forwarded-Proto": "gopher"}
	headers = served.get(ACME, headers=told).json["headers"]
	assert not {"x-forwarded-host", "forwarded"} & headers.keys()
	assert headers["x-forwarded-proto"] == "https"
	assert headers["host"] == f"{ACME}:{served.spec.https_port}"


# -- no reload for own subdomains -------------------------------------------------------------------------------------


def test_a_new_site_below_the_base_domain_answers_without_anything_being_published(served):
	name = f"newcomer.{BASE}"
	assert served.get(name).status == 0
	served.make_site(name)
	assert served.get(name).site == name
	assert served.get(name, secure=False).headers["location"].startswith(f"https://{name}:")


def test_limits_and_closing_count_without_a_reload(served):
	name, before = f"late.{BASE}", served.reloads()
	served.make_site(name)
	(served.places.sites / name / "public/files/a.txt").write_text("a")
	assert served.get(name, "/files/a.txt").status == 200
	site = ProxySite(name, [ProxyHost(name)], requests_a_second=1, is_closed=True)
	assert not served.publish(*served.spec.sites, site).is_reloaded
	assert served.get(name, "/files/a.txt").status == 402
	assert 429 in [served.get(name).status for _ in range(12)]
	served.publish(*served.spec.sites[:-1])
	assert served.get(name, "/files/a.txt").status == 200
	assert served.reloads() == before


# -- from HTTP to HTTPS, and to the primary name ----------------------------------------------------------------------


def test_plain_http_leads_to_https_where_there_is_a_certificate(served):
	for name in (ACME, OWN):
		answer = served.get(name, "/app?a=1", secure=False)
		assert (answer.status, answer.headers["location"]) == (
			307,
			f"https://{name}:{served.spec.https_port}/app?a=1",
		)
	assert served.get(PLAIN, secure=False).site == ACME


def test_a_balancer_that_ends_tls_is_believed(served):
	answer = served.get(ACME, secure=False, headers={"X-Forwarded-Proto": "https", **TRUSTED})
	assert answer.site == ACME and answer.json["headers"]["x-forwarded-proto"] == "https"


def test_a_name_leads_to_the_primary_one(served):
	for secure in (True, False):
		answer = served.get(OLD, "/app", secure=secure)
		assert (answer.status, answer.headers["location"]) == (
			307,
			f"https://{OWN}:{served.spec.https_port}/app",
		)


def test_https_alone_is_told_only_where_it_was_agreed(served):
	assert served.get(OWN).headers["strict-transport-security"] == "max-age=300"
	assert "strict-transport-security" not in served.get(ACME).headers
	assert "strict-transport-security" not in served.get(PLAIN, secure=False).headers


# -- TLS and HTTP/2 ---------------------------------------------------------------------------------------------------


def connected(bench, name: str, **options) -> ssl.SSLSocket:
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
	context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
	for option, value in options.items():
		setattr(context, option, value)
	context.set_alpn_protocols(["h2", "http/1.1"])
	return context.wrap_socket(
		socket.create_connection(("127.0.0.1", bench.spec.https_port), 60), server_hostname=name
	)


@pytest.mark.parametrize("name", [ACME, OWN])
def test_http2_is_spoken_and_no_old_tls(served, name):
	with connected(served, name) as connection:
		assert connection.selected_alpn_protocol() == "h2"
		assert connection.version() == "TLSv1.3"
	with connected(served, name, maximum_version=ssl.TLSVersion.TLSv1_2) as connection:
		assert connection.version() == "TLSv1.2"
		assert "GCM" in connection.cipher()[0] or "CHACHA20" in connection.cipher()[0]
	with pytest.raises((ssl.SSLError, ConnectionError)):
		with pytest.warns(DeprecationWarning):
			connected(
				served,
				name,
				minimum_version=ssl.TLSVersion.TLSv1,
				maximum_version=ssl.TLSVersion.TLSv1_1,
			)


# -- the challenges of certificates' authorities ----------------------------------------------------------------------


@pytest.mark.parametrize(
	"name", [ACME, OWN, OLD, PLAIN, SHUT, "unknown.example", "127.0.0.1", f"none.{BASE}"]
)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_challenge_is_answered_for_every_name_in_every_state(served, name, secure):
	token = served.places.challenges / "tok-en_1"
	token.write_text("tok-en_1.print")
	answer = served.get(
		name, "/.well-known/acme-challenge/tok-en_1", secure=secure, sni="" if secure else None
	)
	assert (answer.status, answer.body) == (200, b"tok-en_1.print")


@pytest.mark.parametrize(
	"path",
	["../settings.json", "..%2fsettings.json", "%2e%2e/proxy/settings.json", "/etc/passwd", "", "missing"],
)
def test_nothing_but_challenges_lies_there(served, path):
	answer = served.get("unknown.example", f"/.well-known/acme-challenge/{path}", secure=False)
	assert answer.status in (0, 400, 403, 404)


# -- files ------------------------------------------------------------------------------------------------------------


def test_assets_are_kept_by_browsers(served):
	dist = served.places.sites / "assets/frappe/dist"
	(dist / "desk.bundle.AB12CD34.js").write_text("x" * 1000)
	(served.places.sites / "assets/frappe/plain.css").write_text("a{}")
	answer = served.get(
		ACME, "/assets/frappe/dist/desk.bundle.AB12CD34.js", headers={"Accept-Encoding": "gzip"}
	)
	assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
	assert answer.headers["content-type"] == "text/javascript"
	assert gzip.decompress(answer.body) == b"x" * 1000 and answer.headers["vary"] == "Accept-Encoding"
	assert served.get(ACME, "/assets/frappe/plain.css").headers["cache-control"] == "public, max-age=3600"
	assert served.get(ACME, "/assets/missing.js").status == 404


def test_public_files_are_the_sites_own_and_open_no_page(served):
	for site, text in ((ACME, "of acme"), (BETA, "of beta")):
		(served.places.sites / site / "public/files/page.html").write_text(text)
	answer = served.get(ACME, "/files/page.html")
	assert answer.body == b"of acme" and answer.headers["content-disposition"] == "attachment"
	assert answer.headers["x-content-type-options"] == "nosniff"
	assert served.get(OWN, "/files/page.html").body == b"of acme"
	assert served.get(BETA, "/files/page.html").body == b"of beta"
	assert served.get(ACME, "/files/missing.txt").json["path"] == "/files/missing.txt", "the site decides"


@pytest.mark.parametrize(
	"path",
	[
		*(
			"/files/../../site_config.json",
			"/files/..%2f..%2fsite_config.json",
			"/files/%2e%2e/%2e%2e/site_config.json",
		),
		*(
			"/site_config.json",
			"/private/../site_config.json",
			"/assets/../acme.example.test/site_config.json",
		),
		*("/assets/..%2facme.example.test%2fsite_config.json", "//files/..//..//site_config.json"),
		*("/protected/private/files/a.txt", "/protected/site_config.json", "/.buildpro-pages/suspended.html"),
		*("/files/page.html/../../../site_config.json", "/files/\\..\\..\\site_config.json"),
	],
)
def test_nothing_else_of_a_site_is_given_out(served, path):
	(served.places.sites / ACME / "private/files/a.txt").write_text("private")
	answer = served.get(ACME, path)
	assert b"db_name" not in answer.body and answer.body != b"private"


def test_private_files_come_when_the_site_says_so(served):
	(served.places.sites / ACME / "private/files/a b.txt").write_text("private")
	(served.places.sites / BETA / "private/files/a b.txt").write_text("of beta")
	assert served.get(ACME, "/private/files/a%20b.txt").body == b"private"
	assert served.get(ACME, "/private/../../site_config.json").status in (200, 400)
	assert b"db_name" not in served.get(ACME, "/private/%2e%2e/site_config.json").body
	assert served.get(ACME, "/private/files/none.txt").status == 404


# -- pages ------------------------------------------------------------------------------------------------------------


def test_public_files_of_a_suspended_site_are_closed_and_the_page_says_why(served):
	(served.places.sites / SHUT / "public/files/a.txt").write_text("a")
	answer = served.get(SHUT, "/files/a.txt")
	assert answer.status == 402 and b"This site is suspended" in answer.body
	assert answer.headers["cache-control"] == "no-store"
	assert served.get(SHUT, "/app").site == SHUT, "the site shows its own page"


@pytest.mark.parametrize("status", [402, 404, 500, 502, 503])
def test_pages_that_a_site_answers_stay_its_own(served, status):
	assert served.get(ACME, f"/status/{status}").json["path"] == f"/status/{status}"


def test_a_bench_that_does_not_answer_has_a_page_and_programs_get_json(served, free_port):
	port = served.spec.web_port
	served.publish(*served.spec.sites, web_port=free_port())
	try:
		page = served.get(ACME, "/app", headers={"Accept": "text/html,application/json;q=0.9"})
		assert page.status == 502 and b"We will be back in a moment" in page.body
		assert page.headers["retry-after"] == "5" and page.headers["content-type"] == "text/html"
		told = served.get(
			ACME, "/api/method/ping", headers={"Accept": "application/json"}, method="POST", body=b"{}"
		)
		assert told.status == 502 and "in a moment" in told.json["message"]
	finally:
		served.publish(*served.spec.sites, web_port=port)
	assert served.get(ACME).site == ACME


def test_an_upload_may_be_as_large_as_the_site_takes(served):
	assert served.get(BETA, "/", method="POST", body=b"x" * 900_000).json["received"] == 900_000
	answer = served.get(BETA, "/", method="POST", body=b"x" * 1_100_000)
	assert answer.status == 413 and b"too large" in answer.body
	assert served.get(ACME, "/", method="POST", body=b"x" * 1_100_000).json["received"] == 1_100_000
	chunked = f"POST / HTTP/1.1\r\nHost: {BETA}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	body = b"%x\r\n%s\r\n0\r\n\r\n" % (1_100_000, b"x" * 1_100_000)
	assert served.get(BETA, raw=chunked.encode() + body).status in (0, 413)


# -- limits -----------------------------------------------------------------------------------------------------------


def test_a_site_is_limited_by_address_behind_a_balancer_too(served):
	def statuses(address: str, count: int) -> list[int]:
		return [served.get(LIMITED, headers={"X-Forwarded-For": address}).status for _ in range(count)]

	of_first = statuses("203.0.113.1", 30)
	assert of_first[0] == 200 and 429 in of_first
	assert statuses("203.0.113.2", 3) == [200] * 3, "another visitor is not held up"
	assert served.get(ACME, headers={"X-Forwarded-For": "203.0.113.1"}).status == 200, "nor another site"
	page = next(
		answer
		for answer in (served.get(LIMITED, headers={"X-Forwarded-For": "203.0.113.1"}) for _ in range(30))
		if answer.status == 429
	)
	assert page.headers["retry-after"] == "1" and b"One moment" in page.body


def test_the_address_of_a_visitor_is_not_his_to_choose(served):
	"""What stands before the last address that a balancer has put there is anybody's claim."""
	headers = served.get(ACME, headers={"X-Forwarded-For": "198.51.100.9, 203.0.113.5"}).json["headers"]
	assert headers["x-forwarded-for"] == "203.0.113.5"
	trusted = served.spec.trusted
	served.publish(*served.spec.sites, trusted=[])
	try:
		headers = served.get(ACME, headers={"X-Forwarded-For": "203.0.113.5"}).json["headers"]
		assert headers["x-forwarded-for"] == "127.0.0.1"
		plain = served.get(ACME, secure=False, headers={"X-Forwarded-Proto": "https"})
		assert plain.status == 307, "nobody is believed who is not trusted"
	finally:
		served.publish(*served.spec.sites, trusted=trusted)


# -- socket.io, the log -----------------------------------------------------------------------------------------------


def test_socket_io_is_passed_on_with_its_site_and_origin(served):
	told = {
		"Connection": "Upgrade",
		"Upgrade": "websocket",
		"Origin": "https://evil.example",
		"X-Frappe-Site-Name": BETA,
	}
	headers = served.get(OWN, "/socket.io/?transport=websocket", headers=told).json["headers"]
	assert (headers["upgrade"], headers["connection"]) == ("websocket", "upgrade")
	assert (headers["x-frappe-site-name"], headers["origin"]) == (ACME, "https://evil.example")


def test_each_request_is_logged_as_json_without_what_is_secret(served):
	answer = served.get(ACME, '/app/"x"?key=topsecret', headers={"X-Forwarded-For": "203.0.113.77"})
	served.get(f"nobody.{BASE}")
	# a line is written after the answer is sent
	wait_until(
		lambda: [line for line in served.logged() if line["request_id"] == answer.headers["x-request-id"]]
	)
	line = next(line for line in served.logged() if line["request_id"] == answer.headers["x-request-id"])
	assert (line["site"], line["status"], line["client"]) == (ACME, 200, "203.0.113.77")
	assert line["path"] == '/app/"x"' and line["bytes"] > 0 and line["seconds"] >= 0
	assert float(line["upstream_seconds"]) >= 0 and line["scheme"] == "https"
	assert answer.json["headers"]["x-request-id"] == answer.headers["x-request-id"]
	assert "topsecret" not in (served.places.logs / "proxy-access.log").read_text()
	wait_until(lambda: [line for line in served.logged() if line["status"] == 444])


def test_our_own_question_is_answered_to_this_machine_alone(served):
	path = "/.well-known/buildpro-proxy"
	assert served.get(ACME, path).body.decode().endswith(f" {ACME}")
	# a balancer on this machine passes on what comes from elsewhere: it may ask, and learns a release's name
	assert served.get("unknown.example", path).status == 0


def test_a_request_that_waits_is_held_up_by_no_reload(served):
	Application.held.clear()
	answers = []
	waiting = threading.Thread(target=lambda: answers.append(served.get(ACME, "/hold")))
	waiting.start()
	name = "erp.held.example"
	served.make_certificate(name)
	acme = served.spec.sites[0]
	more = replace(acme, hosts=[*acme.hosts, ProxyHost(name, name)])
	try:
		assert served.publish(more, *served.spec.sites[1:]).is_reloaded
		assert served.get(name).site == ACME
	finally:
		Application.held.set()
		waiting.join()
		served.publish(acme, *served.spec.sites[1:])
	assert answers[0].status == 200 and answers[0].json["path"] == "/hold"
