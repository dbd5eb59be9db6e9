"""A bench's own account on its MariaDB: made with root's help, kept in a file on that bench."""

import frappe

from buildpro_saas.agent import door
from buildpro_saas.agent.door import Door
from buildpro_saas.agent.facts import SERVER_KEYS
from buildpro_saas.fleet import point_in_time
from buildpro_saas.jobs.bench_door import door_of

# Keys of the admin site's site_config.json that had this bench's account in earlier versions.
USER, PASSWORD, USER_HOST = "buildpro_db_user", "buildpro_db_password", "buildpro_db_user_host"


def has_account() -> bool:
	"""True when this bench has its database account."""
	return door.here().has_account()


def user() -> str | None:
	"""The name of this bench's database account, None without one."""
	return door.here().do("database_server")["user"]


def make_account(root_user: str, root_password: str, bench: str | None = None) -> dict:
	"""Make the account of a Bench (without a name: of this bench) with root's help, keep it there, and return {"user"}. Repeatable.

	Root's password is used for this one connection and kept nowhere.
	"""
	there = door_of(bench) if bench else door.here()
	made = there.do(
		"make_account",
		root_user=root_user,
		root_password=root_password,
		replays=point_in_time.is_promised(),
		**_of_own_site(there),
	)
	return {"user": made}


def store(user: str, password: str) -> None:
	"""Check that the account can sign in and see databases, and keep it on this bench.

	Raises frappe.ValidationError when MariaDB does not let it in.
	"""
	bench = door.here()
	try:
		bench.do("keep_account", user=user, password=password, **_of_own_site(bench))
	except Exception as error:
		frappe.throw(
			f"MariaDB does not accept the account {user}: {error}. Check user and password, or run"
			f" `bench --site {frappe.local.site} saas setup`.",
			title="Database account refused",
		)


def bring_up_to_date() -> None:
	"""Give this bench the account that its admin site kept in earlier versions, unless the bench has one.

	Then tell the bench where its database server is by now.
	"""
	bench, config = door.here(), door.own_site().config
	if config.get(USER) and config.get(PASSWORD):
		bench.do("adopt_account", user=config[USER], password=config[PASSWORD], **_of_own_site(bench))
		door.update_own_config(dict.fromkeys((USER, PASSWORD)))
	if bench.has_account():
		bench.do("place_account", **_of_own_site(bench))


def forget() -> None:
	"""Take the account off this bench, for uninstalling; it stays on MariaDB."""
	door.here().do("forget_account")


def _of_own_site(bench: Door) -> dict:
	"""Where the admin site's own site_config.json says that this bench's database server is.

	Tenants' sites are made there, and need it as well. Empty where common_site_config.json says it for all sites, and for other benches.
	"""
	if bench is not door.here():
		return {"where": {}}
	own = door.own_site().config
	return {
		"where": {key: own[key] for key in SERVER_KEYS if key in own},
		"user_host": own.get(USER_HOST) or "",
	}
