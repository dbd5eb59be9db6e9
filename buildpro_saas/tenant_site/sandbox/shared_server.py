"""Keeps the SQL of a tenant's request or job from what all sites of a MariaDB server share: named locks, and the server's files.

Query Reports, the System Console and Server Scripts take SQL from users, and Frappe looks at its first word. A named lock is one for
the whole server. The control plane holds its jobs' locks there; a report that took one would stop a job, of another site, too.
Files need a privilege that sites' accounts do not have; they are refused all the same.

These are functions and words that MariaDB knows by their literal names alone. So a statement in which no such name stands, within
quotes or outside, is let through at once.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import frappe
from frappe import _

from buildpro_saas.tenant_site.sandbox import acting, statements

LOCKS = frozenset({"get_lock", "release_lock", "release_all_locks", "is_free_lock", "is_used_lock"})
OF_FILES = frozenset({"load_file", "outfile", "dumpfile"})
NAMES = LOCKS | OF_FILES
# Frappe's own code alone makes these. They may hold long texts of users.
CHANGES = ("insert ", "update ", "delete ", "replace ")


def judging(original: Callable) -> Callable:
	"""`Database.sql`. For a tenant's request or job it raises frappe.PermissionError for a statement with one of NAMES."""

	@wraps(original)
	def sql(database: Any, query: Any, *args, **kwargs) -> Any:
		text = query if isinstance(query, str) else str(query)
		values = args[0] if args else kwargs.get("values")
		if _may_have_name(text) or (values and _may_have_name(str(values))):
			site = acting.site()
			if site is not None:
				_judge(database, text, values, site)
		return original(database, query, *args, **kwargs)

	return sql


def _may_have_name(text: str) -> bool:
	"""Whether one of NAMES may stand in the text. Each statement of every site is asked this, so it looks for few parts."""
	lowered = text.lower()
	return "_lock" in lowered or ("file" in lowered and any(name in lowered for name in OF_FILES))


def _judge(database: Any, text: str, values: Any, site: Any) -> None:
	if text.lstrip().lower().startswith(CHANGES):
		return
	if values:
		if not isinstance(values, tuple | list | dict):
			values = (values,)
		# as it is sent: a placeholder that stands between quotes ends them
		text = database.mogrify(text, values)
		text = text.decode(errors="replace") if isinstance(text, bytes) else text
		if not _may_have_name(text):
			return
	try:
		found = statements.named(text, NAMES)
	except statements.UnreadableError as unreadable:
		found = unreadable.shown
	if found:
		_refuse(found, site)


def _refuse(what: str, site: Any) -> NoReturn:
	sentence = _(
		"This query may not use {0}: it reaches what all sites of the database server share. Take it out of the query."
	).format(what)
	if not acting.is_own_context(site):
		raise frappe.PermissionError(sentence)
	frappe.throw(
		frappe.utils.escape_html(sentence), frappe.PermissionError, title=_("Not allowed in a query")
	)
