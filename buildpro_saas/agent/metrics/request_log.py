"""What the sites' requests and jobs were like, counted from logs as they grow: the proxy's access log and the framework's monitor log.

Each reading goes on where the last one ended, also over a rotation. Where the bench has no proxy of ours, its requests come from the
framework's log, which a site writes where its configuration says `"monitor": 1`. Numbers alone are kept: no path, address or name.
"""

import hashlib
import json
import math
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.metrics.kept import Kept

PROXY, MONITOR = "proxy-access.log", "monitor.json.log"
MOST_BYTES = 32 * 2**20  # of a log in one reading; the next one goes on
SEEN = 2000  # entries of the framework's log that are remembered: it writes the last one of a flush again
API = "/api/"
# Upper ends of the classes of latency, in seconds (cumulative, as Prometheus has them).
CLASSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COUNTERS = (
	*("requests", "requests_api", "responses_4xx", "responses_5xx", "response_bytes", "request_seconds"),
	*(f"requests_within.{top:g}" for top in CLASSES),
	*("jobs_done", "jobs_scheduled", "job_seconds", "job_wait_seconds"),
)


def count(bench: Bench, sites: Container[str], kept: Kept) -> dict[str, Any]:
	"""Count what the logs have had since the last reading into kept.counted. {"source": of the requests, "lines": read, "bad": no entries}."""
	logs = bench.path / "logs"
	kept.counted = {name: counted for name, counted in kept.counted.items() if name in sites}
	has_proxy = (logs / PROXY).exists()
	told: dict[str, Any] = {"source": "proxy" if has_proxy else "framework", "lines": 0, "bad": 0}
	seen = dict.fromkeys(kept.seen)
	for name, take in ((PROXY, _of_proxy), (MONITOR, _of_framework)):
		place = kept.logs.setdefault(name, {})
		for line in new_lines(logs / name, place):
			told["lines"] += 1
			try:
				entry = json.loads(line)
				if entry.get("site") in sites:
					take(entry, kept.counted, seen, has_proxy)
			except (ValueError, TypeError, AttributeError, KeyError):
				told["bad"] += 1  # a line that was cut off, or that a tenant's code wrote
	kept.seen = list(seen)[-SEEN:]
	return told


def new_lines(path: Path, place: dict[str, int]) -> Iterator[bytes]:
	"""The whole lines that came since `place`, which is moved on. A log that is seen for the first time is followed from its end.

	place: {"inode", "offset"}; {} at first. A log that was renamed is read to its end first; one that was emptied from its beginning.
	"""
	try:
		stat = path.stat()
	except OSError:
		return
	if not place:
		place.update(inode=stat.st_ino, offset=stat.st_size)
		return
	if place["inode"] != stat.st_ino:
		if before := _renamed(path, place["inode"]):
			yield from _read(before, place)
			if place["offset"] < before.stat().st_size - 1 and _has_line(before, place["offset"]):
				return  # the next reading goes on
		place.update(inode=stat.st_ino, offset=0)
	elif stat.st_size < place["offset"]:
		place["offset"] = 0
	yield from _read(path, place)


def _renamed(path: Path, inode: int) -> Path | None:
	"""The file that the log was when it was last read; None when it is gone or packed."""
	return next((each for each in path.parent.glob(f"{path.name}*") if each.stat().st_ino == inode), None)


def _has_line(path: Path, offset: int) -> bool:
	with path.open("rb") as file:
		file.seek(offset)
		return b"\n" in file.read(MOST_BYTES)


def _read(path: Path, place: dict[str, int]) -> list[bytes]:
	with path.open("rb") as file:
		file.seek(place["offset"])
		text = file.read(MOST_BYTES)
	whole = text.rfind(b"\n") + 1
	place["offset"] += whole
	return text[:whole].splitlines()


def _of_proxy(entry: dict, counted: dict, seen: dict, has_proxy: bool) -> None:
	_add_request(
		counted,
		entry["site"],
		int(entry["status"]),
		_amount(entry["seconds"]),
		int(entry["bytes"]),
		str(entry["path"]),
	)


def _of_framework(entry: dict, counted: dict, seen: dict, has_proxy: bool) -> None:
	name = hashlib.blake2b(f"{entry['uuid']} {entry['timestamp']}".encode(), digest_size=6).hexdigest()
	if name in seen:
		return
	seen[name] = None
	seconds = _amount(entry["duration"]) / 1e6
	if entry["transaction_type"] == "job":
		job = entry["job"]
		wait = max(0.0, float(job.get("wait") or 0)) / 1e6  # clocks of two machines may differ
		numbers = counted.setdefault(entry["site"], {})
		_add(numbers, "jobs_done", 1)
		_add(numbers, "jobs_scheduled", int(bool(job.get("scheduled"))))
		_add(numbers, "job_seconds", seconds)
		_add(numbers, "job_wait_seconds", wait)
	elif not has_proxy:
		of = entry["request"]
		size = int(of.get("response_length") or 0)
		_add_request(counted, entry["site"], int(of["status_code"]), seconds, size, str(of["path"]))


def _add_request(counted: dict, site: str, status: int, seconds: float, size: int, path: str) -> None:
	numbers = counted.setdefault(site, {})
	_add(numbers, "requests", 1)
	_add(numbers, "requests_api", int(path.startswith(API)))
	_add(numbers, "responses_4xx", int(400 <= status < 500))
	_add(numbers, "responses_5xx", int(status >= 500))
	_add(numbers, "response_bytes", size)
	_add(numbers, "request_seconds", seconds)
	for top in CLASSES:
		_add(numbers, f"requests_within.{top:g}", int(seconds <= top))


def _amount(value: Any) -> float:
	"""The number. Raises ValueError for one that would spoil a sum."""
	number = float(value)
	if not (math.isfinite(number) and number >= 0):
		raise ValueError(f"{number} is no amount.")
	return number


def _add(numbers: dict, name: str, by: float) -> None:
	numbers[name] = round(numbers.get(name, 0) + by, 6)
