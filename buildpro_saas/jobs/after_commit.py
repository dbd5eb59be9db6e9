"""What other code asks to have done after a commit cannot fail the job whose commit it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import frappe
from frappe.utils import CallbackManager

from buildpro_saas.agent.errors import mariadb_code
from buildpro_saas.jobs import queue

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


@contextmanager
def never_raising(what: str) -> Iterator[None]:
	"""Within the block, for work that is done after a commit: its fault is noted under `what`, rolled back, and not raised.

	What its caller did is committed, and is no answer's concern: messages go, too. Callbacks are shielded. Redis away is in no Error Log.
	"""
	messages = list(frappe.local.message_log)
	try:
		# the callbacks that follow this one are its caller's, and are called once it is done
		with shielded():
			yield
	except Exception as error:
		_note(what, error)
	finally:
		frappe.local.message_log = messages


def _note(what: str, error: Exception) -> None:
	frappe.logger("buildpro_saas").warning(what, exc_info=True)
	if queue.is_of_redis(error):
		return
	try:
		with shielded():
			frappe.db.rollback()
			frappe.log_error(title=what)
			frappe.db.commit()
	except Exception:
		# the connection is gone: the next minute looks again
		frappe.logger("buildpro_saas").warning(f"{what}: in no Error Log", exc_info=True)


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
