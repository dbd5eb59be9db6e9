"""Judges where a tenant's request or job connects to: public addresses, and what the configuration allows (reachable.py).

A tenant writes addresses: of webhooks, SMS gateways, servers for mail, LDAP and calendars, pictures. Inside the operator's
network are servers that trust whoever reaches them: Redis, from which Frappe unpickles; the cloud's metadata; other machines.

The judging is done as the connection is made (audit events socket.connect, sendto, sendmsg), by its numeric address. So a
name gains nothing by another address at the second look.

The audit hook looks nothing up, imports nothing and takes no lock. So the addresses of the operator's hosts are noted earlier,
as Python resolves them (noting_getaddrinfo).
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import Any, NoReturn
from urllib.request import getproxies_environment

import frappe
from frappe import _

from buildpro_saas.tenant_site.sandbox import acting, reachable

EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
# Ports on which this machine offers something to everybody, at a public address of its own. What listens on
# other ports a firewall may keep from the world.
PUBLIC_PORTS = frozenset({80, 443, 465, 587, 993})
NEAREST = 6  # how many frames are searched for the client's own function, from the event outwards
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# IPv6 addresses that lead to an IPv4 one, in their last 32 bits: NAT64 (RFC 6052, 8215), IPv4-compatible, IPv4-translated.
EMBEDDING = tuple(
	ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")
)
KNOWN_FOR = 600  # seconds for which an address counts as one of a name's

_also: ContextVar[tuple[reachable.Place, ...]] = ContextVar("buildpro_also_reachable", default=())
_is_looking: ContextVar[bool] = ContextVar("buildpro_is_looking", default=False)
_addresses_of: dict[str, dict[str, float]] = {}  # of the operator's hosts, each with when it was found


def judge(site: Any, arguments: tuple) -> None:
	"""Raise frappe.PermissionError when the site's request or job may not send there.

	site: as acting.site() returns it. arguments: those of the audit event: the socket, and the address that its `connect` takes.
	"""
	if _is_looking.get():
		return
	connection, address = arguments[0], arguments[1]
	if address is None:
		return  # sendmsg on a connected socket
	known = reachable.servers(site.conf)
	if connection.family == socket.AF_UNIX:
		_judge_path(site, address, known)
	elif connection.family in (socket.AF_INET, socket.AF_INET6):
		_judge_host(site, str(address[0]), address[1], known)
	else:
		_refuse(site, str(connection.family))


def _judge_path(site: Any, path: Any, known: reachable.Servers) -> None:
	path = path.decode(errors="replace") if isinstance(path, bytes) else str(path)
	if path in known.redis_paths:
		is_allowed = acting.is_called_from("redis", NEAREST)
	elif any(path == place.path for place in known.database):
		is_allowed = acting.is_called_from("pymysql", NEAREST)
	else:
		is_allowed = any(path == place.path for place in known.allowed)
	if not is_allowed:
		_refuse(site, "a local socket")


def _judge_host(site: Any, host: str, port: int, known: reachable.Servers) -> None:
	if port in known.redis_ports:  # of any address: one server has many
		if not acting.is_called_from("redis", NEAREST):
			_refuse(site, _named(site, host), port)
		return
	address = effective(host)
	if address is None:
		_refuse(site, host, port)  # a name, which Python resolves after this event: nobody knows to what
	names = _names_of(host, known)
	if any(place.has(address, port, names) for place in (*known.allowed, *_also.get())):
		return
	if any(place.has(address, port, names) for place in known.database) and acting.is_called_from(
		"pymysql", NEAREST
	):
		return
	if not is_public(address) or (port not in PUBLIC_PORTS and _is_this_machines(host)):
		_refuse(site, _named(site, host), port)


@lru_cache(maxsize=4096)
def effective(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
	"""The address that `host` leads to; None when it is a name.

	An IPv6 address can stand for an IPv4 one. Then it is that one.
	"""
	try:
		address = ipaddress.ip_address(host.partition("%")[0])
	except ValueError:
		return None
	if address.version == 4:
		return address
	if inner := address.ipv4_mapped or address.sixtofour:
		return inner
	if address.teredo:
		return address.teredo[1]
	if any(address in net for net in EMBEDDING) and int(address) > 1:
		return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
	return address


@lru_cache(maxsize=4096)
def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
	"""Whether it is the address of one machine on the internet."""
	if address.version == 6 and address not in GLOBAL_UNICAST:
		return False
	return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_this_machines(host: str) -> bool:
	"""Whether the address is one of this machine's own. The kernel would then send from that same address. Nothing is sent."""
	family = socket.AF_INET6 if ":" in host else socket.AF_INET
	token = _is_looking.set(True)
	try:
		with socket.socket(family, socket.SOCK_DGRAM) as probe:
			probe.connect((host, 9))
			return effective(probe.getsockname()[0]) == effective(host)
	except OSError:
		return False  # no way there
	finally:
		_is_looking.reset(token)


@contextmanager
def also(*urls: str, with_proxies: bool = False) -> Iterator[None]:
	"""Allow these URLs of the operator's within the block, too. with_proxies: also the proxies that the environment names."""
	proxies = [url for url in getproxies_environment().values() if "://" in url] if with_proxies else []
	places = tuple(reachable.of_url(url) for url in (*urls, *proxies))
	token = _also.set(_also.get() + places)
	try:
		yield
	finally:
		_also.reset(token)


def noting_getaddrinfo(original: Callable) -> Callable:
	"""`socket.getaddrinfo`, which notes the addresses of the operator's hosts for a tenant's request or job."""

	@wraps(original)
	def getaddrinfo(host: Any, *args, **kwargs) -> list:
		found = original(host, *args, **kwargs)
		site = acting.site()
		if site is not None and host:
			_note(site, host, [entry[4][0] for entry in found])
		return found

	return getaddrinfo


def _note(site: Any, host: Any, addresses: list[str]) -> None:
	name = (host.decode(errors="replace") if isinstance(host, bytes) else str(host)).lower().rstrip(".")
	if name in _operators(reachable.servers(site.conf)):
		now = time.monotonic()
		kept = {each: at for each, at in _addresses_of.get(name, {}).items() if now - at < KNOWN_FOR}
		_addresses_of[name] = kept | dict.fromkeys(addresses, now)
	if acting.is_own_context(site):
		site.buildpro_asked_for = dict.fromkeys(addresses, name)


def _names_of(host: str, known: reachable.Servers) -> frozenset[str]:
	"""The operator's hosts that were found at this address within KNOWN_FOR."""
	latest = time.monotonic() - KNOWN_FOR
	return frozenset(
		name for name in _operators(known) if _addresses_of.get(name, {}).get(host, latest) > latest
	)


def _operators(known: reachable.Servers) -> frozenset[str]:
	return known.names.union(place.name for place in _also.get() if place.name)


def _named(site: Any, host: str) -> str:
	"""The host as the tenant wrote it: its address would tell him what an inner name stands for."""
	return (getattr(site, "buildpro_asked_for", None) or {}).get(host, host)


def _refuse(site: Any, what: str, port: int | None = None) -> NoReturn:
	place = what if port is None else f"{what}, port {port}"
	if not acting.is_own_context(site):
		raise frappe.PermissionError(f"A tenant's site may not connect to {place}.")
	frappe.throw(
		_(
			"This site may not connect to {0}: it is inside the operator's network. Give a public address, or ask the site's operator to allow"
			" this one (buildpro_reachable)."
		).format(frappe.utils.escape_html(place)),
		frappe.PermissionError,
		title=_("Not an address for this site"),
	)
