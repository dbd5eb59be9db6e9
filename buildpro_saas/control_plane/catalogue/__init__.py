"""The features and plans that the app ships: a start, which staff edit as they like.

They are not Frappe's fixtures. `bench migrate` writes fixtures over a site's own records each time, and brings back what was deleted. Here
a record is inserted once in a site's life. SaaS Settings remembers which were inserted. So a later release can add records, and never
undoes an edit or a deletion by staff.
"""

import json
from pathlib import Path

import frappe

FOLDER = Path(__file__).parent
# In the order in which they need each other.
FILES = (("Feature", "key", "features.json"), ("Plan", "plan_name", "plans.json"))


def bring() -> list[str]:
	"""Insert the shipped records that this site has never been given; return them as "Doctype/name"."""
	shipped = set(json.loads(frappe.db.get_single_value("SaaS Settings", "shipped") or "[]"))
	brought = []
	for doctype, key, file in FILES:
		for record in json.loads((FOLDER / file).read_text()):
			mark = f"{doctype}/{record[key]}"
			if mark in shipped:
				continue
			if not frappe.db.exists(doctype, record[key]):
				_insert(doctype, record)
			brought.append(mark)
	if brought:
		frappe.db.set_single_value("SaaS Settings", "shipped", json.dumps(sorted(shipped.union(brought))))
	return brought


def forget_if_gone() -> None:
	"""At an installation, start again where the tables are empty. Frappe keeps a single's values when an app is uninstalled."""
	if not any(frappe.db.count(doctype) for doctype, _, _ in FILES):
		frappe.db.set_single_value("SaaS Settings", "shipped", None)


def _insert(doctype: str, record: dict) -> None:
	record = dict(record)
	if doctype == "Plan":
		# what staff deleted from the catalogue is not in a later release's plans either
		record["features"] = [
			row for row in record["features"] if frappe.db.exists("Feature", row["feature"])
		]
		if record["includes"] and not frappe.db.exists("Plan", record["includes"]):
			record["includes"] = None
	doc = frappe.get_doc({"doctype": doctype, **record})
	doc.flags.is_shipped = True  # whatever the bench has of it
	doc.insert(ignore_permissions=True)
