"""What listens on this machine for connections, and from where it can be reached."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import psutil

from buildpro_saas.agent.account import DEFAULT_HOST, DEFAULT_PORT
from buildpro_saas.agent.facts import FINE, FOUND, NOT_SEEN, Check
from buildpro_saas.framework import REDIS_SERVERS

SUBJECT = "Listening"
MARIADB, REDIS, WEB = "MariaDB", "Redis", "The bench's web server"
PROGRAMS = {
	**dict.fromkeys(("mariadbd", "mysqld"), MARIADB),
	**dict.fromkeys(("redis-server", "valkey-server", "redis-sentinel"), REDIS),
}
USUAL_PORTS = {3306: MARIADB, 6379: REDIS}
SSHD = ("sshd",)
TOLD = 8  # sockets
HOW = {
	MARIADB: "Set bind-address = 127.0.0.1 under [mysqld] in its my.cnf, then restart MariaDB.",
	REDIS: "Set `bind 127.0.0.1 -::1` in its configuration (a bench's are in config/), then restart it.",
	WEB: "Let it listen on 127.0.0.1 alone (--bind of gunicorn), behind nginx.",
}


@dataclass(frozen=True)
class Socket:
	"""A TCP socket that listens. program: empty where only root may know."""

	address: IPv4Address | IPv6Address
	port: int
	program: str = ""

	@property
	def is_public(self) -> bool:
		"""Whether it answers on an address that other networks may reach: a public one, or all that the machine has."""
		return not self.address.is_loopback and (self.address.is_unspecified or self.address.is_global)

	@property
	def is_for_others(self) -> bool:
		"""Whether it answers anybody beside this machine."""
		return not self.address.is_loopback

	@property
	def place(self) -> str:
		"""Address and port as people write them."""
		return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


def sockets() -> list[Socket]:
	"""All TCP sockets that listen in this process's network, each once, sorted by port."""
	names: dict[int | None, str] = {None: ""}
	found = set()
	for each in psutil.net_connections("tcp"):
		if each.status != psutil.CONN_LISTEN:
			continue
		if each.pid not in names:
			names[each.pid] = _name(each.pid)
		address = ip_address(each.laddr.ip.partition("%")[0])
		found.add(Socket(getattr(address, "ipv4_mapped", None) or address, each.laddr.port, names[each.pid]))
	return sorted(found, key=lambda each: (each.port, each.place))


def is_mariadb_for_others(conf: Mapping, found: Iterable[Socket]) -> bool:
	"""Whether other machines can reach the bench's MariaDB: it is on another one, or listens on more than this one's loopback."""
	expected, elsewhere = _expected(conf)
	ports = {port for port, what in expected.items() if what == MARIADB}
	return bool([what for what, _host in elsewhere if what == MARIADB]) or any(
		each.port in ports and each.is_for_others for each in found
	)


def ssh_ports(found: Iterable[Socket]) -> list[int]:
	"""Where servers for SSH listen; only root can tell."""
	return sorted({each.port for each in found if each.program in SSHD})


def checks(conf: Mapping, found: list[Socket]) -> list[Check]:
	"""Whether MariaDB, Redis and the web server are open to other machines; and what else is. conf: the bench's configuration."""
	expected, elsewhere = _expected(conf)
	told, of_ours = [], []
	for each in found:
		what = PROGRAMS.get(each.program) or expected.get(each.port) or _usual(each)
		if not what:
			continue
		of_ours.append(each)
		if each.is_public:
			told.append(
				Check(
					SUBJECT, FOUND, f"{what} listens on {each.place}: other machines can reach it.", HOW[what]
				)
			)
		elif each.is_for_others:
			told.append(
				Check(SUBJECT, FINE, f"{what} listens on {each.place}, an address of a private network.")
			)
	if not told:
		told.append(Check(SUBJECT, FINE, _all_fine(of_ours)))
	others = [each for each in found if each.is_for_others and each not in of_ours]
	return [*told, *_elsewhere(elsewhere), *_others(others)]


def is_here(host: str) -> bool:
	"""Whether a server at that host is on this machine."""
	try:
		return ip_address(host.strip("[]")).is_loopback
	except ValueError:
		return host == "localhost"


def _expected(conf: Mapping) -> tuple[dict[int, str], list[tuple[str, str]]]:
	"""({port of this machine: what the configuration has there}, [(what, host)] of what is on other machines)."""
	redis = [urlsplit(url) for name in REDIS_SERVERS if (url := conf.get(name))]
	places = [(REDIS, url.hostname or "localhost", url.port or 6379) for url in redis if url.scheme != "unix"]
	if not conf.get("db_socket"):
		places.append(
			(MARIADB, conf.get("db_host") or DEFAULT_HOST, int(conf.get("db_port") or DEFAULT_PORT))
		)
	here = {port: what for what, host, port in places if is_here(host)}
	here[int(conf.get("webserver_port") or 8000)] = WEB
	return here, sorted({(what, host) for what, host, _port in places if not is_here(host)})


def _usual(socket: Socket) -> str:
	return "" if socket.program else USUAL_PORTS.get(socket.port, "")


def _all_fine(of_ours: list[Socket]) -> str:
	if not of_ours:
		return "Neither MariaDB nor Redis listens on this machine's network."
	return f"MariaDB, Redis and the web server answer this machine alone: {_list(of_ours)}."


def _elsewhere(places: list[tuple[str, str]]) -> list[Check]:
	return [
		Check(
			SUBJECT,
			NOT_SEEN,
			f"{what} is on another machine ({host}), and is not seen from here.",
			"Look there: ss -tln",
		)
		for what, host in places
	]


def _others(found: list[Socket]) -> list[Check]:
	if not found:
		return []
	is_known = os.geteuid() == 0 or all(each.program for each in found)
	who = "" if is_known else " (only root sees of which program each is)"
	return [Check(SUBJECT, FINE, f"Also open to other machines: {_list(found)}{who}.")]


def _list(found: list[Socket]) -> str:
	names = [f"{each.place} {each.program}".strip() for each in found]
	return ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD} more" if names[TOLD:] else "")


def _name(pid: int) -> str:
	try:
		return os.path.basename(psutil.Process(pid).name())
	except psutil.Error:
		return ""
