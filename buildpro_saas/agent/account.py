"""The bench's own account on its database server: kept in a file on that bench that only its owner can read."""

import json
from pathlib import Path

import frappe

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import Account
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import SERVER_KEYS

# Below the bench's folder, beside what `bench` keeps of Redis: no web server, backup or site's code looks there.
FILE = "config/buildpro_database.json"
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
			"Run `bench --site <admin site> saas setup`.",
		) from None
	except (ValueError, KeyError, TypeError, AttributeError):
		raise AgentError(
			f"{_path(bench)} is not what `saas setup` wrote.",
			"Remove it, then run `bench --site <admin site> saas setup`, which makes it anew.",
		) from None


def account(
	user: str,
	password: str,
	where: dict | None = None,
	user_host: str | None = None,
	kind: str | None = None,
) -> Account:
	"""An account on the bench's server, by these values and, where they say nothing, by the bench's configuration.

	where: SERVER_KEYS that differ from common_site_config.json, which tenants' sites then need, too.
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
	"""Keep the account, mode 0600, at once. values: as `account` takes them; what is empty is the bench's configuration's to say."""
	_path(bench).parent.mkdir(exist_ok=True)
	site_config.write_json(_path(bench), {key: value for key, value in values.items() if value})


def forget(bench: Bench) -> None:
	"""Remove the file; the account stays on the server."""
	_path(bench).unlink(missing_ok=True)


def _path(bench: Bench) -> Path:
	return bench.path / FILE
