"""How much memory a run took."""

import resource


def peak_memory_mb() -> float:
	"""The largest resident set, in MB, that this process or one of its ended children reached (getrusage(2): KiB)."""
	kib = max(
		resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
		resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
	)
	return round(kib / 1024, 1)
