"""Which of a bench's files other users of its machine can read, and which switches of its sites are for developers alone."""

import os
import re
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import FINE, FOUND, HIDDEN, NOT_SEEN, Check

FILES, SWITCHES, BACKUPS = "Files", "Switches", "Backups"
CONFIG, COMMON = "site_config.json", "common_site_config.json"
TOLD = 5  # names of files or sites
# {key of a configuration: what it does on a site that customers use}
KEYS = {
	"server_script_enabled": "people with the right to may write Python that runs on the bench",
	"developer_mode": "Desk writes into the apps' folders, and errors show code",
	"allow_tests": "tests may run there, which delete records",
}
SECRET = re.compile(r"pass(word|wd)?$|secret|token|_key$|//[^/@]*:[^/@]+@", re.IGNORECASE)
# Beside what is in `config/`: the database account, keys of certificates.
OWN = ("buildpro_database.json", "buildpro_refresh.json", "buildpro/**/privkey.pem")


def checks(bench: Bench, conf: Mapping, stores: list[str]) -> list[Check]:
	"""What is to be said of files and switches. conf: the bench's configuration. stores: folders of backups on its machine."""
	names = bench.site_names()
	return [
		*_modes(bench, names, conf),
		*_backups(bench, names, [Path(folder) for folder in stores]),
		*_switches(bench, names, conf),
	]


def others_may(path: Path, bit: int) -> bool:
	"""Whether any user of the machine has the right (stat.S_IROTH, S_IWOTH) to the file: its folders must let him through, too.

	ACLs are not looked at. Raises FileNotFoundError.
	"""
	path = path.resolve(strict=True)
	if not path.stat().st_mode & bit:
		return False
	return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


def has_secrets(values: object, name: str = "") -> bool:
	"""Whether a configuration holds a password, a token or a key, by the names of its keys or in an address."""
	if isinstance(values, Mapping):
		return any(has_secrets(value, str(key)) for key, value in values.items())
	return isinstance(values, str) and bool(values) and bool(SECRET.search(name) or SECRET.search(values))


def _modes(bench: Bench, names: list[str], conf: Mapping) -> list[Check]:
	common = bench.sites_path / COMMON
	secret = [bench.sites_path / name / CONFIG for name in names]
	secret += bench.sites_path.glob(f"{HIDDEN}/*/*/{CONFIG}")
	secret += [path for pattern in OWN for path in (bench.path / "config").glob(pattern)]
	if has_secrets(conf):
		secret.append(common)
	told = []
	if shown := [path for path in secret if _may(path, stat.S_IROTH)]:
		told.append(
			Check(
				FILES,
				FOUND,
				f"Any user of the machine can read passwords in {_list(bench, shown)}.",
				_chmod("o-rwx", shown),
			)
		)
	if open_to_write := [path for path in dict.fromkeys([*secret, common]) if _may(path, stat.S_IWOTH)]:
		told.append(
			Check(
				FILES,
				FOUND,
				f"Any user of the machine can change {_list(bench, open_to_write)}.",
				_chmod("o-w", open_to_write),
			)
		)
	return told or [
		Check(FILES, FINE, f"No other user reads a configuration that has passwords (sites: {len(names)}).")
	]


def _backups(bench: Bench, names: list[str], stores: list[Path]) -> list[Check]:
	folders = [bench.sites_path / name / "private/backups" for name in names] + stores
	shown, unseen = [], []
	for folder in folders:
		try:
			shown += _shown(folder)
		except PermissionError:
			unseen.append(folder)
	told = [
		Check(BACKUPS, NOT_SEEN, f"The bench's user may not look into {folder}.", f"sudo ls -l {folder}")
		for folder in unseen
	]
	if shown:
		where = sorted({path.parent for path in shown})
		told.append(
			Check(
				BACKUPS,
				FOUND,
				f"Any user of the machine can read {len(shown)} files of backups, in {_list(bench, where)}.",
				_chmod("o-rwx", where, "-R "),
			)
		)
	return told or [Check(BACKUPS, FINE, "No other user of the machine reads a backup.")]


def _switches(bench: Bench, names: list[str], conf: Mapping) -> list[Check]:
	on: dict[str, list[str]] = {key: [] for key in KEYS}
	told = []
	for name in names:
		try:
			own = site_config.read(bench.sites_path / name)
		except AgentError as error:
			told.append(Check(SWITCHES, NOT_SEEN, str(error), error.hint))
			continue
		for key in KEYS:
			if own.get(key, conf.get(key)):  # Frappe asks no more of it: any text is on
				on[key].append(name)
	for key, sites in on.items():
		if sites:
			which = ", ".join(sites[:TOLD]) + (f" and {len(sites) - TOLD} more" if sites[TOLD:] else "")
			where = "set-config -g" if conf.get(key) else f"--site {sites[0]} set-config"
			told.append(
				Check(SWITCHES, FOUND, f"{key} is on ({which}): {KEYS[key]}.", f"bench {where} {key} 0")
			)
	off = f"{', '.join(KEYS)} are off on all sites."
	return told or [Check(SWITCHES, FINE, off)]


def _may(path: Path, bit: int) -> bool:
	try:
		return others_may(path, bit)
	except FileNotFoundError:
		return False  # it is gone by now


def _shown(folder: Path) -> Iterator[Path]:
	"""Files below the folder that any user can read. A folder that others may not enter is not entered here either: stores are large.

	Raises PermissionError.
	"""
	if not _may(folder, stat.S_IXOTH):
		return

	def refuse(error: OSError) -> None:
		if not isinstance(error, FileNotFoundError):
			raise error

	for where, folders, names in os.walk(folder, onerror=refuse):
		folders[:] = [name for name in folders if _has(Path(where) / name, stat.S_IXOTH)]
		yield from (path for name in names if _has(path := Path(where) / name, stat.S_IROTH))


def _has(path: Path, bit: int) -> bool:
	try:
		return bool(path.stat().st_mode & bit)
	except FileNotFoundError:
		return False  # it is gone by now


def _list(bench: Bench, paths: list[Path]) -> str:
	names = [os.path.relpath(path, bench.path) if bench.path in path.parents else str(path) for path in paths]
	return ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD} more" if names[TOLD:] else "")


def _chmod(mode: str, paths: list[Path], option: str = "") -> str:
	more = " …" if paths[TOLD:] else ""
	return f"chmod {option}{mode} {shlex.join(map(str, paths[:TOLD]))}{more}"
