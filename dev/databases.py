"""The bench's own MariaDB: its data folder, and a database as SQL."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dev.home import Home
from dev.shell import clean_environment, run


def make_data_folder(home: Home) -> None:
	"""Make an empty data folder whose only account is root, from this machine, with the password of secrets.json.

	The password is set in bootstrap mode, before the server takes its first connection.
	"""
	shutil.rmtree(home.mariadb, ignore_errors=True)
	home.mariadb.mkdir(parents=True)
	home.mariadb_temporary.mkdir(exist_ok=True)
	environment = clean_environment(TMPDIR=os.fspath(home.mariadb_temporary))
	user = ["--user=root"] if os.geteuid() == 0 else []
	log = home.logs / "build.log"
	run(
		[
			"mariadb-install-db",
			"--no-defaults",
			f"--datadir={home.mariadb}",
			"--auth-root-authentication-method=normal",
			"--skip-test-db",
			"--skip-name-resolve",
			*user,
		],
		env=environment,
		log=log,
	)
	password = home.secret("db_root_password")  # token_urlsafe: nothing in it needs quoting
	statements = [
		# Bootstrap starts without the grant tables; FLUSH loads them.
		"FLUSH PRIVILEGES",
		"DELETE FROM mysql.global_priv WHERE User = ''",
		"DELETE FROM mysql.global_priv WHERE User = 'root' AND Host NOT IN ('localhost', '127.0.0.1')",
		"FLUSH PRIVILEGES",
		*(f"CREATE USER IF NOT EXISTS root@'{host}'" for host in ("localhost", "127.0.0.1")),
		*(f"ALTER USER root@'{host}' IDENTIFIED BY '{password}'" for host in ("localhost", "127.0.0.1")),
		*(f"GRANT ALL ON *.* TO root@'{host}' WITH GRANT OPTION" for host in ("localhost", "127.0.0.1")),
	]
	run(
		["mariadbd", "--no-defaults", "--bootstrap", f"--datadir={home.mariadb}", *user],
		env=environment,
		log=log,
		text="".join(f"{statement};\n" for statement in statements),
	)


def dump(home: Home, database: str, path: Path) -> None:
	"""Write all of a database on this home's own MariaDB to a file of SQL; the server runs."""
	run(
		[
			"mysqldump",
			"--no-defaults",
			"--host=127.0.0.1",
			f"--port={home.ports()['mariadb']}",
			"--user=root",
			"--single-transaction",
			f"--result-file={path}",
			database,
		],
		env=clean_environment(MYSQL_PWD=home.secret("db_root_password")),
		log=home.logs / "build.log",
	)
