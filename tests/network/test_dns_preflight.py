"""What is wrong with a customer's DNS is a sentence that says what it says and what to set, before any authority is asked."""

import socket
import time

import dns.dnssec
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update
import pytest
from forwarding_resolver import Resolver
from knot import KEY, SECRET, Knot

from buildpro_saas.domains import dnssec
from buildpro_saas.domains.lookup import Lookup
from buildpro_saas.domains.preflight import Ours, findings

PATIENCE = 20.0  # seconds for one server: other work on this machine may hold it up
OURS = Ours(["127.0.0.1", "::1"], "proxy.example.test")
REGISTRY = "".join(
	f"{zone} NS ns.{zone}.test.\nns.{zone} A 127.0.0.2\n"
	for zone in ("customer", "signed", "moved", "expired")
)
REGISTRY += "".join(f"twice NS ns{n}.twice.test.\nns{n}.twice A 127.0.0.{n}\n" for n in (1, 2))
TWICE = "@ NS ns1\n@ NS ns2\nns1 A 127.0.0.1\nns2 A 127.0.0.2\nsame A 127.0.0.1\n"
CUSTOMER = """
good A 127.0.0.1
good AAAA ::1
erp CNAME proxy.example.test.
elsewhere A 198.51.100.7
stray A 127.0.0.1
stray A 198.51.100.7
stray6 A 127.0.0.1
stray6 AAAA 2001:db8:bad::1
dotless CNAME proxy.example.test.customer.test.
dangling CNAME gone.example.test.
orange A 104.16.1.1
mailonly MX 10 mail
*.any CNAME proxy.example.test.
locked A 127.0.0.1
locked CAA 0 issue "other.example"
dnsonly A 127.0.0.1
dnsonly CAA 0 issue "ca.example; validationmethods=dns-01"
below.open A 127.0.0.1
open CAA 0 issue "ca.example"
open CAA 0 iodef "mailto:it@customer.test"
"""
SIGNED = "www A 127.0.0.1\n"


@pytest.fixture(scope="module")
def servers(tmp_path_factory, program):
	"""The registry's server, and the one of customers."""
	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		port = free.getsockname()[1]
	folder, knotd = tmp_path_factory.mktemp("dns"), program("knotd")
	zones = {"customer.test": CUSTOMER, "signed.test": SIGNED, "moved.test": SIGNED, "expired.test": SIGNED}
	zones["twice.test"] = TWICE
	registry_zones = {
		"test": REGISTRY,
		"example.test": "proxy A 127.0.0.1\nproxy AAAA ::1\n",
		"twice.test": f"{TWICE}early A 127.0.0.1\n",
	}
	signed = ["signed.test", "expired.test"]
	with (
		Knot(knotd, folder / "a", registry_zones, port) as registry,
		Knot(knotd, folder / "b", zones, port, "127.0.0.2", signed=signed) as customer,
	):
		for zone, keys_of in (("signed", "signed"), ("moved", "signed"), ("expired", "expired")):
			trust(registry, zone, customer.ask(f"{keys_of}.test", "DNSKEY"))
		yield registry, customer


@pytest.fixture
def lookup(servers):
	"""Begins at the registry."""
	registry, _customer = servers
	return Lookup([(registry.address, registry.port)], registry.port, PATIENCE)


def trust(registry: Knot, zone: str, answer) -> None:
	"""Have the registry say that the zone is signed with the keys of the answer."""
	update = dns.update.UpdateMessage("test", keyring=dns.tsig.Key(KEY, SECRET, "hmac-sha256"))
	for rrset in answer.answer:
		for key in rrset:
			if key.rdtype == dns.rdatatype.DNSKEY and key.flags & 1:  # a key for keys
				update.add(f"{zone}.test.", 300, dns.dnssec.make_ds(f"{zone}.test.", key, "SHA256"))
	assert dns.query.tcp(update, registry.address, timeout=5, port=registry.port).rcode() == 0


def found(lookup, name: str, **options) -> dict[str, str]:
	"""Key → sentence of what is wrong with a name."""
	options = {"http_port": 0, **options}
	return {each.key: each.sentence for each in findings(lookup, name, OURS, "ca.example", **options)}


@pytest.mark.parametrize("name", ["good", "erp", "below.open"])
def test_nothing_is_wrong_with_a_name_that_leads_here(lookup, name):
	assert found(lookup, f"{name}.customer.test") == {}


@pytest.mark.parametrize(
	("name", "key", "said"),
	[
		(
			"nobody",
			"nxdomain",
			"does not exist: set a CNAME record nobody.customer.test to proxy.example.test.",
		),
		("nobody", "nxdomain", "may be told so for up to 60 s more."),
		("mailonly", "no_address", "has no address: set a CNAME record"),
		("elsewhere", "elsewhere", "has the address 198.51.100.7: set a CNAME record"),
		("stray", "stray_address", "198.51.100.7 beside ours: take the A record 198.51.100.7 away."),
		("stray6", "stray_aaaa", "take the AAAA record 2001:db8:bad::1 away."),
		("dotless", "trailing_dot", "put a dot at its end (proxy.example.test.)."),
		("dangling", "cname_chain", "is a CNAME to gone.example.test, which does not exist: set"),
		("orange", "proxied", "which is Cloudflare's: switch the proxy of Cloudflare off"),
		(
			"locked",
			"caa",
			'CAA 0 issue "other.example", so ca.example may not issue: set CAA 0 issue "ca.example"',
		),
		("dnsonly", "caa", "does not allow the method http-01"),
		("x.any", "wildcard", "unless you want *.any.customer.test to lead here."),
	],
)
def test_each_fault_is_a_sentence_that_says_what_to_set(lookup, name, key, said):
	told = found(lookup, f"{name}.customer.test")
	assert list(told) == [key]
	assert said in told[key]


