"""By which SSH connection somebody has started this process."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

import psutil

VARIABLE = "SSH_CONNECTION"  # client's address and port, server's address and port (man 1 ssh)


@dataclass(frozen=True)
class Origin:
	"""The far end of an SSH connection, and the port on this machine."""

	address: IPv4Address | IPv6Address
	port: int
	server_port: int

	def __str__(self) -> str:
		return f"{self.address}, port {self.port}"


def find() -> Origin | None:
	"""The connection by which the caller is here; None where nothing tells. sudo drops the variable, so the processes above are asked, too."""
	return next((found for each in _environments() if (found := of(each.get(VARIABLE, "")))), None)


def of(text: str) -> Origin | None:
	"""What the variable says; None for what is no such text."""
	words = text.split()
	try:
		address, port, _server, server_port = words
		# fe80::1%eth0: the interface is no part of the address
		found = ip_address(address.partition("%")[0])
		return Origin(getattr(found, "ipv4_mapped", None) or found, int(port), int(server_port))
	except ValueError:
		return None


def _environments() -> Iterator[Mapping[str, str]]:
	yield os.environ
	for process in psutil.Process().parents():
		try:
			yield process.environ()
		except psutil.Error:
			continue  # another user's, or gone by now
