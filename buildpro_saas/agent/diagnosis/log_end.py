"""Reads the end of a log."""

from pathlib import Path


def read(path: Path, most: int) -> str:
	"""The last bytes of a file, `most` of them, from the beginning of a line on. Raises OSError where it cannot be read."""
	with path.open("rb") as file:
		size = file.seek(0, 2)
		file.seek(max(size - most, 0))
		text = file.read(most)
	return (text.partition(b"\n")[2] if size > most else text).decode(errors="replace")
