"""Real servers on loopback, in folders of their own: nginx, DNS, ACME. No site and no service of the bench is used."""

import os
import shutil

import pytest
from loopback_ports import free_ports

from dev import unpacked
from dev.home import Home
from dev.shell import clean_environment


def find_program(name: str) -> str:
	"""The path of a program that `make test` makes sure of. A test that needs one that is missing fails, and says so."""
	path = os.pathsep.join([clean_environment()["PATH"], *unpacked.folders(Home())])
	found = shutil.which(name, path=path)
	assert found, f"There is no program {name}: run these tests with `make test ONLY=network`."
	return found


@pytest.fixture(scope="session")
def program():
	"""program("nginx") → its path."""
	return find_program


@pytest.fixture
def free_port():
	"""free_port() → a loopback port, for TCP and UDP, that nothing uses; another one at each call of a test."""
	return lambda: free_ports(1)[0]


@pytest.fixture
def proxied(tmp_path, program, free_port):
	"""A bench with an nginx of its own that runs, and nothing published yet."""
	from proxied_bench import ProxiedBench

	bench = ProxiedBench(tmp_path / "bench", program("nginx"), free_port)
	try:
		bench.start()
		yield bench
	finally:
		bench.stop()