def test_a_domains_own_name_is_to_have_addresses_and_no_cname(lookup):
	said = found(lookup, "customer.test")["no_address"]
	assert "the records A 127.0.0.1 and AAAA ::1 (a domain's own name can have no CNAME)" in said


def test_servers_that_do_not_agree_are_told(servers):
	registry, _customer = servers
	zones = {zone: (server.address, server.port) for server in reversed(servers) for zone in server.zones}
	with Resolver(zones) as resolver:
		lookup = Lookup([resolver.place], registry.port, PATIENCE)
		assert found(lookup, "same.twice.test") == {}
		assert {tuple(values) for values in lookup.everywhere("early.twice.test", "A").values()} == {
			(),
			("127.0.0.1",),
		}
		said = found(lookup, "early.twice.test")["servers_disagree"]
	assert "The servers of twice.test do not agree on early.twice.test (A)" in said and "says nothing" in said


def test_servers_of_an_operator_that_have_his_zones_alone_are_enough(servers):
	_registry, customer = servers
	lookup = Lookup([(customer.address, customer.port)], 1, PATIENCE)
	assert found(lookup, "good.customer.test") == found(lookup, "below.open.customer.test") == {}
	assert list(found(lookup, "locked.customer.test")) == ["caa"]


def test_a_domain_that_nobody_has_does_not_exist(lookup):
	assert list(found(lookup, "erp.nobody.test")) == ["nxdomain"]


def test_only_what_keeps_a_name_from_working_blocks(lookup):
	(wildcard,) = findings(lookup, "x.any.customer.test", OURS, "", http_port=0)
	assert not wildcard.is_blocking
	assert all(each.is_blocking for each in findings(lookup, "stray.customer.test", OURS, "", http_port=0))


def test_by_dns_01_what_caa_allows_is_right(lookup):
	assert found(lookup, "dnsonly.customer.test", method="dns-01") == {}


def test_a_resolver_that_still_says_no_is_told_with_its_seconds(servers):
	registry, _customer = servers
	zones = {zone: (server.address, server.port) for server in servers for zone in server.zones}
	with Resolver(zones, gone={"good.customer.test": 777}) as resolver:
		said = found(Lookup([resolver.place], registry.port, PATIENCE), "good.customer.test")
	assert list(said) == ["cached_nxdomain"]
	assert "still says that it does not exist, for 777 s more" in said["cached_nxdomain"]


def test_a_resolver_that_still_has_the_old_address_is_told_with_its_seconds(servers):
	registry, _customer = servers
	zones = {zone: (server.address, server.port) for server in servers for zone in server.zones}
	with Resolver(zones, old={"good.customer.test": ("198.51.100.3", 555)}) as resolver:
		said = found(Lookup([resolver.place], registry.port, PATIENCE), "good.customer.test")
	assert list(said) == ["cached_old"]
	assert "still says 198.51.100.3, for 555 s more" in said["cached_old"]


def test_a_server_that_is_silent_is_told(servers):
	with socket.socket(type=socket.SOCK_DGRAM) as silent:
		silent.bind(("127.0.0.1", 0))
		said = found(Lookup([silent.getsockname()], seconds=0.5), "good.customer.test")
	assert "gives no answer for good.customer.test" in said["no_answer"]


def test_port_80_is_tried_as_far_as_can_be_seen(lookup, free_port):
	closed = found(lookup, "good.customer.test", http_port=free_port(), connect_to="127.0.0.1")
	assert "does not answer from here (Connection refused)" in closed["port_80"]
	with socket.create_server(("127.0.0.1", 0)) as server:
		port = server.getsockname()[1]
		assert found(lookup, "good.customer.test", http_port=port, connect_to="127.0.0.1") == {}


# -- signatures (DNSSEC) -----------------------------------------------------------------------------------------------


def test_a_zone_that_is_signed_well_is_well(lookup):
	assert found(lookup, "www.signed.test") == {}


def test_a_zone_that_was_moved_without_its_keys_is_told(lookup):
	said = found(lookup, "www.moved.test")
	assert (
		"The registry's DS records say that moved.test is signed, but its servers have no keys"
		in said["dnssec"]
	)


def test_keys_that_the_registry_does_not_know_are_told(servers, lookup):
	registry, customer = servers
	update = dns.update.UpdateMessage("test", keyring=dns.tsig.Key(KEY, SECRET, "hmac-sha256"))
	update.replace("expired.test.", 300, "DS", f"1 13 2 {'ab' * 32}")
	before = customer.ask("expired.test", "DNSKEY")
	dns.query.tcp(update, registry.address, timeout=5, port=registry.port)
	try:
		assert "keys that its servers do not have" in found(lookup, "www.expired.test")["dnssec"]
	finally:
		trust(registry, "expired", before)


def test_signatures_that_have_expired_are_told(lookup):
	in_a_year = time.time() + 365 * 86400
	assert "have expired" in dnssec.fault(lookup, "www.signed.test", "signed.test", in_a_year)


def test_what_resolvers_refuse_for_its_signatures_is_told(servers):
	registry, _customer = servers
	zones = {zone: (server.address, server.port) for server in servers for zone in server.zones}
	with Resolver(zones, bogus=("good.customer.test",)) as resolver:
		said = found(Lookup([resolver.place], registry.port, PATIENCE), "good.customer.test")
	assert "Resolvers refuse the answers for good.customer.test" in said["dnssec"]
