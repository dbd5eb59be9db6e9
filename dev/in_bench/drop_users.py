"""Drops MariaDB users by name, on whatever host they are known. Runs in the bench's env.

Standard input: JSON {"host", "port", "password" (root's), "users": [name, …]}.
"""

import json
import sys

import pymysql

facts = json.load(sys.stdin)
connection = pymysql.connect(
	host=facts["host"], port=facts["port"], user="root", password=facts["password"], autocommit=True
)
with connection, connection.cursor() as cursor:
	for user in facts["users"]:
		cursor.execute("select Host from mysql.user where User = %s", (user,))
		for (host,) in cursor.fetchall():
			cursor.execute("drop user if exists %s@%s", (user, host))
