"""In how many days the disks of benches are full, by what was measured in the last days."""

import time

from buildpro_saas.monitoring import series
from buildpro_saas.monitoring.rates import A_DAY, days_until_empty

LOOK_BACK = 7 * A_DAY
FREE = {"disk_free_bytes": "bytes", "disk_free_inodes": "inodes"}


def full_in_days(bench: str) -> dict[tuple[str, str], float]:
	"""{(disk, "bytes" or "inodes"): days until none are free} of the bench's disks that fill up. disk: what lies there, such as `sites`."""
	now = time.time()
	keys = [key for key in series.latest(bench=bench) if key.partition(".")[0] in FREE]
	if not keys:
		return {}
	found = series.all_points(keys, now - LOOK_BACK, now, bench=bench)
	days = {}
	for key in keys:
		name, _dot, disk = key.partition(".")
		points = [(at, numbers[key]) for at, numbers in found.items() if key in numbers]
		if (left := days_until_empty(points)) is not None:
			days[disk, FREE[name]] = left
	return days
