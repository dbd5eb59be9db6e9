"""What every command does first and last: it connects to its site, and says in a sentence what went wrong."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import wraps
from html import unescape

import click
import frappe
from frappe.commands import get_site, pass_context
from frappe.utils import strip_html
from redis.exceptions import RedisError

from buildpro_saas import site_role
from buildpro_saas.jobs import AgentError
from buildpro_saas.monitoring.diagnosis import gathering

# Errors that are told in a sentence. Any other is a defect of ours, and its traceback is wanted.
TOLD = (
	frappe.ValidationError,
	frappe.PermissionError,
	frappe.NameError,
	frappe.AuthenticationError,
	AgentError,
	RedisError,
	OSError,
)
JSON_OPTIONS = ("is_json", "as_json")
# MariaDB's clients: Frappe 15 has the first, Frappe 16 may have the second.
MARIADB_CLIENTS = ("pymysql", "MySQLdb")


def on_admin_site(command: Callable) -> Callable:
	"""Run the command connected to its --site, which must be the admin site; otherwise as on_site does."""

	@wraps(command)
	def run(*args, **kwargs):
		site_role.only_on_admin_site()
		command(*args, **kwargs)

	return on_site(run)


def on_site(command: Callable) -> Callable:
	"""Run the command connected to its --site as Administrator; exit with 1 and a sentence when it fails."""

	@wraps(command)
	def run(context, *args, **kwargs):
		site = get_site(context)
		# the framework prints its notes (Redis is away, for example) to standard output, where a program expects JSON
		is_for_program = any(kwargs.get(option) for option in JSON_OPTIONS)
		with _failing_in_a_sentence(), redirect_stdout(sys.stderr) if is_for_program else nullcontext():
			frappe.init(site=site)
			frappe.connect()
			command(*args, **kwargs)
			show_notes()

	return pass_context(run)


def on_admin_site_if_it_answers(command: Callable) -> Callable:
	"""Run the command connected to its --site, which must be the admin site; where its servers do not answer, without a connection.

	The command gets `why_not`: why they do not, as a sentence; "" where it is connected; and `began`: when that was asked, on the monotonic
	clock. Otherwise as on_site does.
	"""

	@wraps(command)
	def run(context, *args, **kwargs):
		site = get_site(context)
		is_for_program = any(kwargs.get(option) for option in JSON_OPTIONS)
		try:
			with redirect_stdout(sys.stderr) if is_for_program else nullcontext():
				began = time.monotonic()
				gathering.begin_without_hung_cache()
				frappe.init(site=site)
				site_role.only_on_admin_site()
				why_not = gathering.own_fault()
				if not why_not:
					frappe.connect()
				command(*args, why_not=why_not, began=began, **kwargs)
				show_notes()
		except Exception as error:
			if not is_told(error):
				raise
			fail(told(error))
		finally:
			frappe.destroy()

	return pass_context(run)


def on_no_site(command: Callable) -> Callable:
	"""Run the command without any site, as there may be none; exit with 1 and a sentence when it fails. Whatever --site says is not looked at."""

	@wraps(command)
	def run(*args, **kwargs):
		with _failing_in_a_sentence():
			frappe.init(site="")
			command(*args, **kwargs)

	return run


@contextmanager
def _failing_in_a_sentence() -> Iterator[None]:
	"""Leave the site when the block ends; exit with 1 and a sentence where it fails, unless that is a defect of ours."""
	try:
		yield
	except Exception as error:
		if not is_told(error):
			raise
		fail(told(error))
	finally:
		frappe.destroy()


def on_each(benches: list[str], look: Callable[[str], list]) -> tuple[list, list[str]]:
	"""What `look` finds on each of the benches; and a sentence for each bench that could not be looked at. The others are, all the same."""
	found, missed = [], []
	for bench in benches:
		try:
			found += look(bench)
		except Exception as error:
			if not is_told(error):
				raise
			frappe.db.rollback()  # raises when the admin site's own connection is gone: then there is nothing to be asked
			missed.append(f"The bench {bench} was not looked at: {told(error)}")
	return found, missed


def is_told(error: BaseException) -> bool:
	"""Whether the error is told in a sentence, and is no defect of ours."""
	return isinstance(error, TOLD) or is_from_mariadb(error)


def told(error: BaseException) -> str:
	"""What to tell people of an error: its sentence, and its hint where it has one."""
	return " ".join(filter(None, (sentence(error), getattr(error, "hint", ""))))


def sentence(error: BaseException) -> str:
	"""The error's message as plain text on one line."""
	if is_from_mariadb(error) and len(error.args) > 1:
		return f"MariaDB says: {error.args[1]}."
	return plain(str(error)) or type(error).__name__


def plain(text: str) -> str:
	"""A message made for Desk, which is HTML, as text on one line."""
	return " ".join(unescape(strip_html(text)).split())


def is_from_mariadb(error: BaseException) -> bool:
	"""Whether the error was raised by MariaDB or its client."""
	return type(error).__module__.split(".")[0] in MARIADB_CLIENTS


def print_json(found: object) -> None:
	"""Print what a command with --json found to standard output, and nothing else."""
	click.echo(json.dumps(found, default=str), file=sys.__stdout__)


def show_notes() -> None:
	"""Print to standard error what Desk would show as messages, such as that a company is there twice."""
	for message in frappe.get_message_log():
		text = message.get("message") if isinstance(message, dict) else message
		click.secho(f"Note: {plain(str(text))}", fg="yellow", err=True)
	frappe.clear_messages()


def fail(*messages: str) -> None:
	"""Print the messages to standard error, a line each, and exit with 1."""
	for message in messages:
		click.secho(message, fg="red", err=True)
	sys.exit(1)
