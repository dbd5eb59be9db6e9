"""How much room a backup may take: plain data in and out. All numbers are bytes."""

LATEST = 10  # backups that tell what the next one adds
TIMES = 3  # what the next one may add, against the most that one of the latest added
LEAST_SHARE = 0.05  # of the site's size
LEAST = 8 << 20  # of which a store takes some for itself
GB = 10**9


def needed(size: int, added: list[float]) -> int:
	"""The most that the next backup is thought to add to its store. size: of the site's database and files.

	added: what the latest backups have added, the newest first; [] for the first one, which may take all of the site's size.
	"""
	if not added:
		return int(size) + LEAST
	return int(min(max(TIMES * max(added), LEAST_SHARE * size), size)) + LEAST


def in_gb(size: float) -> str:
	"""The number as people read it, with what is below a hundredth of a GB told in MB."""
	return f"{size / GB:.2f} GB" if size >= GB / 100 else f"{size / 10**6:.1f} MB"
