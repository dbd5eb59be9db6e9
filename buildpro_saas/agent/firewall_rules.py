"""Which connections from outside the machine takes, and that as an nftables table. Plain data in and out."""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.ssh_origin import Origin

TABLE = "buildpro"
HTTP, HTTPS = "80", "443"
OPENED = re.compile(r"(?P<port>[0-9]{1,5})(/(?P<protocol>tcp|udp))?(@(?P<source>[0-9A-Fa-f.:/]+))?")
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
MOST = 1024  # entries of a list
Network = IPv4Network | IPv6Network
# The first packet of a connection. One that is older than our table is noted by none of its packets.
FIRST = "tcp flags & (fin | syn | rst | ack) == syn"


@dataclass(frozen=True)
class Opened:
	"""A port that is open; to everybody, or to one network."""

	port: int
	protocol: str = "tcp"
	source: Network | None = None

	def __str__(self) -> str:
		source = f"{'ip' if self.source.version == 4 else 'ip6'} saddr {self.source} " if self.source else ""
		return f"{source}{self.protocol} dport {self.port} accept"


@dataclass(frozen=True)
class Rules:
	"""ssh_ports: where people sign in, from `ssh_from` (everywhere, where it is empty). opened: other ports. trusted: interfaces from which all comes in."""

	ssh_ports: list[int]
	ssh_from: list[Network] = field(default_factory=list)
	opened: list[Opened] = field(default_factory=list)
	trusted: list[str] = field(default_factory=list)

	@classmethod
	def of(cls, ssh_ports: list[int], ssh_from: list[str], opened: list[str], trusted: list[str]) -> "Rules":
		"""The rules that somebody has written. Raises AgentError, with what to change."""
		if not ssh_ports:
			raise AgentError(
				"It is not seen where SSH listens, and without its port nobody would get in.",
				"Say where it listens: --ssh-port PORT.",
			)
		for name, values in (("ssh_from", ssh_from), ("opened", opened), ("trusted", trusted)):
			if len(values) > MOST:
				raise AgentError(
					f"{name} has more than {MOST} entries.", "Give networks in place of addresses."
				)
		for port in ssh_ports:
			_port(port)
		for name in trusted:
			if not INTERFACE.fullmatch(name):
				raise AgentError(f"{name!r} is no network interface's name.", "`ip link` lists them.")
		return cls(
			sorted(set(ssh_ports)),
			[_network(text) for text in ssh_from],
			[_opened(text) for text in opened],
			list(dict.fromkeys(trusted)),
		)

	def check_keeps(self, origin: Origin | None) -> None:
		"""Raise AgentError where the rules would close the way by which the caller is signed in."""
		if not origin or self.trusted:  # by which interface he comes is not known: the confirmation tells
			return
		if origin.server_port not in self.ssh_ports:
			raise AgentError(
				f"You are signed in by port {origin.server_port}, which these rules close.",
				f"Add --ssh-port {origin.server_port}.",
			)
		if self.ssh_from and not any(origin.address in network for network in self.ssh_from):
			raise AgentError(
				f"You are signed in from {origin.address}, which these rules do not let in.",
				f"Add --ssh-from {origin.address}.",
			)


def rendered(rules: Rules, is_proving: bool = False) -> str:
	"""The table as nft reads it. is_proving: with the sets that note each new SSH connection, by which a change is confirmed."""
	ports = ", ".join(map(str, rules.ssh_ports))
	ssh = [Opened(port, source=source) for port in rules.ssh_ports for source in rules.ssh_from or [None]]
	lines = [
		"type filter hook input priority filter; policy drop;",
		# first of all: who comes through a tunnel comes by the loopback interface
		*(_noting(ports) if is_proving else []),
		'iifname "lo" accept',
		"ct state established,related accept",
		"ct state invalid drop",
		*(f'iifname "{name}" accept' for name in rules.trusted),
		"# errors, the search for neighbours and routers (IPv6 does not work without), and ping",
		"meta l4proto { icmp, ipv6-icmp } accept",
		"# addresses by DHCP",
		"udp sport 67 udp dport 68 accept",
		"udp sport 547 udp dport 546 accept",
		*map(str, [*ssh, *rules.opened]),
	]
	chain = "\n".join(f"\t\t{line}" for line in lines)
	sets = "".join(_set(version) for version in (4, 6)) if is_proving else ""
	return f"table inet {TABLE} {{\n{sets}\tchain input {{\n{chain}\n\t}}\n}}\n"


def _noting(ports: str) -> list[str]:
	return [
		f"tcp dport {{ {ports} }} {FIRST} add @through4 {{ ip saddr . tcp sport }}",
		f"tcp dport {{ {ports} }} {FIRST} add @through6 {{ ip6 saddr . tcp sport }}",
	]


def _set(version: int) -> str:
	kind = f"\t\ttype ipv{version}_addr . inet_service\n\t\tflags dynamic,timeout\n\t\ttimeout 1h\n\t\tsize 65535\n"
	return f"\tset through{version} {{\n{kind}\t}}\n"


def _opened(text: str) -> Opened:
	if not (found := OPENED.fullmatch(text)):
		raise AgentError(
			f"{text!r} is no port to open.",
			"Give it as 8080, 51820/udp, 3306@10.0.0.0/24 or 53/udp@fd00::/8.",
		)
	source = _network(found["source"]) if found["source"] else None
	return Opened(_port(int(found["port"])), found["protocol"] or "tcp", source)


def _port(port: int) -> int:
	if not 0 < port < 65536:
		raise AgentError(f"{port} is no port: those are from 1 to 65535.", "Correct it.")
	return port


def _network(text: str) -> Network:
	try:
		return ip_network(text)
	except ValueError as error:
		raise AgentError(
			f"{text!r} is no network: {error}.", "Give it as 10.0.0.0/24, 203.0.113.7 or fd00::/8."
		) from None
