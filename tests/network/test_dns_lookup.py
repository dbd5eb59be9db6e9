"""Names are looked up at the servers of their zone, on real servers: a registry's, and a customer's to which it refers."""

import contextlib
import socket
import threading

import dns.flags
import dns.message
import dns.rrset
import pytest
from forwarding_resolver import Resolver
from knot import Knot

from buildpro_saas.domains import ownership
from buildpro_saas.domains.dns_exchange import LookupFault
from buildpro_saas.domains.lookup import Lookup

LONG = "".join(f"many A 192.0.2.{number}\n" for number in range(1, 200))
REGISTRY = "customer NS ns.customer.test.\nns.customer A 127.0.0.2\nbroken NS ns.broken.test.\nns.broken A 127.0.0.3\n"
CUSTOMER = f"""
erp CNAME proxy.example.test.
shop 120 A 192.0.2.80
shop 120 AAAA 2001:db8::80
circle CNAME circle2
circle2 CNAME circle
*.wild CNAME elsewhere.example.test.
{LONG}
"""
PATIENCE = 20.0  # seconds for one server: other work on this machine may hold it up
SECRET = b"0123456789abcdef"


@pytest.fixture(scope="module")
def servers(tmp_path_factory, request):
	"""The registry's server, which also has example.test, and the customer's, on the same port of another address."""
	find_program = request.getfixturevalue("program")

	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		port = free.getsockname()[1]
	folder, knotd = tmp_path_factory.mktemp("dns"), find_program("knotd")
	zones = {"test": REGISTRY, "example.test": "proxy A 192.0.2.10\n"}
	with (
		Knot(knotd, folder / "registry", zones, port) as registry,
		Knot(knotd, folder / "customer", {"customer.test": CUSTOMER}, port, "127.0.0.2") as customer,
	):
		yield registry, customer


@pytest.fixture
def lookup(servers):
	"""Begins at the registry's server, as split DNS or the tests of others do."""
	registry, _customer = servers
	return Lookup([(registry.address, registry.port)], registry.port, PATIENCE)


def test_a_referral_leads_to_the_customers_own_server(lookup):
	answer = lookup.a("shop.customer.test")
	assert (answer.values, answer.zone, answer.seconds) == (["192.0.2.80"], "customer.test", 120)
	assert answer.is_authoritative and answer.server.startswith("ns.customer.test (127.0.0.2")
	assert lookup.addresses("shop.customer.test") == ["192.0.2.80", "2001:db8::80"]


def test_a_cname_is_followed_into_another_zone(lookup):
	answer = lookup.a("erp.customer.test")
	assert (answer.chain, answer.values) == (["proxy.example.test"], ["192.0.2.10"])
	assert lookup.zone_of("erp.customer.test") == "customer.test"
	assert lookup.cname_chain("shop.customer.test") == []


def test_a_circle_of_cnames_ends(lookup):
	with pytest.raises(LookupFault, match="in a circle"):
		lookup.a("circle.customer.test")


def test_what_does_not_fit_into_a_datagram_comes_over_tcp(lookup):
	assert len(lookup.a("many.customer.test").values) == 199


def test_a_no_has_the_seconds_for_which_it_may_be_kept(lookup):
	answer = lookup.a("nobody.customer.test")
	assert (answer.exists, answer.values, answer.seconds) == (False, [], 60)
	assert lookup.txt("shop.customer.test").exists


def test_a_resolvers_old_no_is_not_believed(servers):
	registry, _customer = servers
	zones = {zone: (server.address, server.port) for server in servers for zone in server.zones}
	with Resolver(zones, gone={"shop.customer.test": 900}) as resolver:
		lookup = Lookup([resolver.place], registry.port, PATIENCE)
		assert lookup.a("shop.customer.test").values == ["192.0.2.80"]
		cached = lookup.cached("shop.customer.test", "A")
		assert (cached.exists, cached.seconds, cached.is_authoritative) == (False, 900, False)


def test_a_resolvers_old_no_about_a_whole_domain_is_not_believed(servers):
	registry, _customer = servers
	with Resolver({"test": (registry.address, registry.port)}, gone={"customer.test": 900}) as resolver:
		assert Lookup([resolver.place], registry.port, PATIENCE).a("shop.customer.test").values == [
			"192.0.2.80"
		]


def test_a_resolver_that_fails_for_a_name_still_shows_the_way(servers):
	registry, _customer = servers
	with Resolver({"test": (registry.address, registry.port)}, bogus=("shop.customer.test",)) as resolver:
		assert Lookup([resolver.place], registry.port, PATIENCE).a("shop.customer.test").values == [
			"192.0.2.80"
		]


def test_where_a_zones_servers_cannot_be_reached_the_resolver_is_asked(servers):
	_registry, _customer = servers
	zones = {zone: (server.address, server.port) for server in servers for zone in server.zones}
	with Resolver(zones) as resolver:
		answer = Lookup([resolver.place], authority_port=1).a("shop.customer.test")
	assert (answer.values, answer.is_authoritative) == (["192.0.2.80"], False)


