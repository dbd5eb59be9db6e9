"""Copies an image's database alternately in a plain way and in ours. Runs in the bench's env, in sites/.

Usage: copy_database.py ADMIN-SITE IMAGE ROUNDS. Prints JSON {"plain": [seconds], "ours": [seconds], "tables", "size": MB}.
The copies are dropped at the end: a disk that has just lost a thousand files makes new ones slower.
"""

import json
import sys
import time

import frappe

from buildpro_saas.agent import account
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_copy import DatabaseCopy
from buildpro_saas.agent.databases import server
from buildpro_saas.fleet import images


def plain(mariadb, source: str, target: str, contents) -> None:
	"""One connection, one table after the other."""
	mariadb.db.sql("set session foreign_key_checks = 0, unique_checks = 0")
	for table in contents.tables:
		mariadb.db.sql_ddl(f"create table `{target}`.`{table}` like `{source}`.`{table}`")
		if table in contents.filled:
			mariadb.db.sql(f"insert into `{target}`.`{table}` select * from `{source}`.`{table}`")
	mariadb.db.commit()


def ours(mariadb, source: str, target: str, contents) -> None:
	"""As a tenant's site is made."""
	DatabaseCopy(mariadb, source, target, contents).run()


site, name, rounds = sys.argv[1:]
frappe.init(site=site)
frappe.connect()
image = frappe.get_doc("Site Image", name)
contents, mark = images.contents(image), f"{site}/benchmark"
seconds = {"plain": [], "ours": []}
made = []
with server(account.read(Bench.here())) as mariadb:
	try:
		for number in range(int(rounds)):
			for side, copy in (("plain", plain), ("ours", ours)):
				target = f"_benchmark_{side}_{number}"
				made.append(target)
				mariadb.create_database(target, mark)
				began = time.monotonic()
				copy(mariadb, image.database, target, contents)
				seconds[side].append(time.monotonic() - began)
	finally:
		for target in made:
			mariadb.drop(target, mark)
frappe.destroy()
print(json.dumps({**seconds, "tables": len(contents.tables), "size": round(contents.size / 10**6)}))
