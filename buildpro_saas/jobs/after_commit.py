"""Keeps a job from failing over what other code has asked to have done after a commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import frappe
from frappe.utils import CallbackManager

from buildpro_saas.agent.errors import NO_SUCH_SAVEPOINT, mariadb_code
from buildpro_saas.jobs import queue

SAVEPOINT = "after_commit_callback"


class _ShieldedCallbacks(CallbackManager):
	"""Frappe's, but a callback's fault goes to the Error Log, and the other callbacks run."""

	def add(self, func: Callable[[], None]) -> None:
		super().add(partial(_shielded, func))


@contextmanager
def shielded() -> Iterator[None]:
	"""Within the block, what a callback raises after a COMMIT is logged and not raised.

	Frappe lets it escape out of `commit()` (webhooks, notifications, apps' own code), as if nothing had been committed. Callbacks
	that were there before the block are the caller's again at its end.
	"""
	before = frappe.db.after_commit
	frappe.db.after_commit = _ShieldedCallbacks()
	try:
		yield
	finally:
		frappe.db.after_commit = before


@contextmanager
def never_raising(what: str) -> Iterator[None]:
	"""For work that is done after a commit: a fault in the block is rolled back and logged under `what`, and not raised.

	The caller's own work is committed, so messages of the block go to nobody. Callbacks are shielded. Faults of Redis stay out of
	the Error Log.
	"""
	messages = list(frappe.local.message_log)
	try:
		# the callbacks after this one are the caller's, and are called once it is done
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
