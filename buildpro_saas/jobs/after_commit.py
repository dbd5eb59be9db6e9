"""What other code asks to have done after a commit cannot fail the job whose commit it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import frappe
from frappe.utils import CallbackManager

from buildpro_saas.agent.errors import mariadb_code

NO_SUCH_SAVEPOINT = 1305  # mariadb.com/kb/en/mariadb-error-codes
SAVEPOINT = "after_commit_callback"


class _ShieldedCallbacks(CallbackManager):
	"""Frappe's, but each callback's fault goes to the Error Log and does not keep the others."""

	def add(self, func: Callable[[], None]) -> None:
		super().add(partial(_shielded, func))


@contextmanager
def shielded() -> Iterator[None]:
	"""Within the block, what callbacks raise after a COMMIT is logged.

	Frappe lets it escape out of `commit()` (webhooks, notifications, apps' own code), as if nothing had been committed.
	What is left of the callbacks at the block's end is the caller's again.
	"""
	before = frappe.db.after_commit
	frappe.db.after_commit = _ShieldedCallbacks()
	try:
		yield
	finally:
		frappe.db.after_commit = before


def _shielded(func: Callable[[], None]) -> None:
	frappe.db.savepoint(SAVEPOINT)
	try:
		func()
	except Exception:
		_forget_what_it_wrote()
		frappe.log_error(title="After the commit of a Provisioning Job")


def _forget_what_it_wrote() -> None:
	try:
		frappe.db.rollback(save_point=SAVEPOINT)
	except Exception as error:
		if mariadb_code(error) != NO_SUCH_SAVEPOINT:  # the callback has committed: there is nothing to forget
			raise
