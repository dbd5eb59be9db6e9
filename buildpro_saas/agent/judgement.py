"""Holds a backup against the bench that it is to be loaded on, before anything is touched."""

import os
import re
import shutil
import socket
import time
from collections.abc import Callable

from buildpro_saas.agent import dump
from buildpro_saas.agent.backup_folder import BackupFolder
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.dump import Dump
from buildpro_saas.agent.dump_rewriting import unknown_collations
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Judged, Room

OWN_APP = "buildpro_saas"
GB = 10**9  # bytes, as disks are sold
# Bytes of a database for each byte of its dump, and for each table: an estimate on the safe side. A site of the framework has 12 MB of dump,
# 243 tables, and 14 MB in MariaDB.
PER_BYTE, PER_TABLE = 2, 160 * 1024

# Bytes that stay free on MariaDB's disk while something is written there of which nobody knows how large it gets.
LEAST_FREE = 256 * 10**6
LOOK_SECONDS = 1.0


def judge(
	bench: Bench,
	mariadb: DatabaseServer,
	folder: BackupFolder,
	keep_free: int,
	checkpoint: Callable[[], None],
) -> Judged:
	"""What the backup holds. Raises AgentError with what to change where it cannot be loaded here.

	keep_free: bytes of the sites' disk that are kept for others. checkpoint: may raise to stop.
	"""
	held = dump.judge(folder.dump, checkpoint)
	check_server(mariadb, held)
	versions = {name: bench.app(name).version for name in bench.app_names()}
	check_apps(held.apps, versions)
	if OWN_APP not in held.apps:
		raise AgentError(
			f"The backup's site does not have {OWN_APP}: it was no tenant's site.",
			"Take it in as a new tenant with `saas adopt --files`.",
		)
	files = {part: archive.judge() for part, archive in folder.archives().items()}
	room = room_of(held, sum(each.size for each in files.values()))
	check_room(bench, mariadb, room, keep_free)
	return Judged(
		server=held.server,
		tables=len(held.tables),
		others=_others(held),
		apps=held.apps,
		older=older_apps(held.apps, versions),
		files={part: each.files for part, each in files.items()},
		room=room,
		has_key=bool(folder.encryption_key),
		has_manifest=bool(folder.manifest),
		tenant=folder.tenant,
		notes=notes_on(mariadb, held, folder),
	)


def room_of(held: Dump, files: int) -> Room:
	"""The room that a dump takes once it is loaded, with so many bytes of files."""
	return Room(files=files, database=held.size * PER_BYTE + len(held.tables) * PER_TABLE)


def older_apps(has: dict[str, str], there: dict[str, str]) -> list[str]:
	"""The apps of a site that are of an older version than the bench's; where no version is known, nobody knows."""
	return [
		app
		for app, version in has.items()
		if version and app in there and version_of(version) < version_of(there[app])
	]


def version_of(text: str) -> tuple[int, ...]:
	"""Three numbers of a version, by which one is older than another. What is behind them (`-dev`, `-beta.1`) does not count."""
	numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[-+ ]", text.strip())[0])[:3]]
	return tuple(numbers + [0] * (3 - len(numbers)))


def check_room(bench: Bench, mariadb: DatabaseServer, room: Room, keep_free: int) -> None:
	"""Raise AgentError where files or database would not find room. MariaDB's disk is looked at where it is on this machine."""
	disks = {os.stat(bench.sites_path).st_dev: (str(bench.sites_path), room.files, keep_free)}
	if place := _data_folder(mariadb):
		device = os.stat(place).st_dev
		_place, needed, kept = disks.get(device, (place, 0, 0))
		disks[device] = (_place, needed + room.database, kept)
	for place, needed, kept in disks.values():
		free = shutil.disk_usage(place).free - kept
		if needed > free:
			raise AgentError(
				f"It needs {needed / GB:.1f} GB on the disk of {place}, and {max(free, 0) / GB:.1f} GB are free there"
				f"{' beside what the bench keeps free' if kept else ''}.",
				"Drop shadows that nobody needs (`saas shadows`), or free room on that disk.",
			)


