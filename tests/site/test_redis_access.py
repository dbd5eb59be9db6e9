"""`saas doctor` and `saas setup` say when the bench's Redis takes commands without a password."""

import socket
import subprocess
import time
from urllib.parse import urlsplit

import pytest
import redis


@pytest.fixture
def locked(services_bin, tmp_path):
	"""The address of a Redis server that wants a password."""
	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		port = free.getsockname()[1]
	command = [
		services_bin,
		"--port",
		str(port),
		"--bind",
		"127.0.0.1",
		"--requirepass",
		"x",
		"--save",
		"",
		"--dir",
		str(tmp_path),
	]
	process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
	client, end = redis.Redis(port=port, password="x"), time.monotonic() + 20
	while time.monotonic() < end:
		try:
			client.ping()
			break
		except redis.ConnectionError:
			continue
	yield f"redis://:x@127.0.0.1:{port}"
	process.terminate()
	process.wait()


@pytest.fixture
def services_bin():
	from dev.services import Services

	return str(Services.from_environment().home.bin / "redis-server")


def test_a_server_without_password_is_said(frappe):
	from buildpro_saas.agent import redis_access

	url = frappe.conf.redis_cache
	(sentence,) = redis_access.complaints({"redis_cache": url, "redis_socketio": url})
	assert "redis_cache and redis_socketio" in sentence and "requirepass" in sentence
	assert str(urlsplit(url).port) in sentence


def test_one_with_a_password_is_not(frappe, locked):
	from buildpro_saas.agent import redis_access

	assert redis_access.complaints({"redis_cache": locked}) == []
	assert (
		redis_access.complaints(
			{"redis_cache": "unix:///run/redis.sock", "redis_queue": "redis://127.0.0.1:1"}
		)
		== []
	)


def test_the_address_is_said_without_its_password(frappe):
	from buildpro_saas.agent import redis_access

	port = urlsplit(frappe.conf.redis_cache).port
	(sentence,) = redis_access.complaints({"redis_cache": f"redis://:secret@127.0.0.1:{port}"})
	assert "secret" not in sentence
