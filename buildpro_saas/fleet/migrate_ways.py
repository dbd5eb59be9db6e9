"""Which way a site is migrated: a copy of it, or itself. Plain data in and out."""

from dataclasses import dataclass

# Bytes a second that are copied where nobody has measured it, on a small machine; and what each of a site's tables takes at least.
DATABASE_RATE, FILES_RATE, FLOOR = 15 * 10**6, 150 * 10**6, 2.0
ROOM = 1.2  # times the size that must be free
QUICK = 300  # seconds that copying may take, unless SaaS Settings say otherwise
GB = 10**9


@dataclass(frozen=True)
class Size:
	"""Bytes of a site's database and of its files."""

	database: int
	files: int

	@property
	def both(self) -> int:
		"""Bytes of all of it."""
		return self.database + self.files


@dataclass(frozen=True)
class Way:
	"""How a site is migrated. in_place: itself, and not a copy. why: a sentence; empty for a copy."""

	in_place: bool
	why: str = ""


class NoRoomError(Exception):
	"""The disk has room for neither a copy nor a way back. The message is a sentence."""


def copy_seconds(size: Size, copied_before: tuple[int, float] | None) -> float:
	"""Seconds that a copy of the site is reckoned to take. copied_before: (bytes, seconds) of the last one of this site, where known."""
	if copied_before and copied_before[0] > 0:
		return copied_before[1] * max(size.both / copied_before[0], 0.5)
	return FLOOR + size.database / DATABASE_RATE + size.files / FILES_RATE


def choose(
	size: Size,
	free: float,
	*,
	quick: float,
	copied_before: tuple[int, float] | None = None,
	is_asked: bool = False,
) -> Way:
	"""The way for a site of this size. free: bytes on the bench's disk. quick: seconds. is_asked: somebody wants it in place.

	In place goes what is asked for so, what takes longer to copy than `quick`, and what the disk has no room for with its files. Raises
	NoRoomError where not even the database could be copied.
	"""
	if free < size.database * ROOM:
		raise NoRoomError(
			f"It needs {size.database * ROOM / GB:.1f} GB for a copy of the database, and {max(free, 0) / GB:.1f} GB are free beside"
			" what the bench keeps free."
		)
	seconds = copy_seconds(size, copied_before)
	if is_asked:
		return Way(True, "It was asked for in place.")
	if seconds > quick:
		return Way(True, f"A copy would take {seconds:.0f} s, more than {quick:.0f} s.")
	if free < size.both * ROOM:
		return Way(True, f"There is no room for a copy with its files ({size.both * ROOM / GB:.1f} GB).")
	return Way(False)
