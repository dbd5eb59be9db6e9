"""Many tenants for the price of one: each has a record and a folder of its own, but all sites share the database of a real one.

Runs in the bench's env, in sites/. Usage: light_tenants.py ADMIN-SITE LIKE make NUMBER | send | enter NUMBER | remove

LIKE is a real tenant. A delivery touches a tenant's record, two files in its site's folder, and the site's cache. Each light tenant has
its own of these.

"send" prints the Batch that sends a new entitlement to all of them. "enter" sends one to NUMBER of them by entering each site, as it was
done before, and prints the milliseconds that each took.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import frappe

from buildpro_saas.agent import door
from buildpro_saas.licensing import delivery

APPLY = "buildpro_saas.tenant_site.entitlement_in_force.apply_entitlement"


def names_of(like: str) -> list[str]:
	return frappe.get_all("Tenant", {"name": ("like", f"{like}-light%")}, pluck="name", order_by="name")


def make(like: str, number: int) -> None:
	row = frappe.get_doc("Tenant", like)
	config = json.loads(Path(row.site, "site_config.json").read_text())
	for index in range(number):
		name = f"{like}-light{index:04}"
		folder = Path(f"{name}.localhost")
		(folder / "locks").mkdir(parents=True)
		(folder / "logs").mkdir()
		(folder / "site_config.json").write_text(json.dumps(config | {"buildpro_tenant": name}))
		doc = frappe.copy_doc(row)
		doc.update({"name": name, "subdomain": name, "site": folder.name, "status": "Active", "apps": []})
		doc.database = row.database
		doc.docstatus = 0
		doc.db_insert()
	frappe.db.commit()


def send(like: str) -> None:
	delivery.send(names_of(like), "measured")
	frappe.db.commit()
	print(frappe.get_all("Batch", pluck="name", order_by="creation desc, name desc", limit=1)[0])


def enter(like: str, number: int) -> None:
	here, taken = door.here(), []
	for name in names_of(like)[:number]:
		began = time.perf_counter()
		tenant = delivery.locked(name)
		site = here.site(tenant.site_name)
		signed = tenant.sign_entitlement(above=int(site.config["buildpro_sequence"]))
		site.call(APPLY, **signed, company=tenant.company)
		frappe.db.commit()
		taken.append((time.perf_counter() - began) * 1000)
	print(json.dumps(taken))


def remove(like: str) -> None:
	names = names_of(like)
	for name in names:
		shutil.rmtree(f"{name}.localhost", ignore_errors=True)
	frappe.db.delete("Tenant", {"name": ("in", names)})
	frappe.db.delete("__Auth", {"doctype": "Tenant", "name": ("in", names)})
	frappe.db.commit()


def main() -> None:
	admin, like, command, *rest = sys.argv[1:]
	frappe.init(site=admin, sites_path=".")
	frappe.connect()
	{"make": make, "send": send, "enter": enter, "remove": remove}[command](like, *map(int, rest))
	frappe.destroy()


main()
