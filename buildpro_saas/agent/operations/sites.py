"""A site: its folder, its configuration, calls on it; how it is made from scratch, and how it is removed."""

import secrets
from pathlib import Path
from typing import Any

import frappe
import requests
from filelock import FileLock

from buildpro_saas import framework
from buildpro_saas.agent import account, asking, proof, site_config, site_use
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import DatabaseServer, server
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.facts import CONFIG_BACK, FINISHED, Answer, Use
from buildpro_saas.agent.operations.names import Mark, Method, Place, SiteName, site_at
from buildpro_saas.agent.operations.operation import in_process, quick
from buildpro_saas.agent.site import Site
from buildpro_saas.agent.site_runner import Order

SEQUENCE = (
	"buildpro_sequence"  # in site_config.json: the number of the newest statement that the site has had
)
PROVE_SECONDS = 30  # for one request; a site's first one loads its hooks and caches
OK = 200
LOCK_TIMEOUT = 30  # seconds; whoever holds the lock writes for milliseconds


# -- folder and configuration ----------------------------------------------------------------------------------------


@quick
def site_exists(bench: Bench, site: SiteName, place: Place = "") -> bool:
	"""True when a folder or file of that name is there, whoever made it."""
	return site_at(bench, site, place).exists()


@quick
def read_site_config(bench: Bench, site: SiteName, place: Place = "") -> dict[str, Any]:
	"""site_config.json; {} when there is none. Raises AgentError when it is damaged."""
	return site_at(bench, site, place).config


@quick
def read_site_config_in_place(bench: Bench, site: SiteName, place: Place = "") -> dict[str, Any]:
	"""site_config.json of a site that is there. Raises AgentError, with what to do, where the site or this file is missing."""
	return site_at(bench, site, place).config_in_place()


@quick
def update_site_config(
	bench: Bench, site: SiteName, values: dict[str, Any], place: Place = ""
) -> dict[str, Any]:
	"""Merge values into site_config.json (None removes a key), atomically; returns the whole."""
	return site_at(bench, site, place).update_config(values)


@quick
def read_site_file(bench: Bench, site: SiteName, file: SiteName) -> dict[str, Any]:
	"""The object in a JSON file of the site's folder; {} when the file is missing or holds something else."""
	return bench.site(site).json_file(file)


@quick
def put_site_file(
	bench: Bench,
	site: SiteName,
	file: SiteName,
	text: str,
	values: dict[str, Any],
	seen: dict[str, Any],
	forgotten: list[str],
) -> None:
	"""Write a JSON file into the site's folder, and merge values into its site_config.json: both under one lock.

	text: the file's content, which is JSON. seen: {key of site_config.json: value} on which the caller has decided. forgotten: names of
	what Frappe has cached of the site and is to drop.

	Raises TransientError where one of `seen` has another value by now; nothing is written then. Raises AgentError when there is no
	such site.
	"""
	folder = bench.site(site)
	folder.config_in_place()
	(folder.path / "locks").mkdir(exist_ok=True)
	# the site itself takes the same lock when it writes the file (tenant_site/entitlement_in_force.py)
	with FileLock(folder.path / "locks" / f"{Path(file).stem}.lock", timeout=LOCK_TIMEOUT):
		config = folder.config
		if any(config.get(key) != value for key, value in seen.items()):
			raise TransientError(f"The site {site} has changed meanwhile.")
		site_config.write_text(folder.path / file, text)
		folder.update_config(values)
	keys = [framework.cache_key_of(config["db_name"], name) for name in forgotten]
	frappe.cache.delete_value(keys, make_keys=False)


# -- calls -----------------------------------------------------------------------------------------------------------


@quick
def call_on_site(
	bench: Bench, site: SiteName, method: Method, arguments: dict[str, Any], place: Place = ""
) -> Any:
	"""Call a function on the site in this process. Raises AgentError when there is no such site, else what the function raises."""
	return site_at(bench, site, place).call(method, **arguments)


@in_process
def run_on_site(
	bench: Bench, site: SiteName, method: Method, arguments: dict[str, Any], place: Place = ""
) -> Any:
	"""Call a function on the site in a process of its own. The operation's lines are what it prints."""
	folder = site_at(bench, site, place)
	return Order(bench.python, folder.frappe_name(), str(folder.bench_sites), method, arguments)


@quick
def ask_site(bench: Bench, site: SiteName, port: int) -> Answer:
	"""Ask the bench's web server on that port for the site, by its Host header and the site's secret (agent/proof.py).

	Raises what `requests` raises when nothing answers, and AgentError where the site, or the secret in its configuration, is missing.
	"""
	secret = secret_of(bench.site(site))
	nonce, fields = asking.question(secret, site)
	url = f"http://{asking.LOOPBACK}:{port}{asking.PATH}"
	with requests.Session() as session:
		session.trust_env = False  # a proxy of the environment is not for this machine's own address
		answer = session.get(
			url,
			params=fields,
			headers={"Host": site, "Accept": "application/json"},
			timeout=PROVE_SECONDS,
			allow_redirects=False,
		)
	is_itself = answer.status_code == OK and asking.is_itself(_said(answer), secret, site, nonce)
	return Answer(url, answer.status_code, is_itself)


