"""What the tests of migrates prepare on a tenant's site, and read there."""

import frappe

PATCH = "construction_demo.patches.exercise"
TABLES = ("tabMode of Trial", "tabTo be renamed", "tabTo be emptied", "tabTo be dropped")
COUNTED, SEQUENCE = "tabCounted for Trial", "trial_seq"
LATER = ("tabMade by a patch", "tabWas renamed")


def prepare(wanted: str, counts: bool = False) -> None:
	"""Tables that the patch works on, each with a row; the patch has not been run, and does what is wanted.

	counts: with a table that counts, and is behind its counter, and a sequence; the patch goes on with both.
	"""
	clear()
	if counts:
		frappe.db.sql_ddl(
			f"create table `{COUNTED}` (name int auto_increment primary key, title varchar(140))"
		)
		frappe.db.sql(f"insert into `{COUNTED}` (title) values ('a'), ('b'), ('c')")
		frappe.db.sql(f"delete from `{COUNTED}` where title = 'c'")
		frappe.db.sql_ddl(f"create sequence `{SEQUENCE}` nocache")
		frappe.db.sql(f"select nextval(`{SEQUENCE}`)")
	for table in TABLES:
		frappe.db.sql_ddl(f"create table `{table}` (name varchar(140) primary key, title varchar(140))")
		frappe.db.sql(f"insert into `{table}` values ('one', 'before')")
	frappe.db.set_default("exercise_patch", wanted)
	forget_patch()


def clear() -> None:
	frappe.db.sql_ddl(f"drop table if exists `{COUNTED}`")
	frappe.db.sql_ddl(f"drop sequence if exists `{SEQUENCE}`")
	for table in (*TABLES, *LATER):
		frappe.db.sql_ddl(f"drop table if exists `{table}`")
	frappe.db.delete("DefaultValue", {"defkey": "exercise_patch"})
	frappe.clear_cache()
	if not frappe.db.exists("Patch Log", {"patch": PATCH}):
		frappe.get_doc({"doctype": "Patch Log", "patch": PATCH}).insert()
	frappe.db.delete("Note")


def forget_patch() -> None:
	frappe.db.delete("Patch Log", {"patch": PATCH})


def sql(statement: str) -> None:
	frappe.db.sql(statement)


def tables() -> dict[str, str | None]:
	"""{table: the title of its row, None for no row} of those that are there."""
	there = [table for table in (*TABLES, *LATER) if frappe.db.sql("show tables like %s", table)]
	found = {}
	for table in there:
		columns = frappe.db.sql_list(f"show columns from `{table}`")
		rows = frappe.db.sql_list(f"select title from `{table}`") if "title" in columns else []
		found[table] = rows[0] if rows else None
	return found


def notes() -> list[str]:
	return frappe.get_all("Note", pluck="content", order_by="title")


def write_note(title: str) -> None:
	frappe.get_doc({"doctype": "Note", "title": title, "content": title}).insert()
