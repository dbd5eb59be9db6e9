"""Files outside the site's own folder are neither written nor, within the bench's sites, read by a tenant's request or job.

Frappe has dozens of places that write code and data into its apps' folders (a Module Def, a standard report, a controller). All end in a
few operations of Python's, which tell an audit hook (audit.py) before they are done. It is asked who acts: a web request or a job of the
site's (acting.py). What the operator does (bench, installing, migrating, deliveries) has neither, and no flag that a user can have set is believed.
"""

import os
import re
import sys
import tempfile
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import frappe
from frappe import _

from buildpro_saas.tenant_site.sandbox import acting

WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Which of an event's arguments are paths that are changed.
CHANGES = {
	"os.mkdir": (0,),
	"os.rename": (0, 1),
	"os.remove": (0,),
	"os.rmdir": (0,),
	"os.link": (0, 1),
	"os.symlink": (1,),
	"os.truncate": (0,),
	"os.chmod": (0,),
	"shutil.chown": (0,),
	"os.chown": (0,),
}
# Frappe makes files of a random name for a moment in the folder of the sites (exports, charts of accounts).
RANDOM = re.compile(r"[0-9a-z]{10}(\.[a-z]{1,5})?")
# What every site reads there.
OF_ALL_SITES = frozenset(
	{"assets", "apps.txt", "apps.json", "common_site_config.json", "currentsite.txt", "patches.txt"}
)
# Found out before any file is judged: Python tries the folder by writing into it, and holds a lock meanwhile that it does not take twice.
TEMPORARY = tempfile.gettempdir()


def judge(event: str, arguments: tuple, site: Any) -> None:
	"""Raise frappe.PermissionError when the audit event is about a file that is not the site's.

	site: as acting.site() has it.
	"""
	if sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
		return  # Python keeps what it compiled beside the code
	if event == "open":
		path, _mode, flags = arguments
		if not isinstance(path, int):
			(require_writable if flags & WRITE else _require_readable)(os.fsdecode(path), site)
	else:
		for index in CHANGES[event]:
			if not isinstance(arguments[index], int):
				require_writable(os.fsdecode(arguments[index]), site)


def require_writable(path: str, site: Any) -> None:
	"""Raise frappe.PermissionError unless the site's request or job may write there."""
	if path in ("/dev/null", "/dev/tty") or _is_within(os.path.realpath(path), _writable_folders(site)):
		return
	if os.path.dirname(os.path.abspath(path)) == _sites(site) and RANDOM.fullmatch(os.path.basename(path)):
		return
	_refuse(path, site)


def _require_readable(path: str, site: Any) -> None:
	if _is_in_other_site(path, site):
		_refuse(path, site)


def _is_in_other_site(path: str, site: Any) -> bool:
	"""Whether it leads into another site's folder, or into what this bench keeps of its sites."""
	sites = _sites(site)
	real = os.path.realpath(path)
	if not real.startswith(f"{sites}{os.sep}"):
		return False
	first = real[len(sites) + 1 :].split(os.sep)[0]
	return first != site.site and first not in OF_ALL_SITES and os.path.isdir(os.path.join(sites, first))


def _sites(site: Any) -> str:
	return os.path.realpath(site.sites_path)


def _writable_folders(site: Any) -> tuple[str, ...]:
	backups = site.conf.get("backup_path")  # where the operator has backups put
	return _folders_of(_sites(site), site.site) + ((os.path.realpath(backups),) if backups else ())


@lru_cache(maxsize=1024)
def _folders_of(sites: str, site: str) -> tuple[str, ...]:
	"""The site's folder and those in it, which operators may keep elsewhere by a link; logs, and folders for what is passing."""
	own = Path(sites, site)
	folders = [
		own,
		*(own / name for name in ("public", "private", "public/files", "private/files", "private/backups")),
	]
	folders += [Path(sites).parent / "logs", Path(TEMPORARY)]
	folders.append(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"))
	return tuple(os.path.realpath(folder) for folder in folders)


def _is_within(path: str, folders: tuple[str, ...]) -> bool:
	return any(path == folder or path.startswith(f"{folder}{os.sep}") for folder in folders)


def _refuse(path: str, site: Any) -> None:
	name = os.path.basename(path)
	if not acting.is_own_context(site):
		raise frappe.PermissionError(f"A tenant's site may only use files of its own: {name} is none.")
	frappe.throw(
		_(
			"This site may only use files of its own: {0} is none. Ask the site's operator for what belongs to an app."
		).format(escape(name)),
		frappe.PermissionError,
		title=_("Not a file of this site"),
	)
