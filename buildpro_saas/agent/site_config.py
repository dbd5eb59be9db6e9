"""Reads and writes site_config.json. A crash leaves the old or the new file. Only its owner can read it."""

import json
import os
import tempfile
from pathlib import Path

import frappe
from filelock import FileLock

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import UNTOUCHED

LOCK_TIMEOUT = 30  # seconds; Frappe's own writers hold the same lock for milliseconds


class DamagedConfigError(AgentError, ValueError):
	"""A site_config.json is there, and nothing can be read from it: cut off, empty, a folder, another user's file."""


def read(folder: Path) -> dict:
	"""Return the site_config.json of a site's folder; {} when there is none. Raises DamagedConfigError when it cannot be read."""
	path = Path(folder) / "site_config.json"
	try:
		content = json.loads(path.read_text())
	except (FileNotFoundError, NotADirectoryError):
		return {}
	except (OSError, ValueError) as error:
		# without its cause, which Frappe 16 would put into the Error Log in place of this sentence
		raise _damaged(path, getattr(error, "strerror", None) or str(error)) from None
	if not isinstance(content, dict):
		raise _damaged(path, "it is no object")
	return content


def _damaged(path: Path, why: str) -> DamagedConfigError:
	return DamagedConfigError(
		f"{path} cannot be read ({why}): correct it, or put back the one of a backup.", UNTOUCHED
	)


def update(folder: Path, values: dict) -> dict:
	"""Merge values into the folder's site_config.json (None removes a key) and return the whole.

	Takes the lock that frappe.installer.update_site_config takes, so that neither overwrites the other.
	"""
	folder = Path(folder)
	(folder / "locks").mkdir(exist_ok=True)
	with FileLock(folder / "locks" / "site_config.lock", timeout=LOCK_TIMEOUT):
		config = {**read(folder), **values}
		config = {key: value for key, value in config.items() if value is not None}
		write(folder, config)
	return config


def update_own(values: dict) -> None:
	"""Merge values (None removes a key) into the site_config.json of the site that this process works on, and into frappe.conf."""
	update(Path(frappe.get_site_path()), values)
	frappe.local.conf.update(values)


def write(folder: Path, config: dict) -> None:
	"""Write the whole site_config.json at once, mode 0600."""
	write_json(Path(folder) / "site_config.json", config)


def write_json(path: Path, content: dict) -> None:
	"""Write a JSON file so that a reader, or a crash, meets the old or the new one; mode 0600."""
	write_text(path, json.dumps(content, indent=1, sort_keys=True))


def write_text(path: Path, text: str) -> None:
	"""The same for a file whose text is JSON already."""
	handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")  # mkstemp makes it 0600
	try:
		with os.fdopen(handle, "w") as f:
			f.write(text)
			f.flush()
			os.fsync(f.fileno())
		os.replace(name, path)
	except BaseException:
		Path(name).unlink(missing_ok=True)
		raise
