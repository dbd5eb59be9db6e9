"""Locks that see the newest row, on every MariaDB. Frappe's code relies on that, and this app's too.

A transaction reads something, and then locks a row that was changed since. It gets the newest row. So a limit is checked, a job taken, a
name series counted up. MariaDB has a setting that rolls such a transaction back instead, with error 1020 ("Record has changed since last
read"): `innodb_snapshot_isolation`. It is off in 10.6.18 to 11.4, and on from 11.6.2 on
(https://mariadb.com/kb/en/innodb-system-variables). Where it is on, it is switched off for the connections of this app's sites only.
"""

from functools import wraps

import frappe
from frappe.database.database import Database

# (host, port, socket) of a server → whether it has it on; asked once in each process
_is_on: dict[tuple, bool] = {}
ASK = "show global variables like 'innodb_snapshot_isolation'"
SWITCH_OFF = "set session innodb_snapshot_isolation = off"


def keep_off() -> None:
	"""Have this process switch the setting off on each connection. Frappe has no hook there, so its method is wrapped."""
	original = Database.connect
	if getattr(original, "keeps_snapshot_isolation_off", False):
		return

	@wraps(original)
	def connect(self, *args, **kwargs):
		answer = original(self, *args, **kwargs)
		switch_off(self)
		return answer

	connect.keeps_snapshot_isolation_off = True
	Database.connect = connect
	# a process's first request has connected before it reads this app's hooks
	database = getattr(frappe.local, "db", None)
	if database and getattr(database, "_conn", None):
		switch_off(database)


def switch_off(database: Database) -> None:
	"""Switch the setting off on an open connection to a MariaDB that has it on."""
	if database.db_type != "mariadb":
		return
	cursor = database._cursor
	server = tuple(getattr(database, name, None) for name in ("host", "port", "socket"))
	if server not in _is_on:
		cursor.execute(ASK)
		found = cursor.fetchone()
		_is_on[server] = bool(found) and found[1] == "ON"
	if _is_on[server]:
		cursor.execute(SWITCH_OFF)
