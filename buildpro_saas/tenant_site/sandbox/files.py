"""A tenant's request or job writes in its site's own folder only, and reads what readable.py lists.

Frappe has dozens of places that write code and data into its apps' folders (a Module Def, a standard report, a controller).
All of them end in a few operations of Python's. These tell the audit hook (audit.py) before they are done.

Only a web request or a job of the site's is judged (acting.py). What the operator does is not: bench commands, installing,
migrating, deliveries. No flag that a user can have set is believed.
"""

import os
import sys
from html import escape
from typing import Any

import frappe
from frappe import _

from buildpro_saas.tenant_site import file_names
from buildpro_saas.tenant_site.sandbox import acting, readable, temporary

WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# {event: ((place of an argument that is a changed path, place of the open folder that it is relative to), …)}; None
# where the event names no such folder.
CHANGES = {
	"os.mkdir": ((0, 2),),
	"os.rename": ((0, 2), (1, 3)),
	"os.remove": ((0, 1),),
	"os.rmdir": ((0, 1),),
	"os.link": ((0, 2), (1, 3)),
	"os.symlink": ((1, 2),),
	"os.truncate": ((0, None),),
	"os.chmod": ((0, 2),),
	"shutil.chown": ((0, None),),
	"os.chown": ((0, 3),),
}
# (event, place) of paths that are made, and of those that are gone afterwards.
CREATES = frozenset({("os.mkdir", 0), ("os.rename", 1), ("os.link", 1), ("os.symlink", 1)})
LEAVES = frozenset({("os.rename", 0), ("os.remove", 0), ("os.rmdir", 0)})
# Modules that write the settings in a site's folder, also in a request or job: a key made at first use, a pulled
# entitlement.
SETTINGS_WRITERS = (
	*("frappe.installer", "buildpro_saas.agent.site_config"),
	*("buildpro_saas.tenant_site.entitlement", "buildpro_saas.tenant_site.sync"),
)
NEAREST = 12  # how many frames are searched for such a module, from the audit hook outwards


def judge(event: str, arguments: tuple, site: Any) -> None:
	"""Raise frappe.PermissionError when the audit event is about a file that the site may not use.

	arguments: those of the event. site: as acting.site() returns it.
	"""
	if sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
		return  # Python's import system writes compiled code beside the source
	if event == "open":
		path, _mode, flags = arguments
		if not isinstance(path, int):
			_judge_opening(os.fsdecode(path), flags, site)
		return
	left = []
	for index, folder in CHANGES[event]:
		if not isinstance(arguments[index], int):
			path = _full(os.fsdecode(arguments[index]), None if folder is None else arguments[folder])
			if event == "os.mkdir" and os.path.lexists(path):
				continue  # Python says that it is there
			require_writable(path, site, is_creating=(event, index) in CREATES)
			if (event, index) in LEAVES:
				left.append(path)
	for path in left:
		temporary.forget(os.path.realpath(path))


def require_writable(path: str, site: Any, is_creating: bool = True) -> None:
	"""Raise frappe.PermissionError unless the site's request or job may write the path.

	is_creating: whether a path that is not there yet is made. A temporary file is then noted as the site's.
	"""
	if path in ("/dev/null", "/dev/tty"):
		return
	real, sites = os.path.realpath(path), os.path.realpath(site.sites_path)
	if readable.is_within(real, _own_folders(sites, site)):
		is_allowed = not _is_kept(real, sites, site)
	elif readable.is_within(real, temporary.FOLDERS) and not readable.is_within(
		real, (os.path.dirname(sites),)
	):
		is_allowed = temporary.may_change(real, site, is_creating)
	elif readable.is_within(real, (_logs(sites),)):
		is_allowed = acting.is_called_from(
			"logging.handlers", NEAREST
		)  # which begins a new file when one is full
	else:
		is_allowed = os.path.dirname(os.path.abspath(path)) == sites and readable.RANDOM.fullmatch(
			os.path.basename(path)
		)
	if not is_allowed:
		_refuse(path, site)


def _judge_opening(path: str, flags: int, site: Any) -> None:
	if not flags & WRITE:
		readable.require(path, site)
	elif not (_is_unnamed(path) or _is_appending_to_log(path, flags, site)):
		require_writable(path, site, is_creating=bool(flags & os.O_CREAT))


def _is_unnamed(path: str) -> bool:
	"""Whether it is a file without a name in a folder of temporary files (O_TMPFILE). Nothing else opens a folder for writing."""
	return os.path.realpath(path) in temporary.FOLDERS


def _is_appending_to_log(path: str, flags: int, site: Any) -> bool:
	is_appending = flags & (os.O_RDWR | os.O_WRONLY | os.O_APPEND | os.O_TRUNC) == os.O_WRONLY | os.O_APPEND
	return is_appending and readable.is_within(
		os.path.realpath(path), (_logs(os.path.realpath(site.sites_path)),)
	)


def _full(path: str, folder: Any) -> str:
	"""The path. A relative one is joined to the open folder that the event names (as in shutil.rmtree)."""
	if isinstance(folder, int) and folder >= 0 and not os.path.isabs(path):
		try:
			return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
		except OSError:
			return path  # without /proc: taken for one in the process's own folder
	return path


def _is_kept(real: str, sites: str, site: Any) -> bool:
	"""Whether the path is protected: the site's folder itself, or a settings file in it.

	SETTINGS_WRITERS may change a settings file.
	"""
	own = os.path.realpath(os.path.join(sites, site.site))
	if real == own:
		return True
	return (
		os.path.dirname(real) == own
		and file_names.is_reserved(os.path.basename(real))
		and not any(acting.is_called_from(module, NEAREST) for module in SETTINGS_WRITERS)
	)


def _own_folders(sites: str, site: Any) -> tuple[str, ...]:
	backups = site.conf.get("backup_path")  # where the operator has backups put
	return readable.own_folders(sites, site.site) + ((os.path.realpath(backups),) if backups else ())


def _logs(sites: str) -> str:
	return os.path.realpath(os.path.join(os.path.dirname(sites), "logs"))


def _refuse(path: str, site: Any) -> None:
	name = os.path.basename(path)
	if not acting.is_own_context(site):
		raise readable.NotOfSite(f"A tenant's site may only use files of its own: {name} is none.")
	frappe.throw(
		_(
			"This site may only use files of its own: {0} is none. Ask the site's operator for what belongs to an app."
		).format(escape(name)),
		readable.NotOfSite,
		title=_("Not a file of this site"),
	)
