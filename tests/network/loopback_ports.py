"""Loopback ports for the servers of tests."""

import random
import socket

# Below those that the system gives to outgoing connections (net.ipv4.ip_local_port_range): such a connection could have taken one by the
# time that its server starts. And not those of dev/home.py.
PORTS = range(10_000, 20_000)
_given: set[int] = set()


def free_ports(count: int) -> list[int]:
	"""Ports that nobody listens on, neither by TCP nor by UDP; others at each call of this process."""
	found: list[int] = []
	while len(found) < count:
		port = random.choice(PORTS)
		if port not in _given and _is_free(port):
			_given.add(port)
			found.append(port)
	return found


def _is_free(port: int) -> bool:
	with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
		try:
			tcp.bind(("127.0.0.1", port))
			udp.bind(("127.0.0.1", port))
		except OSError:
			return False
	return True
