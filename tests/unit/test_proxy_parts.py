"""What nginx is to serve, before there is an nginx: hosts, sizes, texts (tests/network has the real one)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.agent import nginx, proxy_config, proxy_hosts
from buildpro_saas.agent.proxy_config import HTTP_FILE, SITE_FILE, Machine
from buildpro_saas.agent.proxy_facts import ProxyHost, ProxySite, ProxySpec
from buildpro_saas.agent.proxy_settings import Places, Settings

BASE = "example.com"
ACME = "acme.example.com"


def spec(*sites: ProxySite, **values) -> ProxySpec:
	return ProxySpec(
		list(sites), **{"base_domain": BASE, "web_port": 8000, "wildcard_certificate": "wild", **values}
	)


def site(*hosts: ProxyHost, name: str = ACME, **values) -> ProxySite:
	return ProxySite(name, [ProxyHost(name), *hosts], **values)


def decided(*sites: ProxySite, certificates=("wild", "own"), **values) -> proxy_hosts.Serving:
	return proxy_hosts.decide(spec(*sites, **values), dict.fromkeys(certificates, ""))


def rendered(wanted: ProxySpec, machine=Machine(), settings=Settings(), certificates=("wild", "own")):  # noqa: B008 - they are frozen
	serving = proxy_hosts.decide(wanted, dict.fromkeys(certificates, ""))
	return proxy_config.render(wanted, serving, Places(Path("/b")), settings, machine, "wild~1")


def test_own_subdomains_stand_in_no_file():
	"""So a new one changes nothing that nginx would have to read."""
	one = rendered(spec(site()))
	many = rendered(spec(*(site(name=f"t{number}.{BASE}") for number in range(50))))
	assert one.files == many.files and many.lines == {}


@pytest.mark.parametrize(
	"other",
	[
		site(ProxyHost("erp.customer.example", "own")),
		ProxySite(ACME, [ProxyHost(ACME, hsts_seconds=60)]),
		ProxySite("folder.example.com", [ProxyHost(ACME)]),
		ProxySite(ACME, [ProxyHost(ACME, "own")]),
	],
	ids=["a customer's name", "HTTPS alone", "another folder", "a certificate of its own"],
)
def test_what_differs_has_lines_that_are_known_by_the_host(other):
	found = rendered(spec(other))
	assert set(found.lines.values()) <= {host.name for host in other.hosts} and found.lines
	lines = found.files[HTTP_FILE].splitlines()
	for number, host in found.lines.items():
		assert host in lines[number - 1]


def test_limits_and_closing_stand_in_no_file_but_a_new_rate_does():
	plain, closed = rendered(spec(site())), rendered(spec(site(is_closed=True)))
	assert plain.files == closed.files
	limited = rendered(spec(site(requests_a_second=5)))
	again = rendered(spec(site(requests_a_second=5), site(name="b.example.com", requests_a_second=5)))
	assert plain.files != limited.files == again.files
	assert "rate=5r/s" in limited.files[HTTP_FILE]
	assert "rate=90r/m" in rendered(spec(site(requests_a_second=1.5))).files[HTTP_FILE]


def test_the_renewed_wildcard_is_another_release():
	wanted = spec(site())
	serving = decided(site())
	first, second = (
		proxy_config.render(wanted, serving, Places(Path("/b")), Settings(), Machine(), version).digest
		for version in ("wild~1", "wild~2")
	)
	assert first != second


def test_without_a_wildcard_own_subdomains_are_served_over_http():
	found = rendered(spec(site(), wildcard_certificate=""))
	assert "*.example.com" in found.files[HTTP_FILE]
	assert "certificates/wild" not in found.files[HTTP_FILE]


def test_http2_is_said_as_the_nginx_at_hand_wants_it():
	of_debian = rendered(spec(site()), Machine((1, 22, 1))).files[HTTP_FILE]
	assert "listen 0.0.0.0:443 ssl http2 default_server;" in of_debian and "http2 on" not in of_debian
	newer = rendered(spec(site()), Machine((1, 26, 0))).files[HTTP_FILE]
	assert "listen 0.0.0.0:443 ssl default_server;" in newer and "http2 on;" in newer


def test_addresses_ports_and_networks():
	found = rendered(
		spec(site(), listen=["192.0.2.1", "2001:db8::1"], http_port=8080, trusted=["10.0.0.0/8"])
	)
	text = found.files[HTTP_FILE]
	assert "listen 192.0.2.1:8080;" in text and "listen [2001:db8::1]:443 ssl http2;" in text
	assert "10.0.0.0/8 1;" in text and "set_real_ip_from 10.0.0.0/8;" in found.files[SITE_FILE]
	every = rendered(spec(site()), Machine(has_ipv6=True)).files[HTTP_FILE]
	assert "listen [::]:80 default_server;" in every
	assert "real_ip_header" not in rendered(spec(site())).files[SITE_FILE]


def test_beside_others_nothing_of_theirs_is_said_twice():
	settings = Settings(is_default=False, left_out=["map_hash_bucket_size"])
	text = rendered(spec(site()), settings=settings).files[HTTP_FILE]
	assert "default_server" not in text and "map_hash_bucket_size" not in text and "map_hash_max_size" in text


def test_no_sign_of_a_template_is_left():
	found = rendered(
		spec(site(ProxyHost("erp.customer.example", "own"), requests_a_second=2), socketio_port=9000)
	)
	for text in found.files.values():
		assert "<" not in text.replace("(?<bp", ""), text
	assert proxy_config.RELEASE in found.files[HTTP_FILE]


def test_the_size_of_most_sites_is_the_wildcards():
	sites = [
		site(name=f"{letter}.example.com", body_mb=size)
		for letter, size in zip("abcd", (5, 5, 9, 5), strict=True)
	]
	serving = decided(*sites)
	assert serving.body_mb == 5 and [host.name for host in serving.listed] == ["c.example.com"]
	assert decided(site(body_mb=5), site(name="b.example.com", body_mb=9)).body_mb == 9, "of two the larger"


def test_a_certificate_that_cannot_be_presented_leaves_plain_http():
	wanted = spec(site(ProxyHost("erp.customer.example", "own", hsts_seconds=60)))
	serving = proxy_hosts.decide(wanted, {"wild": "", "own": "It is damaged."})
	host = serving.hosts["erp.customer.example"]
	assert (host.certificate, host.hsts_seconds) == ("", 0)
	assert serving.set_aside == {"erp.customer.example": "It is damaged."}


@given(st.text(max_size=70))
def test_no_text_gets_into_the_configuration_unless_it_is_a_host_name(text):
	serving = decided(site(ProxyHost(text, "own")))
	if text in serving.hosts:
		assert proxy_hosts.NAME.fullmatch(text) and text.isascii() and text == text.lower()
	else:
		assert serving.set_aside[text].endswith((".", ")."))


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", *"abcdefg"])), max_size=12))
def test_no_redirect_ends_nowhere_whatever_is_asked_for(pairs):
	hosts = [
		ProxyHost(f"{name}.customer.example", "own", f"{target}.customer.example" if target else "")
		for name, target in pairs
	]
	serving = decided(ProxySite(ACME, hosts))
	for host in serving.hosts.values():
		if host.target:
			target = serving.hosts[host.target]
			assert target.certificate and not target.target


@pytest.mark.parametrize(
	("said", "what", "line"),
	[
		(
			"nginx: [emerg] invalid number of the map parameters in /r/tried-http.conf:12\nnginx: configuration file /x test failed\n",
			"invalid number of the map parameters",
			12,
		),
		(
			'2026/11/27 12:00:00 [emerg] 99#99: unknown directive "x" in /r/other.conf:3',
			'unknown directive "x"',
			0,
		),
		("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)", "Permission denied", 0),
		("Segmentation fault", "Segmentation fault", 0),
	],
)
def test_what_nginx_says_is_understood(said, what, line):
	fault = nginx.broken(said, "/r/tried-http.conf")
	assert what in str(fault) and fault.line == line


def test_ports_that_are_roots_are_tried_as_others():
	text = "\tlisten 0.0.0.0:80 default_server;\n\tlisten [::]:443 ssl http2;\n\tlisten 127.0.0.1:8080;\n"
	tried = nginx.LISTEN.sub(nginx._port_to_try, text)
	assert (
		"0.0.0.0:60080 default_server" in tried and "[::]:60443 ssl" in tried and "127.0.0.1:8080;" in tried
	)
