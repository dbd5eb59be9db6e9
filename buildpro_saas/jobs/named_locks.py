"""MariaDB's named locks. A connection holds them as long as it lives, so a dead process holds none."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1

import frappe


def _name(kind: str, of: str) -> str:
	# names are one space for the whole server and at most 64 characters (mariadb.com/kb/en/get_lock)
	return (
		f"buildpro-{kind}-" + sha1(f"{frappe.conf.db_name}/{of}".encode(), usedforsecurity=False).hexdigest()
	)


@contextmanager
def named_lock(kind: str, of: str, wait: int = 0) -> Iterator[bool]:
	"""Hold the lock for the block. Yields False when somebody else holds it for longer than `wait` seconds."""
	name = _name(kind, of)
	is_held = bool(frappe.db.sql("select get_lock(%s, %s)", (name, wait))[0][0])
	try:
		yield is_held
	finally:
		if is_held:
			_release(name)


def _release(name: str) -> None:
	try:
		frappe.db.sql("select release_lock(%s)", name)
	except Exception:
		# the connection is gone, and the lock with it; the block's own error is the one to see
		frappe.logger("buildpro_saas").warning("a lock went with its connection", exc_info=True)


def is_held(kind: str, of: str) -> bool:
	"""True when a living connection holds the lock."""
	return not frappe.db.sql("select is_free_lock(%s)", _name(kind, of))[0][0]
