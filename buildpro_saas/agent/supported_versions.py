"""Until when versions of what a bench runs on get security fixes.

A program of the distribution is mended by the distribution, whatever its makers say: there the release of Debian or Ubuntu counts.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import redis

from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.facts import FINE, FOUND, NOT_SEEN, Check
from buildpro_saas.framework import REDIS_SERVERS

SUBJECT = "Versions"
NGINX, MARIADB, REDIS, PYTHON, NODE = "nginx", "MariaDB", "Redis", "Python", "Node.js"
# As of 2026-11-27. The makers' own pages, as endoflife.date gathers them (https://endoflife.date/NAME); Debian and Ubuntu: the package
# distro-info-data. What is not here has no end that was known then: add it when it has.
ENDS = {
	NGINX: {
		**{"1.18": "2021-04-20", "1.20": "2022-05-24", "1.21": "2022-06-21", "1.22": "2023-04-11"},
		**{"1.23": "2023-05-23", "1.24": "2024-04-23", "1.25": "2024-05-29", "1.26": "2025-04-23"},
		**{"1.27": "2025-06-24", "1.28": "2026-04-14", "1.29": "2026-05-13"},
	},
	MARIADB: {
		**{"10.3": "2023-05-25", "10.4": "2024-06-18", "10.5": "2025-06-24", "10.6": "2026-07-06"},
		**{"10.7": "2023-02-14", "10.8": "2023-05-20", "10.9": "2023-08-22", "10.10": "2023-11-17"},
		**{"10.11": "2028-02-16", "11.0": "2024-06-06", "11.1": "2024-08-21", "11.2": "2024-11-21"},
		**{"11.3": "2024-05-29", "11.4": "2029-05-29", "11.5": "2024-11-21", "11.6": "2025-02-13"},
		**{"11.7": "2025-05-12", "11.8": "2028-06-04", "12.0": "2025-11-18", "12.1": "2026-02-13"},
		**{"12.2": "2026-05-13", "12.3": "2029-06-30"},
	},
	REDIS: {"5.0": "2022-04-27", "6.0": "2022-05-31", "7.0": "2024-07-29", "8.0": "2026-02-11"},
	PYTHON: {
		**{"3.8": "2024-10-07", "3.9": "2025-10-31", "3.10": "2026-10-31", "3.11": "2027-10-31"},
		**{"3.12": "2028-10-31", "3.13": "2029-10-31", "3.14": "2030-10-31"},
	},
	NODE: {
		**{"12": "2022-04-30", "14": "2023-04-30", "16": "2023-09-11", "17": "2022-06-01"},
		**{"18": "2025-04-30", "19": "2023-06-01", "20": "2026-04-30", "21": "2024-06-01"},
		**{"22": "2027-04-30", "23": "2025-06-01", "24": "2028-04-30", "25": "2026-06-01"},
	},
	# long-term support; what only paying customers get does not count
	"debian": {"10": "2024-06-30", "11": "2026-08-31", "12": "2028-06-30", "13": "2030-06-30"},
	"ubuntu": {
		**{"18.04": "2023-05-31", "20.04": "2025-05-29", "22.04": "2027-06-01", "24.04": "2029-05-31"},
		"26.04": "2031-05-29",
	},
}
SOON_DAYS = 60
# Who maintains a package of the distribution; and versions that others have packed with the distribution's files.
DISTRIBUTIONS = re.compile(r"[.@](?:debian\.org|debian\.net|ubuntu\.com)>?$")
OF_OTHERS = re.compile(r"maria~|nodesource|rl[0-9]|~(?!deb[0-9]|ubuntu|bpo)[a-z]+")
SECONDS = 20


@dataclass(frozen=True)
class Software:
	"""Something that a bench runs on. program: its file, empty where it runs elsewhere or is not found."""

	name: str
	version: str
	program: str = ""


@dataclass(frozen=True)
class Release:
	"""The release of the distribution, as /etc/os-release has it."""

	id: str
	number: str
	title: str


def checks(found: Iterable[Software], release: Release, today: date) -> list[Check]:
	"""One check for each. release: of this machine's distribution."""
	return [_check(each, release, today) for each in found]


def release(root: Path = Path("/")) -> Release:
	"""The machine's distribution; empty where it does not say."""
	try:
		lines = (root / "etc/os-release").read_text().splitlines()
	except FileNotFoundError:
		lines = []
	values = {key: value.strip('"') for key, _is, value in (line.partition("=") for line in lines)}
	return Release(values.get("ID", ""), values.get("VERSION_ID", ""), values.get("PRETTY_NAME", ""))