def watching_room(
	bench: Bench, mariadb: DatabaseServer, keep_free: int, checkpoint: Callable[[], None]
) -> Callable[[], None]:
	"""The checkpoint, which each second also looks at MariaDB's disk, where it is on this machine, and raises AgentError before it is full.

	keep_free: bytes of the sites' disk that are kept for others. On a full disk all sites stand still, and InnoDB, which may need room to take
	a statement back, can end the whole server.
	"""
	place, next_look = _data_folder(mariadb), 0.0
	is_shared = place and os.stat(place).st_dev == os.stat(bench.sites_path).st_dev
	kept = (keep_free if is_shared else 0) + LEAST_FREE

	def look() -> None:
		nonlocal next_look
		checkpoint()
		if not place or time.monotonic() < next_look:
			return
		next_look = time.monotonic() + LOOK_SECONDS
		if (free := shutil.disk_usage(place).free) < kept:
			raise AgentError(
				f"{free / GB:.1f} GB are free on the disk of {place}, of which {kept / GB:.1f} GB stay free: it was stopped before the disk is full.",
				"The site is untouched. Free room on that disk, then press Retry.",
			)

	return look


def _data_folder(mariadb: DatabaseServer) -> str | None:
	host, place = mariadb.db.sql("select @@hostname, @@datadir")[0]
	return place if host == socket.gethostname() and os.path.isdir(place) else None


def check_apps(has: dict[str, str], there: dict[str, str]) -> None:
	"""Raise AgentError where the bench lacks an app of a site, or has an older one. has, there: {app: version}."""
	if missing := sorted(has.keys() - there.keys()):
		raise AgentError(
			f"The site has {', '.join(missing)}, which the bench lacks.",
			"Get the app with `bench get-app`, or uninstall it from the site first.",
		)
	newer = [
		f"{app} {has[app]} (here {there[app]})"
		for app in has
		if version_of(has[app]) > version_of(there[app])
	]
	if newer:
		raise AgentError(
			f"The site has newer apps than the bench: {', '.join(newer)}.",
			"Update the bench first: nothing turns a newer site into an older one.",
		)


def check_server(mariadb: DatabaseServer, held: Dump) -> None:
	"""Raise AgentError where the server does not take the dump's statements."""
	packet, has_log, trusts = mariadb.db.sql(
		"select @@global.max_allowed_packet, @@log_bin, @@log_bin_trust_function_creators"
	)[0]
	if held.longest >= packet:
		raise AgentError(
			f"The dump has a statement of {held.longest / 10**6:.0f} MB, and the server takes {packet / 10**6:.0f} MB.",
			"Set MariaDB's max_allowed_packet higher.",
		)
	if (held.triggers or held.routines) and has_log and not trusts:
		raise AgentError(
			f"The dump has {', '.join((held.triggers + held.routines)[:5])}, and the server has triggers and functions made by root only.",
			"Set MariaDB's log_bin_trust_function_creators to 1, or take them out of the dump.",
		)


def _others(held: Dump) -> dict[str, list[str]]:
	found = {
		"views": held.views,
		"triggers": held.triggers,
		"sequences": held.sequences,
		"routines": held.routines,
	}
	return {kind: names for kind, names in found.items() if names}


def notes_on(mariadb: DatabaseServer, held: Dump, folder: BackupFolder) -> list[str]:
	"""Sentences on what is done otherwise than the backup has it."""
	notes = []
	if replaced := unknown_collations(held.collations, known_collations(mariadb)):
		notes.append(
			"The server lacks collations; "
			+ ", ".join(f"{old} becomes {new}" for old, new in replaced.items())
			+ "."
		)
	if held.definers:
		notes.append(f"What {', '.join(held.definers)} defined belongs to the site's own database user.")
	if not folder.archives():
		notes.append("There are no files in the backup.")
	if not folder.manifest:
		notes.append("The backup has no manifest: tables are counted, not compared.")
	return notes


def known_collations(mariadb: DatabaseServer) -> set[str]:
	"""The collations that the server knows, in lower case."""
	# of some, information_schema.collations has the name's end alone (MariaDB 10.10 and later)
	rows = mariadb.db.sql(
		"select full_collation_name from information_schema.collation_character_set_applicability"
	)
	return {name.lower() for (name,) in rows}
