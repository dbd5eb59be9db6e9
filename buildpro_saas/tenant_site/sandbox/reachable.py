"""Which addresses inside the operator's network a tenant's request or job may connect to. Only the configuration decides.

`buildpro_reachable`, in `common_site_config.json` or `site_config.json`, is a list. An entry is a host, `host:port`, a network
(CIDR) or a socket's path.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from buildpro_saas.framework import REDIS_SERVERS

KEY = "buildpro_reachable"
REDIS_PORT, DATABASE_PORT = 6379, 3306
MAIL_PORTS = (25, 465, 587)
LARGEST_PORT = 65535
LOOPBACK = tuple(ipaddress.ip_network(net) for net in ("127.0.0.0/8", "::1/128"))
NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Place:
	"""A place to connect to: networks, a host's name or a socket's path; and a port (None: any)."""

	networks: tuple = ()
	name: str = ""
	path: str = ""
	port: int | None = None

	def has(self, address: Any, port: int, names: frozenset[str]) -> bool:
		"""Whether the address and port are in the place. address: an ipaddress object; names: the hosts that had it lately."""
		if self.port is not None and port != self.port:
			return False
		is_named = bool(self.name) and self.name in names
		return is_named or any(address in net for net in self.networks if net.version == address.version)


@dataclass(frozen=True)
class Servers:
	"""The bench's own servers, and what the operator allows. names: the hosts whose addresses have to be noted."""

	redis_ports: frozenset[int]
	redis_paths: frozenset[str]
	database: tuple[Place, ...]
	allowed: tuple[Place, ...]
	names: frozenset[str]


def servers(conf: Mapping) -> Servers:
	"""Read them from the site's configuration. A wrong entry of buildpro_reachable allows nothing; complaints() names it."""
	listed = conf.get(KEY) or ()
	return _servers(
		tuple(str(conf.get(name) or "") for name in REDIS_SERVERS),
		tuple(
			(str(conf.get(host) or "localhost"), _number(conf.get(port)) or DATABASE_PORT)
			for host, port in (("db_host", "db_port"), ("replica_host", "replica_db_port"))
		),
		str(conf.get("db_socket") or ""),
		(str(conf.get("mail_server") or ""), _number(conf.get("mail_port"))),
		tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list | tuple) else (),
	)


@lru_cache(maxsize=256)
def _servers(redis: tuple, databases: tuple, db_socket: str, mail: tuple, listed: tuple) -> Servers:
	urls = [urlsplit(url) for url in redis if url]
	database = [place for host, port in databases for place in _places(f"[{host}]:{port}", host)]
	if db_socket:
		database.append(Place(path=db_socket))
	ports = {*MAIL_PORTS, mail[1]} - {None}
	allowed = [place for port in ports if mail[0] for place in _places(f"[{mail[0]}]:{port}", mail[0])]
	allowed += [place for entry in listed for place in _places(entry)]
	return Servers(
		frozenset(url.port or REDIS_PORT for url in urls if url.scheme != "unix"),
		frozenset(url.path for url in urls if url.scheme == "unix"),
		tuple(database),
		tuple(allowed),
		frozenset(place.name for place in (*database, *allowed) if place.name),
	)


def _places(*spellings: str) -> list[Place]:
	"""The place that the first valid one of the spellings stands for; empty where none is valid (`saas doctor` says so)."""
	for spelling in spellings:
		try:
			return [parse(spelling)]
		except ValueError:
			continue
	return []


def _number(value: Any) -> int | None:
	try:
		return int(value)
	except (TypeError, ValueError):
		return None


def of_url(url: str) -> Place:
	"""Where the URL leads. Raises ValueError for one without host."""
	parts = urlsplit(url)
	if not parts.hostname:
		raise ValueError(f"{url!r} names no host.")
	return _place(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))


def parse(entry: str) -> Place:
	"""An entry of buildpro_reachable. Raises ValueError with a sentence that says what to write."""
	text = entry.strip()
	if text.startswith("/"):
		return Place(path=text)
	if "/" in text:
		return Place(networks=(ipaddress.ip_network(text, strict=False),))
	port = None
	if match := WITH_PORT.fullmatch(text):
		text, port = match["host"], int(match["port"])
		if not 0 < port <= LARGEST_PORT:
			raise ValueError(f"{entry!r} has no port between 1 and {LARGEST_PORT}.")
	return _place(text.strip("[]"), port)


def _place(host: str, port: int | None) -> Place:
	host = host.strip().lower().rstrip(".")
	if host == "localhost" or host.endswith(".localhost"):
		return Place(networks=LOOPBACK, port=port)  # RFC 6761
	try:
		return Place(networks=(ipaddress.ip_network(host),), port=port)
	except ValueError:
		if not NAME.fullmatch(host):
			raise ValueError(f"{host!r} is neither a host nor an address.") from None
	return Place(name=host, port=port)


def complaints(conf: Mapping) -> list[str]:
	"""What is wrong with buildpro_reachable, a sentence for each entry; empty when all of it counts."""
	listed = conf.get(KEY)
	if listed is None:
		return []
	how = 'write it as ["mail.internal", "10.0.0.5:8080", "10.1.0.0/16"]'
	if not isinstance(listed, list | tuple):
		return [f"{KEY} is no list: {how}."]
	return [f"{entry!r} in {KEY} allows nothing: {how}." for entry in _wrong(listed)]


def _wrong(listed: Iterable) -> Iterable:
	for entry in listed:
		try:
			parse(entry)
		except (ValueError, AttributeError):
			yield entry
