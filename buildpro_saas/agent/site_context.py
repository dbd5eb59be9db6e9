"""Enters another site within this process, and leaves no trace of the visit."""

import contextvars
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe

from buildpro_saas import framework


def call(site: str, sites_path: Path, method: str, arguments: dict) -> Any:
	"""Call `method` (a dotted name) on the site as Administrator, commit, and return its result, which JSON can hold.

	It runs in an empty context. frappe.local is made of context variables, so the visit does not see the caller's site, connection,
	flags and user, and they are the same afterwards. Raises what the function raises, after a rollback.
	"""
	return contextvars.Context().run(_visit, site, str(sites_path), method, arguments)


def _visit(site: str, sites_path: str, method: str, arguments: dict) -> Any:
	loggers_before = set(framework.loggers())
	try:
		with entered(site, sites_path):
			frappe.connect()
			result = find(method)(**arguments)
			return json.loads(frappe.as_json(result)) if result is not None else None
	finally:
		_close_loggers(loggers_before)


@contextmanager
def entered(site: str, sites_path: str = ".") -> Iterator[None]:
	"""Initialise frappe for the site. At the block's end commit, or roll back when it raised, and leave the site.

	The block itself connects: it may be about to make the database.
	"""
	frappe.init(site=site, sites_path=sites_path)
	try:
		yield
		if getattr(frappe.local, "db", None):
			frappe.db.commit()
	except BaseException:
		if getattr(frappe.local, "db", None):
			frappe.db.rollback()
		raise
	finally:
		frappe.destroy()


def find(method: str) -> Callable:
	"""The function of that dotted name. Not frappe.get_attr, which asks the site's database what is installed first."""
	module, name = method.rsplit(".", 1)
	return getattr(importlib.import_module(module), name)


def _close_loggers(before: set[str]) -> None:
	"""Frappe keeps a logger, and an open file, for each site that wrote to a log: close those of the visit."""
	loggers = framework.loggers()
	for name in set(loggers) - before:
		logger = loggers.pop(name)
		for handler in list(logger.handlers):
			handler.close()
			logger.removeHandler(handler)
