"""Tenants get other subdomains: the record, the site's folder, its host name and its statement. The old name leads to the new one for a while.

A Former Name is the record of a subdomain that a tenant had. Until its day nobody else gets it.
"""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import count

import frappe
from frappe import _
from frappe.model.rename_doc import rename_doc
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.domains import claims
from buildpro_saas.fleet import benches, database_history, engaged
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import WITH_SITE

DOCTYPE = "Former Name"
LEADS, FREE = "Leads There", "Free"
DAYS = 30
LONGEST_STEM = 50  # of a database's name, before a number and `_db`
REBUILD_SEARCH = "frappe.utils.global_search.rebuild_for_doctype"
# Records whose own names begin with their tenant's.
NAMED_BY_TENANT = ("Tenant Usage", "Tenant Limit Level")


def days() -> int:
	"""Days for which a former name leads to the tenant's site."""
	return frappe.db.get_single_value("SaaS Settings", "redirect_days") or DAYS


# -- what staff ask for ----------------------------------------------------------------------------------------------


def start(tenant, subdomain: str) -> str:
	"""Start the job that gives the tenant (document) another subdomain; returns the job's name.

	subdomain: checked to be one (host_names.check_subdomain). Raises frappe.ValidationError or frappe.DuplicateEntryError, and nothing is
	begun, where it cannot be done.
	"""
	if tenant.status not in WITH_SITE:
		refuse(_("{0} is {1}, and has no site to rename."), tenant.name, _(tenant.status))
	if subdomain == tenant.subdomain:
		refuse(_("{0} is called that already: enter another subdomain."), tenant.name)
	benches.only_reached(tenant.bench)
	engaged.check(tenant.name)
	site = _new_site(tenant, subdomain)
	check_free(tenant, subdomain, site)
	inputs = {"old": tenant.subdomain, "new": subdomain, "site": tenant.site_name, "new_site": site}
	return lifecycle.start(
		engaged.RENAME, tenant=tenant.name, bench=tenant.bench, inputs={**inputs, "bench": tenant.bench}
	).name


def _new_site(tenant, subdomain: str) -> str:
	"""The name of the site under that subdomain: below the domain that it has, also where the bench's is another by now."""
	return f"{subdomain}.{tenant.site_name.partition('.')[2]}"


def check_free(tenant, subdomain: str, site: str) -> None:
	"""Raise frappe.DuplicateEntryError where a tenant, a former name or something on the bench has the name that the tenant is to get."""
	if frappe.db.exists("Tenant", subdomain):
		_refuse_taken(_("{0} is taken by another tenant: use another subdomain."), subdomain)
	check_kept(subdomain, tenant.name)
	claims.check_own_free(site, tenant.name)
	if benches.site_exists(tenant.bench, site):
		_refuse_taken(_("{0} exists on the bench already and is no tenant's: use another subdomain."), site)


def check_kept(subdomain: str, tenant: str | None = None) -> None:
	"""Raise frappe.DuplicateEntryError where the subdomain leads to a tenant that had it, and is not this one."""
	kept = {"subdomain": subdomain, "status": LEADS, "until": (">", now_datetime())}
	for row in frappe.get_all(DOCTYPE, kept, ["tenant", "until"]):
		if row.tenant != tenant:
			_refuse_taken(
				_("{0} was the name of {1}, and leads there until {2}: use another subdomain, or wait."),
				subdomain,
				row.tenant,
				f"{row.until:%Y-%m-%d}",
			)


def _refuse_taken(sentence: str, *values: str) -> None:
	refuse(sentence, *values, title=_("Subdomain"), error=frappe.DuplicateEntryError)


# -- what jobs ask ---------------------------------------------------------------------------------------------------


def rename_record(old: str, new: str) -> None:
	"""Give the tenant's record its new name, with all that names it, and note the former one. The caller commits.

	Raises frappe.DuplicateEntryError where another tenant has got the name meanwhile.
	"""
	check_kept(new, old)
	row = frappe.db.get_value("Tenant", old, ["bench", "site"], as_dict=True)
	rename_doc(
		"Tenant", old, new, force=True, ignore_permissions=True, show_alert=False, rebuild_search=False
	)
	frappe.enqueue(REBUILD_SEARCH, doctype="Tenant", enqueue_after_commit=True)
	for doctype in NAMED_BY_TENANT:
		_rename_rows(doctype, old, new)
	for name in frappe.get_all(DOCTYPE, {"subdomain": new, "tenant": new}, pluck="name"):
		frappe.db.set_value(DOCTYPE, name, "status", FREE)  # it has it again
	frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"subdomain": old,
			"tenant": new,
			"bench": row.bench,
			"site": row.site,
			"status": LEADS,
			"until": add_to_date(now_datetime(), days=days()),
		}
	).insert(ignore_permissions=True)


