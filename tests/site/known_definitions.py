"""Definitions of doctypes, put back into Frappe's cache before each test.

Many tests clear the whole cache at their end, as they must: what they wrote was rolled back, and may have been read. Then the next one
reads some forty doctypes from MariaDB, which takes longer than the test. Here each is read once in a session, and again as soon as
anything that definitions are made of has changed in the database.
"""

from contextlib import suppress
from itertools import chain

import redis

CACHED = "doctype_meta"  # Frappe's hash of all definitions: {doctype: pickled Meta}; where a framework has none, nothing is kept
MADE_OF = (
	*("DocType", "DocField", "DocPerm", "DocType Action", "DocType Link", "DocType State"),
	*("Custom Field", "Property Setter", "Custom DocPerm"),
)


class KnownDefinitions:
	"""Used between tests only: what the database holds is then what was committed."""

	def __init__(self):
		self.known: dict[bytes, bytes] = {}
		self.asked_for: set[bytes] = set()
		self.state = self.key = None

	def note(self, frappe) -> None:
		"""As soon as a test is over, before anything is cleared: which doctypes it asked for. Their definitions are not taken from it."""
		with suppress(redis.ConnectionError):  # the test is about a Redis that is away
			self.asked_for.update(self._raw(frappe, "HKEYS"))

	def put_back(self, frappe) -> None:
		"""At the beginning of a test, on a connection of its own."""
		self.key = frappe.cache.make_key(CACHED)
		if (state := self._state(frappe)) != self.state:
			self.known, self.state = {}, state
		there = set(self._raw(frappe, "HKEYS"))
		for name in self.asked_for - there - self.known.keys():
			self._read(frappe, name)
		if missing := {name: self.known[name] for name in self.known.keys() - there}:
			self._raw(frappe, "HSET", *chain.from_iterable(missing.items()))

	def _read(self, frappe, name: bytes) -> None:
		try:
			frappe.get_meta(name.decode())
		except frappe.DoesNotExistError:  # a test made it, and it is gone
			frappe.clear_messages()
			self.asked_for.discard(name)
		else:
			self.known[name] = self._raw(frappe, "HGET", name)

	def _raw(self, frappe, command: str, *arguments):
		"""As Redis has it, past Frappe's pickling, its copy in the process, and what a test has put in the place of its methods."""
		return redis.Redis.execute_command(frappe.cache, command, self.key, *arguments)

	def _state(self, frappe) -> tuple:
		query = " union all ".join(
			f"select count(*), max(modified) from `tab{doctype}`" for doctype in MADE_OF
		)
		return frappe.db.sql(query)
