"""Whether a MariaDB server's settings suit the number of tables that a bench of Frappe sites has.

A Frappe site has a table for each DocType, and InnoDB a file for each table: some 240 with the framework alone, 850 with ERPNext
and HRMS. MariaDB's defaults (400 cached definitions, 2000 open tables) are for a few hundred tables in all. With more, each new
table pushes another one out of the cache, and that one must be opened again.
"""

from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.facts import Setting

# How many sites' tables are to be open at once; beyond them MariaDB may close those of the idlest. A cached table takes about
# 10 KB (https://mariadb.com/kb/en/server-system-variables/#table_definition_cache), so twenty such sites 170 MB.
BUSY_SITES = 20
CONNECTIONS_RESERVE = 500  # file descriptors for what is not a table


def settings(server: DatabaseServer, sites: int, tables: int) -> list[Setting]:
	"""The server's variables that matter for `sites` sites with `tables` tables each, with what the server has."""
	rows = server.db.sql("show global variables where variable_name in %s", (tuple(wanted_for(0, 0)),))
	has = {name: int(value) for name, value in rows}
	wanted = wanted_for(sites, tables, may_open=has.get("innodb_open_files", 0))
	return [Setting(name, has[name], least) for name, least in wanted.items() if name in has]


def wanted_for(sites: int, tables: int, may_open: int = 0) -> dict[str, int]:
	"""{server variable: the least that it should be} (https://mariadb.com/kb/en/optimizing-table_open_cache/).

	may_open: the server's innodb_open_files. InnoDB keeps that many files open before it closes one. So a server that may open no more
	files in all (open_files_limit) ends in "Too many open files".
	"""
	# one more: the image, whose tables are read at each copy
	in_use = tables * (min(sites, BUSY_SITES) + 1)
	return {
		"table_definition_cache": in_use,
		"table_open_cache": in_use,
		"innodb_open_files": in_use,
		"open_files_limit": max(in_use, may_open) + CONNECTIONS_RESERVE,
	}
