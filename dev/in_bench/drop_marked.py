"""Drops what an admin site's jobs made: tenants' sites, images and standby sites, with databases and users. Runs in sites/.

In the bench's env. Standard input: JSON {"host", "port", "password" (root's), "admin_sites": [name, …]}. It finds things by the mark in
site_config.json, "ADMIN-SITE/hash". It is for throwing a whole admin site away; the product itself removes one thing at a time.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import pymysql

PLACES = ("*/site_config.json", ".buildpro/*/*/site_config.json")

facts = json.load(sys.stdin)
marked = [
	(file.parent, config)
	for pattern in PLACES
	for file in sorted(Path.cwd().glob(pattern))
	for config in [json.loads(file.read_text())]
	if (config.get("buildpro_job") or "").split("/")[0] in facts["admin_sites"]
]
connection = pymysql.connect(
	host=facts["host"], port=facts["port"], user="root", password=facts["password"], autocommit=True
)
with connection, connection.cursor() as cursor:
	for folder, config in marked:
		name = config["db_name"]
		if not re.fullmatch(r"[a-z0-9_]{1,64}", name):
			raise SystemExit(f"{folder} names a database {name!r}, which is none of ours.")
		cursor.execute("select Host from mysql.user where User = %s", (name,))
		for (host,) in cursor.fetchall():
			cursor.execute("drop user if exists %s@%s", (name, host))
		cursor.execute(f"drop database if exists `{name}`")
		shutil.rmtree(folder)  # last: it says what there is
print(len(marked))
