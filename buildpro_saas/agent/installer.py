"""What `bench new-site` and `bench install-app` do inside a site, through Frappe's own installer. Run by Site.run."""

import inspect
import os
import secrets
import shutil
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import frappe
import frappe.installer
from frappe.database.mariadb import setup_db
from frappe.utils import convert_utc_to_timezone
from frappe.utils.password import update_password

from buildpro_saas.agent import pending_migration
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.run_on_site import connects_itself
from buildpro_saas.agent.site_runner import die_with

# Added to what apps call their logs (hook default_log_clearing_doctypes): records of what happened, not of what is.
LOGS = {
	*(
		"Access Log",
		"Activity Log",
		"Console Log",
		"Deleted Document",
		"Email Queue",
		"Email Queue Recipient",
	),
	*("Error Log", "Error Snapshot", "Notification Log", "Route History", "Scheduled Job Log", "View Log"),
	*("OAuth Bearer Token", "OAuth Authorization Code", "Token Cache"),
}
DEFAULT_TIME_ZONE = "Asia/Kolkata"  # Frappe's own, where a site has none


@connects_itself
def install_framework() -> dict:
	"""Fill the site's empty database with the framework, as `bench new-site` does after making the database.

	Expects folder, site_config.json, database and database user to be there. The Administrator gets a random password that
	nobody knows. Raises AgentError when Frappe's own SQL did not load.
	"""
	frappe.installer.make_site_dirs()
	_load_framework_sql()
	frappe.connect()
	forget()
	if "tabDefaultValue" not in frappe.db.get_tables(cached=False):
		raise AgentError(
			"The framework's tables did not load into the new database.", "See the step's output."
		)
	frappe.flags.in_install_db = True
	frappe.conf.admin_password = secrets.token_urlsafe(32)
	frappe.installer.remove_missing_apps()
	frappe.db.create_auth_table()
	frappe.db.create_global_search_table()
	frappe.db.create_user_settings_table()
	frappe.flags.in_install_db = False
	frappe.installer.install_app("frappe", verbose=False, set_as_patched=True, force=False)
	frappe.db.commit()
	return {"version": frappe.__version__}


def install_app(app: str) -> dict:
	"""Install one app of the bench on the site, as `bench install-app` does."""
	frappe.installer.install_app(app, verbose=False, set_as_patched=True, force=False)
	pending_migration.note()  # all that the site has is of now
	frappe.db.commit()
	return {"app": app}


def installed_apps() -> list[str]:
	"""Names of the site's apps in the order of their installation."""
	return frappe.get_installed_apps()


def make_own() -> dict:
	"""Give a copied site what no two sites share: a new password of Administrator (random, shown to nobody), and its own age.

	Frappe counts a site's age from its Administrator's creation. Returns {"born": date and time in the site's zone}.
	"""
	update_password("Administrator", secrets.token_urlsafe(32))
	born = _now()
	for user in frappe.STANDARD_USERS:
		frappe.db.set_value("User", user, {"creation": born, "modified": born}, update_modified=False)
	return {"born": born}


def warm_caches(doctypes: list[str]) -> dict:
	"""Fill Redis with the hooks and the definitions of doctypes that a waiting copy is asked for first.

	Redis knows a site by its database's name, which stays the same. Returns {"doctypes": count}.
	"""
	frappe.get_hooks()
	there = [doctype for doctype in doctypes if frappe.db.exists("DocType", doctype)]
	for doctype in there:
		frappe.get_meta(doctype)
	return {"doctypes": len(there)}


def _now() -> str:
	"""As frappe.utils.now(). That one reads all that System Settings are made of (0.1 s on a site without caches)."""
	singles = frappe.qb.DocType("Singles")
	of_zone = (singles.doctype == "System Settings") & (singles.field == "time_zone")
	zones = frappe.qb.from_(singles).select(singles.value).where(of_zone).run(pluck=True)
	now = datetime.now(timezone.utc).replace(tzinfo=None)
	return str(convert_utc_to_timezone(now, (zones and zones[0]) or DEFAULT_TIME_ZONE).replace(tzinfo=None))


def clean_image() -> dict:
	"""Empty what an image must not hand on: sessions, logs, queued mail, passwords and keys. Returns {"emptied": tables}.

	The search index is emptied, too: each copy makes its own. It is a MyISAM table, which a crash of MariaDB damages unless it is empty.
	"""
	logs = LOGS | set(frappe.get_hooks("default_log_clearing_doctypes") or ())
	tables = {f"tab{doctype}" for doctype in logs} | {"tabSessions", "__Auth", "__global_search"}
	there = set(frappe.db.get_tables(cached=False))
	for table in sorted(tables & there):
		frappe.db.sql_ddl(f"truncate `{table}`")
	frappe.db.commit()
	forget()
	return {"emptied": sorted(tables & there)}


def forget() -> None:
	"""Remove all that Redis has under the name of this site's database: caches, and what waits to be written.

	Another site may have had the name, or this one before an interruption.
	"""
	frappe.cache.delete_keys("")
	frappe.local.cache.clear()


def _load_framework_sql() -> None:
	"""Load framework_mariadb.sql. Frappe's own function would put the password on a command line."""
	client = shutil.which("mariadb") or shutil.which("mysql")
	if not client:
		raise AgentError(
			"Neither `mariadb` nor `mysql` is on this machine.", "Install MariaDB's client package."
		)
	source = Path(inspect.getfile(setup_db)).with_name("framework_mariadb.sql")
	conf = frappe.conf
	options = {
		"user": conf.get("db_user") or conf.db_name,
		"password": conf.db_password,
		"host": conf.db_host,
		"port": conf.db_port,
		"socket": conf.get("db_socket"),
	}
	lines = ["[client]", *(f'{key} = "{value}"' for key, value in options.items() if value)]
	parent = os.getpid()
	# in the site's own folder, mode 0600: it goes with the site if this process is killed
	folder = frappe.get_site_path()
	with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".client-") as defaults, source.open() as sql:
		defaults.write("\n".join(lines))
		defaults.flush()
		done = subprocess.run(
			[client, f"--defaults-file={os.path.realpath(defaults.name)}", conf.db_name],
			stdin=sql,
			preexec_fn=lambda: die_with(parent),
			check=False,
		)
	if done.returncode:
		raise AgentError(
			"MariaDB's client could not load the framework's tables.",
			"See the step's output for its message.",
		)