def test_a_zone_whose_servers_are_silent_is_a_fault_and_no_answer(lookup):
	lookup.seconds = 4
	with pytest.raises(
		LookupFault, match=r"No DNS server answers for shop\.broken\.test \(A\): ns\.broken\.test"
	):
		lookup.a("shop.broken.test")


def test_a_customers_zone_sends_us_to_no_private_network(lookup):
	lookup.has_private = False  # as it is where the operator names no servers
	with pytest.raises(LookupFault, match=r"The servers ns\.customer\.test have no public address"):
		lookup.a("shop.customer.test")


def test_a_silent_server_is_waited_for_no_longer_than_said(servers):
	registry, _customer = servers
	with socket.socket(type=socket.SOCK_DGRAM) as silent:
		silent.bind(("127.0.0.1", 0))
		lookup = Lookup([silent.getsockname(), (registry.address, registry.port)], registry.port, seconds=4)
		assert lookup.a("proxy.example.test").values == ["192.0.2.10"]


def test_an_answer_that_is_no_dns_is_a_fault():
	with socket.socket(type=socket.SOCK_DGRAM) as liar:
		liar.bind(("127.0.0.1", 0))

		def lie():
			wire, sender = liar.recvfrom(4096)
			liar.sendto(wire[:2] + b"\xff" * 7, sender)

		thread = threading.Thread(target=lie, daemon=True)
		thread.start()
		with pytest.raises(LookupFault):
			Lookup([liar.getsockname()], seconds=0.5).a("proxy.example.test")
		thread.join(5)


def test_a_machine_without_resolvers_says_so():
	with pytest.raises(LookupFault, match="there is no server to ask"):
		empty = Lookup([("127.0.0.1", 1)])
		empty.resolvers = []
		empty.a("proxy.example.test")


# -- ownership ---------------------------------------------------------------------------------------------------------


def test_a_name_is_owned_by_the_tenant_whose_text_its_zone_has(servers, lookup):
	_registry, customer = servers
	host = "shop.customer.test"
	acme, rival = (ownership.token(SECRET, tenant, host) for tenant in ("acme", "rival"))
	found = ownership.proof(lookup, "acme", host, acme)
	assert not found.is_owned
	assert found.sentence.endswith(f'set a TXT record _buildpro.{host} with the text "{acme}".')
	add(customer, ownership.record_name(host), acme)
	assert ownership.is_owned(lookup, "acme", host, acme)
	rivals = ownership.proof(lookup, "rival", host, rival)
	assert not rivals.is_owned and "another tenant's or another name's" in rivals.sentence


def test_a_text_where_a_panel_doubled_the_domain_is_told(servers, lookup):
	_registry, customer = servers
	token = ownership.token(SECRET, "acme", "erp.customer.test")
	add(customer, "_buildpro.erp.customer.test.customer.test", token)
	assert "with the domain twice" in ownership.proof(lookup, "acme", "erp.customer.test", token).sentence


def test_a_wildcards_cname_proves_nothing(servers, lookup):
	registry, _customer = servers
	token = ownership.token(SECRET, "mallory", "x.wild.customer.test")
	add(registry, "elsewhere.example.test", token, zone="example.test")
	found = ownership.proof(lookup, "mallory", "x.wild.customer.test", token)
	assert not found.is_owned and "is a CNAME to elsewhere.example.test" in found.sentence


def test_a_forged_datagram_proves_nothing(servers, lookup):
	"""Who forges answers over UDP, from anywhere, cannot do so over TCP: proofs are asked for there."""
	registry, _customer = servers
	host = "erp.broken.test"
	token = ownership.token(SECRET, "mallory", host)
	with socket.socket(type=socket.SOCK_DGRAM) as forger:
		forger.bind(("127.0.0.3", registry.port))
		forger.settimeout(20)

		def forge():
			with contextlib.suppress(OSError):
				while True:
					wire, sender = forger.recvfrom(4096)
					response = dns.message.make_response(dns.message.from_wire(wire))
					response.flags |= dns.flags.AA
					name = response.question[0].name
					if response.question[0].rdtype.name == "TXT":
						response.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{token}"'))
					forger.sendto(response.to_wire(), sender)

		threading.Thread(target=forge, daemon=True).start()
		assert lookup.authoritative(ownership.record_name(host), "TXT").values == [token]
		with pytest.raises(LookupFault):
			ownership.is_owned(lookup, "mallory", host, token)


def test_no_answer_says_nothing_of_ownership(lookup):
	with pytest.raises(LookupFault):
		ownership.is_owned(lookup, "acme", "shop.broken.test", "buildpro-verify=0")


def add(server: Knot, name: str, text: str, zone: str = "customer.test") -> None:
	"""Put a text into a zone."""
	server.provider(zone).ensure(name, "TXT", [text], "")