def database_made_of(database: str | None, old: str, new: str) -> str:
	"""The name of a database that staff have named after the subdomain `old`, as it is after `new`; empty where it is not named so.

	`customer1_db` and `the_customer1_erp_db` are named after customer1, `customer10_db` is not. A hyphen is an underscore there.
	"""
	if not benches.is_database_name(database or ""):
		return ""
	words, wanted = (name.replace("-", "_") for name in (old, new))
	named, number = re.subn(rf"(?<![a-z0-9]){re.escape(words)}(?=_)", wanted, database, count=1)
	return named if number else ""


def free_database_name(tenant: str, old: str, new: str, mark: str) -> dict[str, str]:
	"""Have the tenant's record give up the database name that is made of its old subdomain, and claim one that is made of the new one.

	tenant: its name now. mark: of its site. Returns {"old_database", "new_database", "kept"}: the new name is empty where the database keeps
	the one that it has; kept says why, where one would think that it gets another. The caller commits.
	"""
	row = frappe.db.get_value("Tenant", tenant, ["bench", "database", "database_name"], as_dict=True)
	names = {"old_database": row.database, "new_database": "", "kept": ""}
	wanted = database_made_of(row.database, old, new)
	if not wanted:
		if row.database_name != row.database and database_made_of(row.database_name, old, new):
			frappe.db.set_value("Tenant", tenant, "database_name", None)  # since a restore it has another
		return names
	why = door_of(row.bench).do("what_keeps_database_name", database=row.database, mark=mark)
	if why:
		return {**names, "kept": f"The database {row.database} {why}: it keeps its name."}
	name = next(each for each in _database_names(wanted) if _is_free_database(row.bench, each, tenant))
	frappe.db.set_value("Tenant", tenant, "database_name", name)
	return {**names, "new_database": name}


def _database_names(wanted: str) -> Iterator[str]:
	"""That name, made legal, and the same with a number."""
	stem = wanted.removesuffix("_db")
	stem = stem if stem[0].isalpha() else f"t_{stem}"
	stem = stem[:LONGEST_STEM].rstrip("_")
	yield f"{stem}_db"
	yield from (f"{stem}_{number}_db" for number in count(2))


def _is_free_database(bench: str, name: str, tenant: str) -> bool:
	others = {"name": ("!=", tenant)}
	return not (
		benches.database_exists(bench, name)
		or frappe.db.exists("Tenant", {"database_name": name, **others})
		or frappe.db.exists("Tenant", {"database": name, **others})
	)


def note_database(tenant: str, old: str, new: str) -> None:
	"""Note that the tenant's database has another name from now on: what its log says of the old one ends here. The caller commits."""
	database_history.note_end(tenant, old, time.time())
	frappe.db.set_value("Tenant", tenant, "database", new)


def _rename_rows(doctype: str, old: str, new: str) -> None:
	table = frappe.qb.DocType(doctype)
	for name in frappe.get_all(doctype, {"tenant": new, "name": ("like", f"{old} %")}, pluck="name"):
		frappe.qb.update(table).set(table.name, f"{new}{name[len(old) :]}").where(table.name == name).run()


def of(tenant: str) -> list[str]:
	"""All subdomains that the tenant has had."""
	return frappe.get_all(DOCTYPE, {"tenant": tenant}, pluck="subdomain")


def lead(tenant: str, url: str) -> list[str]:
	"""Have all names that still lead to the tenant lead to its site's address; returns these names. Repeatable."""
	rows = frappe.get_all(DOCTYPE, {"tenant": tenant, "status": LEADS}, ["site", "bench", "until"])
	for row in rows:
		until = get_datetime(row.until)
		door_of(row.bench).do("redirect_site", site=row.site, url=url, until=_seconds(until))
	return [row.site for row in rows]


def _seconds(moment: datetime) -> float:
	"""A time of this site's records in seconds since the epoch."""
	left = (moment - now_datetime()).total_seconds()
	return datetime.now().timestamp() + left


def free_all(tenant: str) -> None:
	"""Let the former names of a tenant that goes be free at the next look. The caller commits."""
	for name in frappe.get_all(DOCTYPE, {"tenant": tenant, "status": LEADS}, pluck="name"):
		frappe.db.set_value(DOCTYPE, name, "until", now_datetime())


def free_former_names() -> None:
	"""Every ten minutes, on the admin site: let names be free whose time is over."""
	if not site_role.is_admin_site():
		return
	due = {"status": LEADS, "until": ("<=", now_datetime())}
	for row in frappe.get_all(DOCTYPE, due, ["name", "site", "bench"]):
		if is_reached(row.bench):
			lifecycle.shielded(_free, row)


def free_now(name: str) -> None:
	"""Let a Former Name be free at once: what comes under it is sent nowhere any more. Commits."""
	_free(frappe.db.get_value(DOCTYPE, name, ["name", "site", "bench"], as_dict=True))


def _free(row) -> None:
	door_of(row.bench).do("forget_redirect", site=row.site)
	frappe.db.set_value(DOCTYPE, row.name, "status", FREE)
	frappe.db.commit()
