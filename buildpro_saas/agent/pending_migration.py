"""Whether `bench migrate` would have anything to do on the site of this process. The site's database is asked.

Frappe's migrate does these things, and each is accounted for:

| what it does | how it is known that there is nothing to do |
| --- | --- |
| patches of patches.txt | Patch Log has each of them, and not as skipped |
| doctypes | `migration_hash` of each is the digest of its file |
| other records of modules: reports, pages, workspaces, … | `modified` in the database is not before that of the file |
| scheduled jobs of hooks | Scheduled Job Type has their methods, and no others |
| Installed Applications | it has no other apps, and no other versions |
| fixtures, customisations, dashboards, portal menu; hooks before_migrate, after_migrate | see below |
| languages, permissions of doctypes | they come with the framework's version, and with the doctypes |

What the last but one brings is written anew by each migrate, whatever is there. So the site notes with which files its last migrate was
done: a digest for each app, in the site's database, where a copy or a backup takes it along. Another digest is something to do.
The note also has the records that were missing all the same: an app's hook takes them away again, as this app's does with what is
for the admin site. They are nothing to do until their file changes.
"""

import hashlib
import inspect
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, SimpleNamespace

import frappe
from frappe.model import sync
from frappe.modules.import_file import calculate_hash, read_doc_from_file
from frappe.modules.patch_handler import get_patches_from_app
from frappe.utils import get_datetime

from buildpro_saas.agent.facts import FINISHED_NOTE
from buildpro_saas.agent.fingerprint import schema_digest

FIELD = "migrated"  # of FINISHED_NOTE, in the site's tabSingles: JSON, {app: digest}
HOOKS = ("before_migrate", "after_migrate")
# Hooks whose values a migrate writes into the database.
WRITTEN = ("scheduler_events", "standard_portal_menu_items", "portal_menu_items", "fixtures", *HOOKS)
KEPT_FOR = 60  # seconds for which a process takes what it has read of an app's files as still true
TOLD = 3  # of a kind that are named


@dataclass
class Brought:
	"""What an app on the bench's disk brings to a site. doctypes: {name: digest of its file}. records: {doctype: {name: modified}}."""

	version: str
	digest: str
	methods: set[str]
	doctypes: dict[str, str] = field(default_factory=dict)
	records: dict[str, dict[str, str]] = field(default_factory=dict)


_kept: dict[str, tuple[float, Brought]] = {}


def reasons() -> list[str]:
	"""What a migrate has to do here, in short pieces of text; [] for nothing."""
	brought = {app: _brought(app) for app in frappe.get_installed_apps()}
	noted = _noted()
	# without a note nobody knows which are missing for good: that there is none is reason enough
	older = [name for name, key in _older(brought) if key not in noted["left"]] if noted else []
	return [
		*_told("patches", missing_patches()),
		*_doctypes(brought),
		*_told("records", older),
		*_jobs(brought),
		*_versions(brought),
		*_files(brought, noted),
	]


def note() -> None:
	"""Note in the site's database that it was migrated with what is on disk now. The caller commits, with what the migrate wrote."""
	brought = {app: _brought(app) for app in frappe.get_installed_apps()}
	value = {
		"apps": {app: each.digest for app, each in brought.items()},
		"left": [key for _name, key in _older(brought)],
	}
	frappe.db.delete("Singles", {"doctype": FINISHED_NOTE, "field": FIELD})
	frappe.db.sql(
		"insert into tabSingles (doctype, field, value) values (%s, %s, %s)",
		(FINISHED_NOTE, FIELD, json.dumps(value, sort_keys=True)),
	)


# -- the site's database ----------------------------------------------------------------------------------------------


def missing_patches() -> list[str]:
	"""The patches of the bench's apps that the site has not had, in their order."""
	done = set(frappe.db.sql_list("select patch from `tabPatch Log` where skipped = 0"))
	wanted = [patch for app in frappe.get_installed_apps() for patch in get_patches_from_app(app)]
	return [patch for patch in wanted if patch.replace("finally:", "") not in done]


def _doctypes(brought: dict[str, Brought]) -> list[str]:
	there = dict(frappe.db.sql("select name, migration_hash from tabDocType"))
	wanted = {name: digest for each in brought.values() for name, digest in each.doctypes.items()}
	return _told("doctypes", [name for name, digest in wanted.items() if there.get(name) != digest])


def _older(brought: dict[str, Brought]) -> list[tuple[str, str]]:
	"""(name, name with the file's date) of the records that are missing, or older than their file."""
	wanted: dict[str, dict[str, str]] = {}
	for each in brought.values():
		for doctype, records in each.records.items():
			wanted.setdefault(doctype, {}).update(records)
	tables = set(frappe.db.sql_list("select name from tabDocType where issingle = 0"))
	older = []
	for doctype in sorted(wanted.keys() & tables):  # a doctype that is not there is told with the doctypes
		there = dict(frappe.db.sql(f"select name, modified from `tab{doctype}`"))
		older += [
			(f"{doctype} {name}", f"{doctype} {name} {modified}")
			for name, modified in wanted[doctype].items()
			if name not in there or get_datetime(modified) > get_datetime(there[name])
		]
	return older