def software(conf: Mapping, mariadb: DatabaseServer | None) -> list[Software]:
	"""What there is, in the versions that run; a program that is missing is left out. conf: the bench's configuration."""
	python = ".".join(map(str, sys.version_info[:3]))
	found = [Software(PYTHON, python, os.path.realpath(sys.executable)), *_redis_servers(conf)]
	if mariadb:
		version = mariadb.db.sql("select version()")[0][0]
		found.append(Software(MARIADB, _number(version), _same(("mariadbd", "mysqld"), version)))
	for name, words in ((NGINX, ["nginx", "-v"]), (NODE, ["node", "--version"])):
		if (program := _which(words[0])) and (said := _said([program, *words[1:]])):
			found.append(Software(name, _number(said), program))
	return found


def _check(each: Software, of: Release, today: date) -> Check:
	title = f"{each.name} {each.version or '(of unknown version)'}"
	if of.id in ENDS and each.program and _is_of_distribution(each.program):
		end, by = ENDS[of.id].get(of.number), f"comes with {of.title}, which is mended"
	else:
		end, by = _end(each), "is mended by its makers"
	if end is None:
		return Check(SUBJECT, FINE, f"{title}: no end of its support is known here.")
	last = date.fromisoformat(end)
	if last < today:
		return Check(SUBJECT, FOUND, f"{title} {by} no more since {end}.", "Upgrade to a newer release.")
	if (last - today).days < SOON_DAYS:
		return Check(SUBJECT, FOUND, f"{title} {by} until {end} only.", "Plan the upgrade.")
	return Check(SUBJECT, FINE, f"{title} {by} until {end}.")


def _end(each: Software) -> str | None:
	parts = each.version.split(".")
	return ENDS[each.name].get(parts[0] if each.name == NODE else ".".join(parts[:2]))


def _redis_servers(conf: Mapping) -> list[Software]:
	versions = set()
	for url in {url for name in REDIS_SERVERS if (url := conf.get(name))}:
		client = redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
		try:
			versions.add(client.info("server")["redis_version"])
		except redis.RedisError:
			continue  # `unseen` tells it
		finally:
			client.close()
	return [Software(REDIS, version, _same(("redis-server",), version)) for version in sorted(versions)]


def unseen(found: list[Software]) -> list[Check]:
	"""What of all that a bench needs was not found."""
	missing = [name for name in (MARIADB, REDIS, NGINX, NODE) if name not in {each.name for each in found}]
	return [
		Check(SUBJECT, NOT_SEEN, f"{name} is not on this machine, or did not answer.") for name in missing
	]


def _same(programs: tuple[str, ...], version: str) -> str:
	"""The program of this machine that has the version of the server that answered; empty where that runs elsewhere, or is older."""
	path = next(filter(None, map(_which, programs)), "")
	return path if path and _number(_said([path, "--version"])) == _number(version) else ""


def _is_of_distribution(program: str) -> bool:
	"""Whether the file belongs to a package that Debian or Ubuntu maintains: dpkg knows."""
	paths = (program, os.path.realpath(program))
	# /bin is /usr/bin by now, and dpkg knows a file by the name that its package gives it
	for path in dict.fromkeys((*paths, *(each.removeprefix("/usr") for each in paths))):
		if owner := _said(["dpkg-query", "-S", path]):
			package = owner.partition(": ")[0].partition(",")[0]
			lines = _said(["dpkg-query", "-W", "-f", "${Maintainer}\t${Version}\n", package]).splitlines()
			return bool(lines) and is_by_distribution(*lines[0].split("\t"))
	return False


def is_by_distribution(maintainer: str, version: str) -> bool:
	"""Whether a package with these is Debian's or Ubuntu's own."""
	return bool(DISTRIBUTIONS.search(maintainer)) and not OF_OTHERS.search(version)


def _number(text: str) -> str:
	found = re.search(r"\d+(?:\.\d+)+", text)
	return found[0] if found else ""


def _which(name: str) -> str:
	return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""


def _said(words: list[str]) -> str:
	"""What the program printed, on either stream (nginx uses standard error); empty where it fails."""
	try:
		done = subprocess.run(
			words, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
		)
	except (OSError, subprocess.TimeoutExpired):
		return ""
	return (done.stdout or done.stderr) if done.returncode == 0 else ""
