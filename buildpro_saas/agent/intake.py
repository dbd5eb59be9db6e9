"""Taking in a site that was nobody's tenant: what it is, its way into a place of its own, and what is taken away again.

The site itself, or the backup, is only read.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from buildpro_saas.agent import dump, judgement, survey
from buildpro_saas.agent.backup_folder import KEY, TENANT, BackupFolder
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_connection import NAME_PATTERN
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import FINISHED, HIDDEN, SERVER_KEYS, Room
from buildpro_saas.agent.intake_facts import Survey, Told
from buildpro_saas.agent.shadow import Shadow
from buildpro_saas.agent.site import Site
from buildpro_saas.agent.survey import DumpRows

UPLOADS = f"{HIDDEN}/uploads"  # under sites/: the parts of a backup that were uploaded, as one folder
# What each part is called there (backup_folder.py). Whether it is packed is told by its first bytes.
UPLOADED = {
	"database": "database.sql",
	"private_files": "private.tar",
	"public_files": "public.tar",
	"config": "site_config.json",
}
# Of a site's site_config.json, what comes along: mail, and what its users see. Nothing that opens what tenants' sites have closed.
KEPT = (
	*("mail_server", "mail_port", "mail_login", "mail_password", "use_tls", "use_ssl", "auto_email_id"),
	*("email_sender_name", "always_use_account_email_id_as_sender", "always_use_account_name_as_sender_name"),
	*("max_file_size", "backup_encryption_key", "time_zone", "lang", "app_logo_url"),
)
# What a site of ours has its own of, so that nobody misses it.
OF_EVERY_SITE = {
	*("db_name", "db_user", "db_password", "db_type", KEY, "host_name", "domains", "pause_scheduler"),
	*("maintenance_mode", "allow_reads_during_maintenance", "installed_apps", "user_type_doctype_limit"),
	*SERVER_KEYS,
}
PAUSE = 2.0  # seconds between two lines that say how far it is
OTHER_ROLES = {"admin": "the admin site", "bench": "the bench's own site"}


# -- what it is --------------------------------------------------------------------------------------------------------


def of_site(bench: Bench, mariadb: DatabaseServer, site: Site, keep_free: int) -> Survey:
	"""What a site of the bench is. keep_free: bytes of the sites' disk that are kept for others. Raises AgentError where it cannot be read."""
	config = site.config_in_place()
	_check_reachable(mariadb, site.name, config)
	database = config["db_name"]
	told = survey.told_by(survey.rows_of_database(mariadb, database))
	size = {"database": mariadb.size_of(database), "files": site.files_size()}
	versions = _versions(bench)
	faults = _faults(
		lambda: _check_role(site.name, config),
		lambda: judgement.check_apps(told.apps, versions),
		lambda: judgement.check_room(bench, mariadb, Room(size["files"], size["database"]), keep_free),
	)
	tables = mariadb.db.sql(
		"select count(*) from information_schema.tables where table_schema = %s", database
	)[0][0]
	server = mariadb.db.sql("select version()")[0][0]
	return _survey(server, int(tables), size, told, versions, config, faults, [])


def of_backup(
	bench: Bench,
	mariadb: DatabaseServer,
	folder: BackupFolder,
	keep_free: int,
	checkpoint: Callable[[], None],
	say: Callable[[str], None],
) -> Survey:
	"""The same of a backup in a folder. Raises AgentError where it is no backup, or is damaged. say: gets how far it is, every few seconds."""
	rows, read = DumpRows(), Read(say)

	def see(of: dump.Piece, statement: bytes) -> None:
		read.more(len(statement))
		rows.see(of, statement)

	held = dump.judge(folder.dump, checkpoint, see)
	told = survey.told_by(rows.rows)
	files = sum(archive.judge().size for archive in folder.archives().values())
	room = judgement.room_of(held, files)
	versions = _versions(bench)
	faults = _faults(
		lambda: judgement.check_server(mariadb, held),
		lambda: judgement.check_apps({**held.apps, **told.apps}, versions),
		lambda: judgement.check_room(bench, mariadb, room, keep_free),
	)
	notes = judgement.notes_on(mariadb, held, folder)
	size = {"database": room.database, "files": room.files}
	return _survey(held.server, len(held.tables), size, told, versions, folder.config, faults, notes)


def _survey(
	server: str,
	tables: int,
	size: dict[str, int],
	told: Told,
	versions: dict[str, str],
	config: dict,
	faults: list[str],
	notes: list[str],
) -> Survey:
	return Survey(
		server=server,
		tables=tables,
		size=size,
		older=judgement.older_apps(told.apps, versions),
		domains=_domains(config),
		has_key=bool(config.get(KEY)),
		tenant=config.get(TENANT),
		left=sorted(key for key in config if key not in KEPT and not _is_of_every_site(key)),
		faults=faults,
		notes=notes,
		**vars(told),
	)


