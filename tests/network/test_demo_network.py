"""The DNS server, the resolver and the authority of `make demo PROXY=1`, without its bench."""

import ssl
import sys
import urllib.request
from pathlib import Path

import dns.message
import dns.query
import pytest

from dev import probes
from dev.bench import PrivateBench
from dev.home import Home
from dev.network import CNAME_TARGET, Network
from dev.network_services import CUSTOMER_ZONE

ERP = f"erp.{CUSTOMER_ZONE}"


@pytest.fixture
def network(tmp_path):
	home = Home(tmp_path / "home")
	(home.bench / "env/bin").mkdir(parents=True)
	python = home.bench / "env/bin/python"
	python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # a link would lose its packages
	python.chmod(0o755)
	made = Network(PrivateBench(home))
	try:
		made.start_servers()
		yield made
	finally:
		made.bench.services().stop_all()


def values(port: int, name: str, kind: str) -> list[str]:
	answer = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=port, timeout=10)
	return [rdata.to_text().strip('"') for rrset in answer.answer for rdata in rrset]


def test_a_customers_records_lead_to_the_proxy_also_after_a_restart(network):
	ports, services = network.home.ports(), network.bench.services()
	network.set_record(f"_buildpro.{ERP}", "TXT", "proof-1")
	network.set_record(f"_buildpro.{ERP}", "TXT", "proof-2")
	network.set_record(ERP, "CNAME", f"{CNAME_TARGET}.")
	services.restart("knot")
	assert values(ports["resolver"], f"_buildpro.{ERP}", "TXT") == ["proof-2"]
	assert values(ports["resolver"], ERP, "A") == [f"{CNAME_TARGET}.", "127.0.0.1"]
	assert not probes.dns_answers(ports["dns"], "example.com")


def test_roots_of_all_starts_of_the_authority_are_trusted(network):
	roots = network.ca.read_text()
	network.bench.services().stop("pebble")
	network.start_servers()
	assert network.ca.read_text().startswith(roots) and network.ca.read_text().count("BEGIN") == 2
	network.start_servers()
	assert network.ca.read_text().count("BEGIN") == 2
	context = ssl.create_default_context(cafile=str(network.directory_ca))
	with urllib.request.urlopen(network.directory(), context=context, timeout=10) as answer:
		assert b"newOrder" in answer.read()
	assert Path(network.ca).stat().st_mode & 0o777 == 0o644
