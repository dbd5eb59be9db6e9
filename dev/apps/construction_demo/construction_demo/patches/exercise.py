"""A patch for tests of migrates. What it does on a site is that site's default `exercise_patch`; without one it does nothing."""

import os
import signal
from pathlib import Path

import frappe

HOLD = "buildpro-test-hold"
# A name with a lower-case word: Frappe's own list of touched tables misses it.
TABLE = "tabMode of Trial"


def execute() -> None:
	wanted = frappe.db.get_default("exercise_patch")
	if not wanted:
		return
	frappe.db.sql(f"update `{TABLE}` set title = 'patched'")
	frappe.db.sql_ddl("create table if not exists `tabMade by a patch` (name varchar(140) primary key)")
	frappe.db.sql_ddl("rename table `tabTo be renamed` to `tabWas renamed`")
	frappe.db.sql_ddl("truncate `tabTo be emptied`")
	frappe.db.sql_ddl("drop table `tabTo be dropped`")
	if frappe.db.sql("show tables like 'tabCounted for Trial'"):
		frappe.db.sql("insert into `tabCounted for Trial` (title) values ('x')")
		frappe.db.sql("delete from `tabCounted for Trial` where title = 'x'")
		frappe.db.sql("select nextval(`trial_seq`)")
		frappe.db.sql_ddl("create view `a view` as select * from `tabCounted for Trial`")
	note = {"doctype": "Note", "title": "asked for", "content": "by a patch"}
	frappe.enqueue("frappe.client.insert", doc=note)
	if wanted.startswith("killed"):
		_die_once(Path(wanted.split()[1]))
	if wanted == "waits":
		frappe.db.sql("select get_lock(%s, 600)", HOLD)
		frappe.db.sql("select release_lock(%s)", HOLD)
	if wanted == "fails":
		raise ValueError("the third invoice has no date")


def _die_once(mark: Path) -> None:
	"""End this process as the kernel does for want of memory; not again, once the mark is there."""
	if not mark.exists():
		mark.touch()
		os.kill(os.getpid(), signal.SIGKILL)