def _versions(bench: Bench) -> dict[str, str]:
	return {name: bench.app(name).version for name in bench.app_names()}


def _faults(*checks: Callable[[], None]) -> list[str]:
	"""What the checks say, one by one: whoever asks wants to know all of it at once."""
	told = []
	for check in checks:
		try:
			check()
		except AgentError as error:
			told.append(error.advice)
	return told


def _check_reachable(mariadb: DatabaseServer, name: str, config: dict) -> None:
	"""Raise AgentError unless the bench's account reaches the site's database."""
	way_out = f"Back it up with `bench --site {name} backup --with-files`, and take it in from these files."
	if config.get("db_type", "mariadb") != "mariadb":
		raise AgentError(f"The site {name} has a database of {config['db_type']}, not of MariaDB.")
	if not NAME_PATTERN.fullmatch(config["db_name"]):
		raise AgentError(
			f"The account of the control plane does not reach the database {config['db_name']}: its name is none that Frappe gives.",
			way_out,
		)
	if not mariadb.has_database(config["db_name"]):
		raise AgentError(
			f"The database {config['db_name']} of {name} is not on the bench's database server.", way_out
		)


def _check_role(name: str, config: dict) -> None:
	if other := OTHER_ROLES.get(config.get("buildpro_role")):
		raise AgentError(f"{name} is {other}.", "Name a customer's site.")


def _domains(config: dict) -> list[str]:
	"""The host names in site_config.json, in their order: those of `domains`, and of host_name."""
	named = config.get("domains") or []
	found = [each.get("domain") if isinstance(each, dict) else each for each in named]
	host = str(config.get("host_name") or "").split("//")[-1].split("/")[0].split(":")[0]
	return list(dict.fromkeys(name for name in [*found, host] if isinstance(name, str) and name))


def _is_of_every_site(key: str) -> bool:
	return key in OF_EVERY_SITE or key.startswith("buildpro_")


class Read:
	"""Says every few seconds how much of a dump was read."""

	def __init__(self, say: Callable[[str], None]):
		self._say, self._bytes, self._due = say, 0, time.monotonic() + PAUSE

	def more(self, number: int) -> None:
		"""So many bytes more were read."""
		self._bytes += number
		if time.monotonic() >= self._due:
			self._say(f"Read {self._bytes / 10**6:.0f} MB of the dump, unpacked")
			self._due = time.monotonic() + PAUSE


# -- its way in --------------------------------------------------------------------------------------------------------


def take_along(config: dict, folder: Site) -> None:
	"""Give the folder what comes along of a site's site_config.json (KEPT)."""
	folder.update_config({key: config[key] for key in KEPT if key in config})


def remove(bench: Bench, mariadb: DatabaseServer, site: Site, database: str, mark: str) -> str:
	"""Remove what a job has made of the site: folder, shadow, database, user, each where it carries the mark. Repeatable.

	Where the site has been opened to its users nothing is removed; returns what shows that, as a piece of a sentence, empty for none.
	"""
	if site.exists() and site.mark == mark:
		if site.config.get(FINISHED) or not site.config.get("maintenance_mode"):
			return "it has been opened to its users"
		site.hide(mark)
	site.remove_draft(mark)
	Shadow(bench, mariadb, database, mark).drop()
	return ""


# -- what was uploaded -------------------------------------------------------------------------------------------------


def stage_uploads(bench: Bench, site: Site, name: str, parts: dict[str, str]) -> Path:
	"""Make a folder of files that were uploaded to a site, and return it. The files are the same ones, not copies. Repeatable.

	What a folder of that name has of other files goes: names may come again where the admin site was made again of an older backup.

	parts: {one of UPLOADED: the File's address}. Raises AgentError for a file that is not there.
	"""
	folder = bench.sites_path / UPLOADS / name
	folder.mkdir(mode=0o700, parents=True, exist_ok=True)
	sources = {folder / UPLOADED[part]: _uploaded(site, address) for part, address in parts.items()}
	for path in sorted(folder.glob("*")):
		if path not in sources or not path.samefile(sources[path]):
			path.unlink()
	for target, source in sources.items():
		if not target.exists():
			os.link(source, target)
	return folder


def _uploaded(site: Site, address: str) -> Path:
	source = (site.path / _below_site(address)).resolve()
	if site.path.resolve() not in source.parents or not source.is_file():
		raise AgentError(f"The uploaded file {address} is not there.", "Attach it again.")
	return source


def drop_uploads(bench: Bench, name: str) -> None:
	"""Remove such a folder; what was uploaded stays. Repeatable."""
	folder = bench.sites_path / UPLOADS / name
	for path in sorted(folder.glob("*")):
		path.unlink(missing_ok=True)
	if folder.is_dir():
		folder.rmdir()


def _below_site(address: str) -> str:
	address = address.lstrip("/")
	return address if address.startswith("private/") else f"public/{address}"
