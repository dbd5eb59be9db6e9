"""A site's requests and jobs by what they ask for, from the framework's monitor log, without names of records, files or people."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from buildpro_saas.agent.diagnosis import log_end

LOG = "monitor.json.log"
TAIL = 8 << 20  # bytes of its end that are read
MOST = 15  # of a kind that are told
METHOD = re.compile(r"/api/(?:v\d/)?method/[\w.]{1,200}")
RESOURCE = re.compile(r"/api/(?:v\d/)?(?:resource|document)/([^/]{1,140})")
SECTION = re.compile(r"/(app|files|private|assets|api|login|printview)\b")
WORD = re.compile(r"[\w.]{1,200}")
OTHER, OFF = (
	"/…",
	'The framework notes no requests. Write "monitor": 1 into sites/common_site_config.json and restart the bench.',
)


def take(logs: Path, site: str, is_on: bool) -> dict[str, Any]:
	"""{"says", "paths": […], "jobs": […]} of the site, what took most time first.

	Each of paths is {"path", "times", "seconds" (in all), "typical", "slowest", "failed"}; each of jobs {"job", "times", "seconds", "waited"
	"""
	path = logs / LOG
	if not path.exists():
		return {"says": "" if is_on else OFF, "paths": [], "jobs": []}
	return {"says": "" if is_on else OFF, **counted(log_end.read(path, TAIL).splitlines(), site)}


def counted(lines: Iterable[str], site: str) -> dict[str, Any]:
	"""The same of lines of the log; one that is no entry is left out, as one that was cut off."""
	paths: dict[str, list[dict]] = {}
	jobs: dict[str, list[dict]] = {}
	for entry in filter(None, map(_entry, lines)):
		if entry.get("site") != site:
			continue
		if request := entry.get("request"):
			paths.setdefault(without_content(str(request.get("path"))), []).append(entry)
		elif job := entry.get("job"):
			name = WORD.fullmatch(str(job.get("method")))
			jobs.setdefault(name[0] if name else "…", []).append(entry)
	told = [_of_path(name, entries) for name, entries in paths.items()]
	of_jobs = [_of_job(name, entries) for name, entries in jobs.items()]
	return {"paths": _longest(told), "jobs": _longest(of_jobs)}


def without_content(path: str) -> str:
	"""A request's path without the name of a record, file or person."""
	if found := METHOD.match(path):
		return found[0]
	if found := RESOURCE.match(path):
		return f"/api/resource/{found[1]}"
	if found := SECTION.match(path):
		return f"/{found[1]}" + ("/…" if len(path) > len(found[0]) else "")
	return "/" if path == "/" else OTHER


def _of_path(path: str, entries: list[dict]) -> dict[str, Any]:
	took = sorted(_seconds(entry) for entry in entries)
	return {
		"path": path,
		"times": len(took),
		"seconds": round(sum(took), 3),
		"typical": took[len(took) // 2],
		"slowest": took[-1],
		"failed": sum(int(entry["request"].get("status_code") or 0) >= 500 for entry in entries),
	}


def _of_job(job: str, entries: list[dict]) -> dict[str, Any]:
	took = [_seconds(entry) for entry in entries]
	waited = sum(float(entry["job"].get("wait") or 0) for entry in entries) / 1e6
	told = {
		"times": len(took),
		"seconds": round(sum(took), 3),
		"waited": round(waited, 3),
		"slowest": max(took),
	}
	return {"job": job, **told}


def _longest(told: list[dict]) -> list[dict]:
	return sorted(told, key=lambda each: -each["seconds"])[:MOST]


def _seconds(entry: dict) -> float:
	return round(float(entry.get("duration") or 0) / 1e6, 3)  # the log has microseconds


def _entry(line: str) -> dict | None:
	try:
		found = json.loads(line)
		ok = (
			isinstance(found, dict)
			and isinstance(found.get("request", {}), dict)
			and isinstance(found.get("job", {}), dict)
		)
		float(found.get("duration") or 0)
	except (ValueError, TypeError, AttributeError):
		return None
	return found if ok else None
