"""The control plane's own account on MariaDB: made once with root's help, kept in the admin site's site_config.json."""

import secrets
from pathlib import Path

import frappe

from buildpro_saas.agent import site_config
from buildpro_saas.agent.databases import Account, server

USER = "buildpro_admin"
# Keys of site_config.json with which Frappe finds a database server, and speaks with it as that wants.
WHERE = ("db_host", "db_port", "db_socket", "db_ssl_ca", "db_ssl_cert", "db_ssl_key")


def has_account() -> bool:
	"""True when the admin site knows its database account."""
	return bool(frappe.conf.get("buildpro_db_user") and frappe.conf.get("buildpro_db_password"))


def account() -> Account:
	"""The control plane's account. Raises frappe.ValidationError when it has not been made yet."""
	if not has_account():
		frappe.throw(
			f"The control plane has no database account yet. Run `bench --site {frappe.local.site} saas setup`.",
			title="No database account",
		)
	return _account(frappe.conf.buildpro_db_user, frappe.conf.buildpro_db_password)


def make_account(root_user: str, root_password: str) -> dict:
	"""Make the control plane's account with root's help, store it, and return {"user"}. Repeatable; root's password is
	used for this one connection and kept nowhere."""
	user = frappe.conf.get("buildpro_db_user") or f"{USER}_{secrets.token_hex(4)}"
	password = frappe.conf.get("buildpro_db_password") or secrets.token_urlsafe(32)
	with server(_account(root_user, root_password)) as mariadb:
		mariadb.grant_control_plane(user, password)
	store(user, password)
	return {"user": user}


def store(user: str, password: str) -> None:
	"""Check that the account can sign in and see databases, and write it to the admin site's site_config.json (0600).

	Raises frappe.ValidationError when MariaDB does not let it in.
	"""
	try:
		with server(_account(user, password)) as mariadb:
			mariadb.has_user(user)
	except Exception as error:
		frappe.throw(
			f"MariaDB does not accept the account {user}: {error}. Check user and password, or run"
			f" `bench --site {frappe.local.site} saas setup`.",
			title="Database account refused",
		)
	site_config.update_own({"buildpro_db_user": user, "buildpro_db_password": password})


def where_of_own() -> dict:
	"""What the admin site's own site_config.json says of where its database server is: its tenants' sites, which are made there, need it
	as well. Empty where the bench's common_site_config.json says it for all."""
	own = site_config.read(Path(frappe.get_site_path()))
	return {key: own[key] for key in WHERE if key in own}


def _account(user: str, password: str) -> Account:
	return Account(frappe.conf.db_host or "127.0.0.1", int(frappe.conf.db_port or 3306), user, password)
