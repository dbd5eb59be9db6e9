"""The bench's own account on its database server, kept in a file of the bench (mode 0600)."""

import json
from pathlib import Path

import frappe

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_connection import Account
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import SERVER_KEYS

# Below the bench's folder, beside what `bench` keeps of Redis: no web server, backup or site's code looks there.
FILE = "config/buildpro_database.json"
MADE_BY = (
	"`bench --site <admin site> saas setup`, or on another bench than the admin site's `saas add-bench PATH`"
)
DEFAULT_HOST, DEFAULT_PORT, DEFAULT_KIND = "127.0.0.1", 3306, "mariadb"


def exists(bench: Bench) -> bool:
	"""True when the bench has its account."""
	return _path(bench).exists()


def read(bench: Bench) -> Account:
	"""The bench's account. Raises AgentError when it has not been made yet, or its file is damaged."""
	try:
		kept = json.loads(_path(bench).read_text())
		return account(
			kept["user"], kept["password"], kept.get("where"), kept.get("user_host"), kept.get("kind")
		)
	except FileNotFoundError:
		raise AgentError(
			f"The bench {bench.name} has no database account yet.",
			f"Make it with {MADE_BY}.",
		) from None
	except (ValueError, KeyError, TypeError, AttributeError):
		raise AgentError(
			f"{_path(bench)} is not what `saas setup` wrote.",
			f"Remove it, then make it anew with {MADE_BY}.",
		) from None


def account(
	user: str,
	password: str,
	where: dict | None = None,
	user_host: str | None = None,
	kind: str | None = None,
) -> Account:
	"""An account on the bench's server. What the arguments leave empty comes from the bench's configuration.

	where: those of SERVER_KEYS that differ from common_site_config.json. Tenants' sites then need them, too.
	"""
	where = where or {}
	found = {key: where.get(key, frappe.conf.get(key)) for key in SERVER_KEYS}
	return Account(
		host=found["db_host"] or DEFAULT_HOST,
		port=int(found["db_port"] or DEFAULT_PORT),
		user=user,
		password=password,
		user_host=user_host or frappe.conf.get("buildpro_db_user_host") or "",
		kind=kind or frappe.conf.get("db_type") or DEFAULT_KIND,
		where=where,
	)


def write(bench: Bench, **values: object) -> None:
	"""Keep the account in its file, mode 0600, in one step. values: as `account` takes them; empty ones are not kept."""
	_path(bench).parent.mkdir(exist_ok=True)
	site_config.write_json(_path(bench), {key: value for key, value in values.items() if value})


def forget(bench: Bench) -> None:
	"""Remove the file; the account stays on the server."""
	_path(bench).unlink(missing_ok=True)


def _path(bench: Bench) -> Path:
	return bench.path / FILE
