"""What a process holds for many sites. It is bounded, so it does not grow with their number."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
	"""Values by key, at most `most` of them: the one that was not asked for the longest goes first. Safe for threads."""

	def __init__(self, most: int):
		self.most = most
		self._values: OrderedDict[Hashable, V] = OrderedDict()
		self._lock = Lock()

	def __len__(self) -> int:
		return len(self._values)

	def get(self, key: Hashable) -> V | None:
		"""The value, or None."""
		with self._lock:
			value = self._values.get(key)
			if value is not None:
				self._values.move_to_end(key)
			return value

	def put(self, key: Hashable, value: V) -> V:
		"""Keep a value that is not None, and return it."""
		with self._lock:
			self._values[key] = value
			self._values.move_to_end(key)
			while len(self._values) > self.most:
				self._values.popitem(last=False)
		return value

	def forget(self, key: Hashable) -> None:
		"""Drop the value of a key, if there is one."""
		with self._lock:
			self._values.pop(key, None)

	def clear(self) -> None:
		"""Drop all values."""
		with self._lock:
			self._values.clear()
