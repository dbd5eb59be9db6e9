"""A request or job of a tenant's site speaks to the bench's Redis through Redis's own client alone.

Frappe unpickles what it finds there, and Redis takes any line of text for a command: a Webhook, or an SMS gateway, whose header is one
would run code in a process that serves all tenants.
"""

import sys
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import frappe
from frappe import _

SERVERS = ("redis_cache", "redis_queue", "redis_socketio")
USUAL_PORT = 6379
NEAREST = 6  # frames between the audit event and the client's own function


def judge(address: Any) -> None:
	"""Raise frappe.PermissionError when the address (as socket.connect takes it) is a Redis server's and its client is not who asks.

	The port alone decides: one server has many addresses.
	"""
	conf = frappe.local.conf
	ports, paths = _servers(tuple(str(conf.get(name) or "") for name in SERVERS))
	is_redis = address[1] in ports if isinstance(address, tuple) else str(address) in paths
	if is_redis and not _is_client():
		frappe.throw(
			_("This site may not connect to the address {0}.").format(
				address[1] if isinstance(address, tuple) else ""
			),
			frappe.PermissionError,
			title=_("Not an address for this site"),
		)


@lru_cache(maxsize=64)
def _servers(urls: tuple[str, ...]) -> tuple[frozenset[int], frozenset[str]]:
	"""The ports, and the paths of sockets, that the URLs name."""
	parts = [urlsplit(url) for url in urls if url]
	ports = frozenset(part.port or USUAL_PORT for part in parts if part.scheme != "unix")
	return ports, frozenset(part.path for part in parts if part.scheme == "unix")


def _is_client() -> bool:
	frame, left = sys._getframe(1), NEAREST
	while frame and left:
		if frame.f_globals.get("__name__", "").startswith("redis."):
			return True
		frame, left = frame.f_back, left - 1
	return False
