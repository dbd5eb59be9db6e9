"""Files outside the site's own folder are neither written nor, within the bench's sites, read by a tenant's request or job.

Frappe has dozens of places that write code and data into its apps' folders (a Module Def, a standard report, a controller). All end in a
few operations of Python's, which tell an audit hook (PEP 578) before they are done. It is asked who acts: a web request or a job of the
site's. What the operator does (bench, installing, migrating, deliveries) has neither, and no flag that a user can have set is believed.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import frappe
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.tenant_site.maintenance import IN_JOB
from buildpro_saas.tenant_site.sandbox import redis_servers

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
PROGRAMS_THAT_WRITE = frozenset({"node", "nodejs", "tar"})


def install() -> None:
	"""Have this process ask; once, for a hook of Python's cannot be taken off."""
	if not getattr(sys, "buildpro_guards_files", False):
		sys.buildpro_guards_files = True
		sys.addaudithook(_on_event)


def _on_event(event: str, arguments: tuple) -> None:
	if event == "open":
		path, _mode, flags = arguments
		if isinstance(path, int):
			return
		_judge((path,), _require_writable if flags & WRITE else _require_readable)
	elif event in CHANGES:
		paths = (arguments[index] for index in CHANGES[event])
		_judge((path for path in paths if not isinstance(path, int)), _require_writable)
	elif event == "subprocess.Popen":
		_judge(_written_by(arguments[1]), _require_writable)
	elif event == "socket.connect" and is_tenants_own():
		redis_servers.judge(arguments[1])


def _judge(paths: Any, require: Any) -> None:
	if not is_tenants_own() or sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
		return  # Python keeps what it compiled beside the code
	for path in paths:
		require(os.fsdecode(path))


def is_tenants_own() -> bool:
	"""Whether a web request or a job of a tenant's site is being done."""
	local = frappe.local
	conf = getattr(local, "conf", None)
	if not conf or conf.get("buildpro_role") != site_role.TENANT or not getattr(local, "site", None):
		return False
	return bool(
		getattr(local, "request", None)
		or getattr(local, "job", None)
		or (getattr(local, "flags", None) or {}).get(IN_JOB)
	)


def _require_writable(path: str) -> None:
	if path in ("/dev/null", "/dev/tty") or _is_within(os.path.realpath(path), _writable_folders()):
		return
	if os.path.dirname(os.path.abspath(path)) == _sites() and RANDOM.fullmatch(os.path.basename(path)):
		return
	_refuse(path)


def _require_readable(path: str) -> None:
	if _is_in_other_site(path):
		_refuse(path)


def _is_in_other_site(path: str) -> bool:
	"""Whether it leads into another site's folder, or into what this bench keeps of its sites."""
	sites = _sites()
	real = os.path.realpath(path)
	if not real.startswith(f"{sites}{os.sep}"):
		return False
	first = real[len(sites) + 1 :].split(os.sep)[0]
	return (
		first != frappe.local.site and first not in OF_ALL_SITES and os.path.isdir(os.path.join(sites, first))
	)


def _sites() -> str:
	return os.path.realpath(frappe.local.sites_path)


def _writable_folders() -> tuple[str, ...]:
	backups = frappe.local.conf.get("backup_path")  # where the operator has backups put
	return _folders_of(_sites(), frappe.local.site) + ((os.path.realpath(backups),) if backups else ())


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


def _written_by(command: Any) -> Iterator[str]:
	"""Of a command that Frappe starts, the paths that a program writes by its arguments (a website theme's CSS)."""
	words = [command] if isinstance(command, str | bytes) else list(command)
	program = os.path.basename(os.fsdecode(words[0])) if words else ""
	if program in PROGRAMS_THAT_WRITE:
		yield from (word for word in map(os.fsdecode, words[1:]) if os.path.isabs(word))


def _refuse(path: str) -> None:
	frappe.throw(
		_(
			"This site may only use files of its own: {0} is none. Ask the site's operator for what belongs to an app."
		).format(escape(os.path.basename(path))),
		frappe.PermissionError,
		title=_("Not a file of this site"),
	)