def _jobs(brought: dict[str, Brought]) -> list[str]:
	rows = frappe.db.sql("select method, server_script from `tabScheduled Job Type`")
	there = {method for method, _script in rows}
	of_hooks = {method for method, script in rows if not script}
	wanted = set().union(*(each.methods for each in brought.values()))
	return _told("scheduled jobs", sorted((wanted - there) | (of_hooks - wanted)))


def _versions(brought: dict[str, Brought]) -> list[str]:
	# a fresh site may have no rows: then the note tells. On a branch that has a version of its own, Frappe adds the commit in brackets
	rows = dict(frappe.db.sql("select app_name, app_version from `tabInstalled Application`"))
	other = [
		app
		for app, version in rows.items()
		if app not in brought or (version != brought[app].version and "(" not in (version or ""))
	]
	return _told("versions", sorted(other))


def _noted() -> dict | None:
	"""The site's note; None where it has none."""
	value = frappe.db.sql(
		"select value from tabSingles where doctype = %s and field = %s", (FINISHED_NOTE, FIELD)
	)
	return json.loads(value[0][0]) if value else None


def _files(brought: dict[str, Brought], noted: dict | None) -> list[str]:
	if noted is None:
		return ["it is not noted when it was migrated"]
	return _told("files", [app for app, each in brought.items() if noted["apps"].get(app) != each.digest])


def _told(kind: str, names: list[str]) -> list[str]:
	if not names:
		return []
	more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
	return [f"{kind}: {', '.join(names[:TOLD])}{more}"]


# -- the bench's disk -------------------------------------------------------------------------------------------------


def _brought(app: str) -> Brought:
	read_at, found = _kept.get(app, (0.0, None))
	if found is None or time.monotonic() - read_at > KEPT_FOR:
		found = _read(app)
		_kept[app] = (time.monotonic(), found)
	return found


def _read(app: str) -> Brought:
	hooks = frappe.get_hooks(app_name=app)  # not of Redis, which may have an older version's
	version = _version(app)
	found = Brought(version, _digest(app), _methods(hooks))
	for path in _synced(app):
		docs = read_doc_from_file(path)
		for doc in docs if isinstance(docs, list) else [docs]:
			if doc["doctype"] == "DocType":
				found.doctypes[doc["name"]] = calculate_hash(path)
			elif doc.get("modified"):
				found.records.setdefault(doc["doctype"], {})[doc["name"]] = doc["modified"]
	return found


def _synced(app: str) -> Iterator[str]:
	"""The files that frappe.model.sync.sync_for imports: it is run itself, with what would import replaced."""
	paths: list[str] = []
	modules = [frappe.scrub(module) for module in frappe.get_module_list(app)]
	stand_in = SimpleNamespace(
		get_app_path=frappe.get_app_path,
		get_module=frappe.get_module,
		local=SimpleNamespace(app_modules={app: modules}),
		db=SimpleNamespace(commit=lambda *_, **__: None),
	)
	names = {
		**sync.__dict__,
		"frappe": stand_in,
		"import_file_by_path": lambda path, **_: paths.append(path),
		"update_progress_bar": lambda *_: None,
		"print": lambda *_: None,
	}
	original = inspect.unwrap(sync.sync_for)
	FunctionType(original.__code__, names, original.__name__, original.__defaults__)(app)
	return (path for path in paths if os.path.exists(path))


def _version(app: str) -> str:
	return getattr(frappe.get_module(app), "__version__", "0.0.1")  # as frappe.utils.change_log has it


def _digest(app: str) -> str:
	"""A digest of all that only the note tells of: the app's records and fixtures, its hooks, and the code that a migrate calls."""
	hooks = frappe.get_hooks(app_name=app)
	schema = schema_digest(Path(frappe.get_module(app).__file__).parent)
	written = {name: hooks.get(name) for name in WRITTEN}
	digest = hashlib.sha256(
		json.dumps([_version(app), schema, written], sort_keys=True, default=str).encode()
	)
	for name in HOOKS:
		for method in hooks.get(name) or ():
			module = method.rpartition(".")[0]
			frappe.get_module(module)
			digest.update(Path(sys.modules[module].__file__).read_bytes())
	return digest.hexdigest()[:32]


def _methods(hooks: dict) -> set[str]:
	found: set[str] = set()
	for methods in (hooks.get("scheduler_events") or {}).values():
		for some in (
			methods.values() if isinstance(methods, dict) else [methods]
		):  # cron has them by their times
			found.update(some)
	return found
