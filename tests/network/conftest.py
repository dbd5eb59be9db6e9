"""Real servers on loopback, in folders of their own: nginx, DNS, ACME. No site and no service of the bench is used."""

import os
import shutil

import pytest


def find_program(name: str) -> str:
	"""The path of a program. A test that needs one that is missing fails, and says so."""
	found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
	assert found, f"There is no program {name}."
	return found


@pytest.fixture(scope="session")
def program():
	"""program("nginx") → its path."""
	return find_program
