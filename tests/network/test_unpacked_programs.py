"""The servers that the other tests of this folder start are there, and start no service by themselves."""

import subprocess

import pytest


@pytest.mark.parametrize(
	("name", "argument", "said"),
	[
		("nginx", "-v", "nginx version"),
		("knotd", "--version", "Knot DNS"),
		("kdig", "--version", "Knot DNS"),
		("pebble", "-h", "-config"),
		("pebble-challtestsrv", "-h", "-http01"),
	],
)
def test_a_server_can_be_started(program, name, argument, said):
	done = subprocess.run([program(name), argument], capture_output=True, text=True, timeout=60, check=False)
	assert said in done.stdout + done.stderr
