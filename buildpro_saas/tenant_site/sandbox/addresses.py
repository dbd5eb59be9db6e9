"""What a tenant's request or job may connect to: public addresses, and what reachable.py knows from the bench's configuration.

A Webhook, an SMS gateway, a mail, LDAP or calendar server, a picture fetched by its URL: all are addresses that a tenant writes. Inside, there
is what trusts whoever can reach it: Redis, from which Frappe unpickles; the cloud's metadata; other tenants' machines. It is judged where
the connection is made (PEP 578: socket.connect, sendto, sendmsg), with the address in hand: a name that is public when it is looked at and
not when it is used has gained nothing.

The audit hook looks nothing up, imports nothing, takes no lock. So the addresses of hosts that the operator names are noted as Python
resolves them (noting_getaddrinfo).
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
# What this machine offers to everybody under a public address of its own; behind others may be what a firewall keeps from the world.
PUBLIC_PORTS = frozenset({80, 443, 465, 587, 993})
NEAREST, NEAREST_OF_LOOP = (
	6,
	40,
)  # frames between the event and the client's own function; within an event loop
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

	site: as acting.site() has it; arguments: of the audit event, the socket and what its `connect` takes.
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
		_refuse(site, host, port)  # a name, that Python resolves by itself on the way: nobody can say to what
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
	"""The address that is meant, also where an IPv6 one stands for an IPv4 one; None when `host` is a name."""
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
	"""Whether it is one machine's, reached over the internet."""
	if address.version == 6 and address not in GLOBAL_UNICAST:
		return False
	return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_this_machines(host: str) -> bool:
	"""Whether the address is one of this machine's own: the kernel then sends from where it sends to. Nothing is sent."""
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
	"""Within the block these URLs of the operator's may be reached too; with_proxies: and what proxies the environment names."""
	proxies = [url for url in getproxies_environment().values() if "://" in url] if with_proxies else []
	places = tuple(reachable.of_url(url) for url in (*urls, *proxies))
	token = _also.set(_also.get() + places)
	try:
		yield
	finally:
		_also.reset(token)


def noting_getaddrinfo(original: Callable) -> Callable:
	"""`socket.getaddrinfo` that notes, for a tenant's request or job, which addresses the operator's hosts have."""

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
	"""Under which of the operator's names the address was found lately."""
	latest = time.monotonic() - KNOWN_FOR
	return frozenset(
		name for name in _operators(known) if _addresses_of.get(name, {}).get(host, latest) > latest
	)


def _operators(known: reachable.Servers) -> frozenset[str]:
	return known.names.union(place.name for place in _also.get() if place.name)


def _named(site: Any, host: str) -> str:
	"""The host as it was written, lest somebody learn what an inner name stands for."""
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
