"""Adds a document to a tenant's site in a process of its own, on command: python grow_on_site.py SITE KIND.

Reads a line before each act: `look` (reads, as a request has done before it comes to adding), `add` (inserts a document of the
kind, or of another: `add mail`; says "added", "refused: …" or "deadlock"), `commit`, `rollback`. Answers each with a line.
"""

import sys
import time

import frappe

from buildpro_saas.feature_gating import LimitReachedError, get_limit_access

site, kind = sys.argv[1:]
frappe.init(site=site)
frappe.connect()
frappe.flags.mute_emails = True


def add_user() -> None:
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": f"{frappe.generate_hash(length=12)}@race.example",
			"first_name": frappe.generate_hash(length=12),
			"send_welcome_email": 0,
			"roles": [{"role": "System Manager"}],
		}
	)
	user.flags.no_welcome_mail = True
	user.insert()


def add_file() -> None:
	name = f"{frappe.generate_hash(length=12)}.txt"
	frappe.get_doc(
		{"doctype": "File", "file_name": name, "content": name * 100_000, "is_private": 1}
	).insert()


def add_mail() -> None:
	frappe.get_doc(
		{
			"doctype": "Email Queue",
			"sender": "sender@race.example",
			"message": "x",
			"status": "Not Sent",
			"recipients": [{"recipient": f"{frappe.generate_hash(length=12)}@race.example"}],
		}
	).insert()


ADD = {
	"user": (add_user, "max_users"),
	"file": (add_file, "max_storage_gb"),
	"mail": (add_mail, "emails_per_day"),
}


def act(line: str) -> str:
	command, _space, other = line.partition(" ")
	add, limit = ADD[other or kind]
	if command == "look":
		return str(get_limit_access(limit).used)
	if command == "add":
		begin = time.perf_counter()
		try:
			add()
		except LimitReachedError as error:
			return f"refused: {error}"
		except frappe.QueryDeadlockError:
			frappe.db.rollback()  # as MariaDB has done already
			return "deadlock"
		return f"added in {time.perf_counter() - begin:.4f}"
	getattr(frappe.db, command)()
	return command


for line in sys.stdin:
	print(act(line.strip()), flush=True)
