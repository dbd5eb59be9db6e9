"""What every command does first and last: connect to its site, and say in a sentence what went wrong."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from functools import wraps
from html import unescape

import click
import frappe
from frappe.commands import get_site, pass_context
from frappe.utils import strip_html
from redis.exceptions import RedisError

from buildpro_saas import site_role
from buildpro_saas.jobs import AgentError

# What is told in a sentence; anything else is a defect of ours, and its traceback is wanted.
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
		# the framework prints what it notices (that Redis is away, say) to standard output, where a program reads JSON
		is_for_program = any(kwargs.get(option) for option in JSON_OPTIONS)
		try:
			with redirect_stdout(sys.stderr) if is_for_program else nullcontext():
				frappe.init(site=site)
				frappe.connect()
				command(*args, **kwargs)
				show_notes()
		except Exception as error:
			if not (isinstance(error, TOLD) or is_from_mariadb(error)):
				raise
			fail(" ".join(filter(None, (sentence(error), getattr(error, "hint", "")))))
		finally:
			frappe.destroy()

	return pass_context(run)


def sentence(error: BaseException) -> str:
	"""The error's message as plain text on one line."""
	if is_from_mariadb(error) and len(error.args) > 1:
		return f"MariaDB says: {error.args[1]}."
	return plain(str(error)) or type(error).__name__


def plain(text: str) -> str:
	"""A message of Desk's, which is HTML, as text on one line."""
	return " ".join(unescape(strip_html(text)).split())


def is_from_mariadb(error: BaseException) -> bool:
	"""Whether the error was raised by MariaDB or its client."""
	return type(error).__module__.split(".")[0] in MARIADB_CLIENTS


def print_json(found: object) -> None:
	"""Print what a command with --json found, and nothing else, to standard output."""
	click.echo(json.dumps(found, default=str), file=sys.__stdout__)


def show_notes() -> None:
	"""Print to standard error what Desk would show as messages, such as that a company is there twice."""
	for message in frappe.get_message_log():
		text = message.get("message") if isinstance(message, dict) else message
		click.secho(f"Note: {plain(str(text))}", fg="yellow", err=True)
	frappe.clear_messages()


def fail(message: str) -> None:
	"""Print the message to standard error and exit with 1."""
	click.secho(message, fg="red", err=True)
	sys.exit(1)
