"""Files outside the site's own folder are neither written nor read by a tenant's request or job, but for what readable.py lists.

Frappe has dozens of places that write code and data into its apps' folders (a Module Def, a standard report, a controller). All end in a
few operations of Python's, which tell an audit hook (audit.py) before they are done. It is asked who acts: a web request or a job of the
site's (acting.py). What the operator does (bench, installing, migrating, deliveries) has neither, and no flag that a user can have set is believed.
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
# Which of an event's arguments are paths that are changed: {event: ((the path's place, that of the folder it is relative to), …)}.
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
CREATES = frozenset({("os.mkdir", 0), ("os.rename", 1), ("os.link", 1), ("os.symlink", 1)})
LEAVES = frozenset({("os.rename", 0), ("os.remove", 0), ("os.rmdir", 0)})
# Who writes the settings in a site's folder, in a request or job too (a key made at first use, the pull of an entitlement).
SETTINGS_WRITERS = (
	*("frappe.installer", "buildpro_saas.agent.site_config"),
	*("buildpro_saas.tenant_site.entitlement", "buildpro_saas.tenant_site.sync"),
)
NEAREST = 12  # frames from the audit hook to such a function


def judge(event: str, arguments: tuple, site: Any) -> None:
	"""Raise frappe.PermissionError when the audit event is about a file that is not the site's.

	site: as acting.site() has it.
	"""
	if sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
		return  # Python keeps what it compiled beside the code
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
	"""Raise frappe.PermissionError unless the site's request or job may write there; is_creating: what is not there yet is made."""
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
	"""A file in the folder of temporary files that has no name there (O_TMPFILE). To write, a folder is opened for nothing else."""
	return os.path.realpath(path) in temporary.FOLDERS


def _is_appending_to_log(path: str, flags: int, site: Any) -> bool:
	is_appending = flags & (os.O_RDWR | os.O_WRONLY | os.O_APPEND | os.O_TRUNC) == os.O_WRONLY | os.O_APPEND
	return is_appending and readable.is_within(
		os.path.realpath(path), (_logs(os.path.realpath(site.sites_path)),)
	)


def _full(path: str, folder: Any) -> str:
	"""The path, where it may be relative to an open folder (shutil.rmtree)."""
	if isinstance(folder, int) and folder >= 0 and not os.path.isabs(path):
		try:
			return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
		except OSError:
			return path  # no Linux: taken for one in the process's own folder
	return path


def _is_kept(real: str, sites: str, site: Any) -> bool:
	"""Whether it is the site's folder itself, or settings in it, which none but their own writers change."""
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
