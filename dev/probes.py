"""Is a server really ready? Each probe asks in the server's own protocol and answers True or False at once."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Sequence

TIMEOUT = 2  # seconds for one probe; callers repeat it


def mariadb_answers(port: int) -> bool:
	"""MariaDB greets first: a handshake packet (protocol 10) when it takes connections, an error packet (0xff) else.

	Packet layout: 3 bytes length, 1 byte sequence, payload (MariaDB's "Connecting" page of its protocol's manual).
	"""
	try:
		with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
			greeting = connection.recv(5)
	except OSError:
		return False
	return len(greeting) == 5 and greeting[4] == 10


def redis_answers(port: int) -> bool:
	"""True once Redis has loaded its data (while loading it answers -LOADING)."""
	return redis_command(port, "PING") == "PONG"


def http_answers(port: int, host: str = "localhost", path: str = "/api/method/ping") -> int | None:
	"""The HTTP status that the web server gives for `path` under this Host header; None when it does not answer."""
	connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
	try:
		connection.request("GET", path, headers={"Host": host})
		return connection.getresponse().status
	except (OSError, http.client.HTTPException):
		return None
	finally:
		connection.close()


def port_answers(port: int) -> bool:
	try:
		with socket.create_connection(("127.0.0.1", port), TIMEOUT):
			return True
	except OSError:
		return False


def dns_answers(port: int, zone: str) -> bool:
	"""True once the DNS server on this UDP port has an answer to who answers for the zone (SOA; RFC 1035, section 4)."""
	labels = b"".join(bytes([len(label)]) + label.encode() for label in zone.split("."))
	question = b"\x00\x01\x01\x00\x00\x01" + b"\x00" * 6 + labels + b"\x00\x00\x06\x00\x01"
	try:
		with socket.socket(type=socket.SOCK_DGRAM) as connection:
			connection.settimeout(TIMEOUT)
			connection.connect(("127.0.0.1", port))
			connection.send(question)
			answer = connection.recv(4096)
	except OSError:
		return False
	return answer[:2] == question[:2] and answer[3] & 15 == 0 and answer[6:8] != b"\x00\x00"


def worker_is_registered(redis_queue_port: int, pid: int) -> bool:
	"""True once the RQ worker with this process id is in RQ's own set of workers, so it takes jobs."""
	for key in redis_command(redis_queue_port, "SMEMBERS", "rq:workers") or []:
		if redis_command(redis_queue_port, "HGET", key, "pid") == str(pid):
			return True
	return False


def redis_command(port: int, *words: str) -> str | int | list | None:
	"""Send one command to Redis and return its reply: str, int, list or None; None too when it does not answer.

	Speaks RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/), so that no package is needed here.
	"""
	try:
		with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
			connection.sendall(_encode(words))
			with connection.makefile("rb") as stream:
				return _read_reply(stream)
	except (OSError, ValueError):
		return None


def _encode(words: Sequence[str]) -> bytes:
	parts = [b"*%d\r\n" % len(words)]
	for word in words:
		data = word.encode()
		parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
	return b"".join(parts)


def _read_reply(stream) -> str | int | list | None:
	line = stream.readline().rstrip(b"\r\n")
	kind, rest = line[:1], line[1:]
	if kind == b"+":
		return rest.decode()
	if kind == b":":
		return int(rest)
	if kind == b"$":
		size = int(rest)
		return None if size < 0 else stream.read(size + 2)[:-2].decode(errors="replace")
	if kind == b"*":
		return [_read_reply(stream) for _ in range(int(rest))]
	raise ValueError(f"Redis answered {line!r}")