def secret_of(folder: Site) -> str:
	"""The secret by which the site proves itself. Raises AgentError, with what to do, where the site or the secret is missing."""
	secret = folder.config_in_place().get(proof.SECRET)
	if not secret or not isinstance(secret, str):
		raise AgentError(
			f"The site_config.json of {folder.name} has no {proof.SECRET}, by which the site shows that it is the one that was asked.",
			CONFIG_BACK,
		)
	return secret


def _said(answer: requests.Response) -> object:
	try:
		return answer.json()
	except ValueError:
		return None


# -- from its first moment to its last -------------------------------------------------------------------------------


@quick
def names_taken(bench: Bench, site: SiteName, database: str, mark: Mark) -> dict[str, bool]:
	"""{"site", "database"}: whether the name is taken by somebody else than the job with the mark. "database" is also a user's name."""
	folder = bench.site(site)
	with server(account.read(bench)) as mariadb:
		found = mariadb.mark_of(database)
		is_taken = found != mark and (found is not None or mariadb.has_user(database))
	return {"site": folder.exists() and folder.mark != mark, "database": is_taken}


@quick
def make_empty_site(bench: Bench, site: SiteName, database: str, mark: Mark) -> None:
	"""Make the site's folder, its empty database and its database user, all with the mark. Repeatable.

	Raises NotOursError when one of the names is somebody else's.
	"""
	password = new_password()
	of_bench = account.read(bench)
	folder = bench.site(site)
	folder.make_folder(first_config(of_bench, database, password), mark)
	with server(of_bench) as mariadb:
		mariadb.create(database, password, mark)


@quick
def site_size(bench: Bench, site: SiteName) -> dict[str, int]:
	"""{"database", "files"}: bytes that they take. Its backups are none of its files."""
	folder = bench.site(site)
	with server(account.read(bench)) as mariadb:
		database = mariadb.size_of(folder.config_in_place()["db_name"])
	return {"database": database, "files": folder.files_size()}


@quick
def finish_site(bench: Bench, site: SiteName) -> None:
	"""Note in the site's configuration and in its database that it is its tenant's for good."""
	folder = bench.site(site)
	with server(account.read(bench)) as mariadb:
		site_use.note_finished(mariadb, folder.config_in_place()["db_name"])
	folder.update_config({FINISHED: 1})


@quick
def site_use_of(bench: Bench, site: SiteName, mark: Mark, databases: list[str], known_sequence: int) -> Use:
	"""What shows that somebody may have used the site that a job made.

	It looks at the site's configuration, hidden or not, and at those of the databases that carry the mark, wherever the folder is.
	known_sequence: the number of the newest statement that the records know of, or that the job itself may have brought.
	"""
	return _use(bench, bench.site(site), mark, databases, known_sequence)


@quick
def remove_unused_site(
	bench: Bench, site: SiteName, mark: Mark, databases: list[str], used: list[str], known_sequence: int
) -> Use:
	"""Remove what a job made of the site, wholly or in part, where it carries the mark. Repeatable.

	Where somebody may have used the site, nothing is removed. Returns what shows the use (Use.sign, empty for none). databases: those
	to drop. used: further ones to look for use in. known_sequence: as site_use_of takes it.
	"""
	folder = bench.site(site)
	is_its = not folder.exists() or folder.mark == mark
	looked_at = [*databases, *used]
	try:
		use = _use(bench, folder, mark, looked_at, known_sequence)
		if is_its and not use.sign:
			# out of the web server's sight: from now on nobody comes in, but somebody may have done so just before
			folder.hide(mark)
			use = _use(bench, folder, mark, looked_at, known_sequence)
	except BaseException:
		folder.show(mark)
		raise
	if use.sign:
		folder.show(mark)
		return use
	if is_its:
		folder.remove_draft(mark)
	with server(account.read(bench)) as mariadb:
		for name in databases:
			if mariadb.mark_of(name) == mark:
				mariadb.drop(name, mark)
	return use


def _use(bench: Bench, folder: Site, mark: str, databases: list[str], known_sequence: int) -> Use:
	config = folder.marked_config(mark)
	is_in_place = bool(config)
	if config.get(FINISHED):
		return Use("it was finished, and handed over to its tenant", is_in_place)
	if int(config.get(SEQUENCE) or 0) > known_sequence:
		return Use("it has a newer entitlement than the records know of", is_in_place)
	names = {*databases, config.get("db_name")} - {None, ""}
	with server(account.read(bench)) as mariadb:
		return Use(_use_of_databases(mariadb, mark, names), is_in_place)


def _use_of_databases(mariadb: DatabaseServer, mark: str, names: set[str]) -> str:
	for name in sorted(names):
		if mariadb.mark_of(name) == mark and (sign := site_use.signs_of_use(mariadb, name)):
			return sign
	return ""


def first_config(of_bench: account.Account, database: str, password: str) -> dict:
	"""site_config.json of a site that is being made. It keeps scheduler, mail and web requests off until the site is ready."""
	return {
		"db_name": database,
		"db_password": password,
		"db_type": of_bench.kind,
		**of_bench.where,
		"buildpro_role": "tenant",
		"pause_scheduler": 1,
		"maintenance_mode": 1,
		"mute_emails": 1,
		"allow_reads_during_maintenance": 0,
	}


def new_password() -> str:
	"""A new database password. Nobody needs to know it."""
	return secrets.token_urlsafe(24)
