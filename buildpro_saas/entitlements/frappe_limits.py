"""The limits of a plan that the framework itself enforces, by keys of site_config.json."""

from collections.abc import Mapping

HOUR = 3600


def frappe_limits(limits: Mapping[str, int]) -> dict:
	"""The keys of site_config.json for limits in force ({key: value}). None removes a key: the plan has no such limit.

	`max_file_size_mb` → `max_file_size` (bytes). `request_seconds_per_hour` → `rate_limit` (seconds of request time in a
	window, see frappe/rate_limiter.py).
	"""
	size = limits.get("max_file_size_mb")
	seconds = limits.get("request_seconds_per_hour")
	return {
		"max_file_size": None if size is None else size * 1024 * 1024,
		"rate_limit": None if seconds is None else {"limit": seconds, "window": HOUR},
	}
