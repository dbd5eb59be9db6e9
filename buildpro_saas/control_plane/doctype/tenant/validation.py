"""Checks a tenant before anything is made for it. Each refusal is one sentence that says what to change."""

import frappe
from frappe import _

from buildpro_saas import company_name, tenant_status
from buildpro_saas.control_plane.doctype.tenant import backup_settings, owner_email, tenant_region
from buildpro_saas.control_plane.host_names import LONGEST_NAME
from buildpro_saas.domains import claims
from buildpro_saas.fleet import benches, renames
from buildpro_saas.refusal import refuse

LINKS = ("plan", "plan_after_trial", "next_plan", "bench", "country", "currency", "language")
ALWAYS_INSTALLED = {"frappe", "buildpro_saas"}  # on every tenant's site, whatever its plan says


def fill_defaults(tenant) -> None:
	"""Set the bench from SaaS Settings where staff left it empty."""
	tenant.bench = tenant.bench or frappe.db.get_single_value("SaaS Settings", "default_bench")


def check_links(tenant) -> None:
	"""Where a link names a record that does not exist, say which records exist. Frappe's own message names none."""
	for field in LINKS:
		df = tenant.meta.get_field(field)
		value = tenant.get(field)
		if not value or frappe.db.exists(df.options, value):
			continue
		known = frappe.get_all(df.options, pluck="name", limit=6, order_by="name")
		choice = ", ".join(known) if 0 < len(known) < 6 else _("one of the list {0}").format(_(df.options))
		refuse(_("There is no {0} {1}: choose {2}."), _(df.label), value, choice, title=_(df.label))


def check_details(tenant) -> None:
	"""Check company, owner and time zone: what staff may enter wrongly at any time."""
	for field in ("company", "owner_name"):
		label = _(tenant.meta.get_label(field))
		value = " ".join((tenant.get(field) or "").split())
		if not value:
			refuse(_("Enter the {0}."), label, title=label)
		if "<" in value or ">" in value:
			refuse(
				_("The {0} has a < or >: take it out, a company's or user's record cannot have it."),
				label,
				title=label,
			)
		tenant.set(field, value)
	_check_company(tenant)
	backup_settings.check(tenant)
	tenant.owner_email = owner_email.checked(tenant.owner_email)
	tenant_region.check_time_zone(tenant)


def _check_company(tenant) -> None:
	if not (tenant.is_new() or tenant.has_value_changed("company")):
		return
	if fault := company_name.fault(tenant.company):
		frappe.throw(fault, title=_("Company"))


def check_can_be_made(tenant) -> None:
	"""Check all that must be true before a site is made. The caller holds the bench's row: two requests cannot share the last place.

	While it is held no process is started, and no `git` run: all other insertions wait for this one.
	"""
	if not tenant.bench:
		refuse(_("Choose a bench, or set the default bench in SaaS Settings."), title=_("Bench"))
	bench = frappe.get_doc("Bench", tenant.bench)
	_check_bench(bench)
	apps = _check_plan(tenant, bench)
	if "erpnext" in apps and not (tenant.country and tenant.currency):
		refuse(_("Choose country and currency: ERPNext sets the company up with them."), title=_("Country"))
	_check_room(tenant, bench)


def check_can_be_brought_back(tenant) -> None:
	"""Check that the bench of an archived tenant has room for its site. The caller holds the bench's row."""
	bench = frappe.get_doc("Bench", tenant.bench)
	_check_bench(bench)
	_check_room(tenant, bench)


def lock_bench(bench: str | None) -> None:
	"""Lock the bench's row until commit. Before that, the bench is made ready for the questions that follow."""
	if bench:
		benches.prepare(bench)
		frappe.db.get_value("Bench", bench, "name", for_update=True)


def _check_bench(bench) -> None:
	title = _("Bench")
	if bench.status != "Active":
		refuse(_("The bench {0} is not active: choose another one, or activate it."), bench.name, title=title)
	if not bench.is_reachable:
		refuse(
			_("The bench {0} cannot be reached from this site: choose another one."), bench.name, title=title
		)
	if not bench.domain:
		refuse(_("Set the base domain of the bench {0}, or that of SaaS Settings."), bench.name, title=title)
	if not benches.has_account(bench.name):
		refuse(
			_("The bench {0} has no database account yet: run `bench --site {1} saas setup` once."),
			bench.name,
			frappe.local.site,
			title=_("No database account"),
		)


def _check_plan(tenant, bench) -> list[str]:
	"""Return the apps of the tenant's plan. Refuse a plan that is not on offer, or that needs an app that the bench lacks."""
	title = _("Plan")
	if not tenant.plan:
		refuse(_("Choose a plan."), title=title)
	plan = frappe.get_doc("Plan", tenant.plan)
	if not plan.is_active:
		refuse(_("The plan {0} is not active: choose another one, or activate it."), plan.name, title=title)
	apps = plan.resolved()["apps"]
	missing = sorted(set(apps) - ALWAYS_INSTALLED - set(benches.app_names(bench.name)))
	if missing:
		refuse(
			_(
				"The bench {0} lacks {1}, which the plan {2} installs: get it with `bench get-app`, or take it out of the plan."
			),
			bench.name,
			", ".join(missing),
			plan.name,
			title=title,
		)
	return apps


def check_plan_for_site(tenant, field: str) -> None:
	"""Raise frappe.ValidationError unless the plan in the tenant's field is on offer, and its site has the plan's apps.

	A site that is yet to be made will have the apps of the tenant's plan.
	"""
	title = _(tenant.meta.get_label(field))
	if not frappe.db.exists("Plan", tenant.get(field)):
		return  # Frappe's check of links says so
	plan = frappe.get_doc("Plan", tenant.get(field))
	if not plan.is_active:
		refuse(_("The plan {0} is not active: choose another one, or activate it."), plan.name, title=title)
	there = {row.app for row in tenant.apps} | ALWAYS_INSTALLED
	if tenant.status not in tenant_status.WITH_SITE and tenant.plan:
		there.update(frappe.get_doc("Plan", tenant.plan).resolved()["apps"])
	if missing := sorted(set(plan.resolved()["apps"]) - there):
		refuse(
			_(
				"The plan {0} needs {1}, which the site of {2} does not have: choose a plan with the apps that are there ({3})."
			),
			plan.name,
			", ".join(missing),
			tenant.name,
			", ".join(sorted(there)),
			title=title,
		)


def _check_room(tenant, bench) -> None:
	title = _("Bench")
	room = benches.room(bench.name, _admitted(tenant, bench))
	taken = room["sites"] + room["to_come"]
	if bench.max_sites and taken >= bench.max_sites:
		refuse(
			_(
				"The bench {0} is full with {1} of {2} sites: choose another bench, or allow more sites there."
			),
			bench.name,
			taken,
			bench.max_sites,
			title=title,
		)
	least = (bench.min_free_disk_gb or 0) * benches.GB
	if room["disk_free"] < least:
		refuse(
			_(
				"The disk of the bench {0} has {1} GB free, less than the {2} GB it must keep: make room, or choose another bench."
			),
			bench.name,
			f"{room['disk_free'] / benches.GB:.1f}",
			f"{least / benches.GB:g}",
			title=title,
		)


def _admitted(tenant, bench) -> list[str]:
	"""The sites of the bench's other tenants that were admitted, and whose site may not be on the disk yet."""
	table = frappe.qb.DocType("Tenant")
	# a locking read: a plain one would miss what another request committed since this transaction began
	admitted = (
		frappe.qb.from_(table)
		.select(table.site)
		.where((table.bench == tenant.bench) & (table.name != (tenant.name or "")))
		.where(table.status.isin([tenant_status.PROVISIONING, tenant_status.FAILED]))
		.for_update()
		.run(pluck=True)
	)
	return [site for site in admitted if site]


def check_names_free(tenant) -> None:
	"""Check that the site and database names are legal, and that neither a tenant nor anything that is not ours has them."""
	origin = frappe.parse_json(tenant.origin or "{}")
	if origin.get("in_place"):
		_check_stays_in_place(tenant, origin["of"])
		return
	site = f"{tenant.subdomain}.{frappe.get_doc('Bench', tenant.bench).domain}"
	title = _("Subdomain")
	if len(site) > LONGEST_NAME:
		refuse(_("{0} is longer than a host name may be: use a shorter subdomain."), site, title=title)
	if tenant.is_new() and frappe.db.exists("Tenant", tenant.subdomain):
		refuse_taken(tenant)
	renames.check_kept(tenant.subdomain, tenant.name)
	claims.check_own_free(site, tenant.name)
	if benches.site_exists(tenant.bench, site):
		_check_not_taken_now(tenant)
		refuse(
			_("{0} exists on the bench already and is no tenant's: use another subdomain."),
			site,
			title=title,
			error=frappe.DuplicateEntryError,
		)
	tenant.site = site
	if tenant.database_name:
		_check_database_name(tenant)
	elif benches.database_exists(
		tenant.bench, database := benches.default_database_name(tenant.bench, site, tenant.name)
	):
		_check_not_taken_now(tenant)
		refuse(
			_("{0} would get the database {1}, which exists already: remove that, or enter a database name."),
			site,
			database,
			title=_("Database Name"),
			error=frappe.DuplicateEntryError,
		)


def _check_not_taken_now(tenant) -> None:
	"""Raise frappe.DuplicateEntryError where what is there is that of another request of the same second: a locking read sees its row."""
	if tenant.is_new() and frappe.db.get_value("Tenant", tenant.subdomain, "name", for_update=True):
		refuse_taken(tenant)


def _check_stays_in_place(tenant, site: str) -> None:
	"""The tenant's site is one that is there, under its own name."""
	if tenant.is_new() and frappe.db.exists("Tenant", tenant.subdomain):
		refuse_taken(tenant)
	others = {"site": site, "name": ("!=", tenant.name or "")}
	if other := frappe.db.get_value("Tenant", others):
		refuse(_("{0} is the site of the tenant {1}."), site, other, error=frappe.DuplicateEntryError)
	tenant.site = site


def refuse_taken(tenant) -> None:
	"""Raise frappe.DuplicateEntryError: the subdomain is another tenant's."""
	refuse(
		_("{0} is taken by another tenant: use another subdomain."),
		tenant.subdomain,
		title=_("Subdomain"),
		error=frappe.DuplicateEntryError,
	)


def refuse_on_record(tenant) -> None:
	"""Raise frappe.DuplicateEntryError: the tenant that is to be adopted has a record already."""
	refuse(
		_("The tenant {0} is on record already: there is nothing to adopt."),
		tenant.subdomain,
		title=_("Adopt"),
		error=frappe.DuplicateEntryError,
	)


def _check_database_name(tenant) -> None:
	title = _("Database Name")
	name = tenant.database_name
	if not benches.is_database_name(name):
		refuse(
			_(
				"{0} cannot be a tenant's database name: use small letters, digits and underscores, ending in _db, at most 61."
			),
			name,
			title=title,
		)
	if benches.database_exists(tenant.bench, name) or frappe.db.exists(
		"Tenant", {"database_name": name, "name": ("!=", tenant.name or "")}
	):
		refuse_database_taken(name)


def refuse_database_taken(name: str) -> None:
	"""Raise frappe.DuplicateEntryError: a database or database user has this name, or another tenant is to get it."""
	refuse(
		_("The database name {0} is taken: use another one, or leave it empty."),
		name,
		title=_("Database Name"),
		error=frappe.DuplicateEntryError,
	)


def warn_of_same_company(tenant) -> None:
	"""Warn where a tenant of the same company exists. A company may have several sites, but more often it is a mistake."""
	others = frappe.get_all(
		"Tenant",
		{"company": tenant.company, "name": ("!=", tenant.name), "status": ("!=", tenant_status.REMOVED)},
		pluck="name",
	)
	if others:
		frappe.msgprint(
			_("{0} is already the company of {1}. If that is intended, nothing needs to be done.").format(
				frappe.bold(frappe.utils.escape_html(tenant.company)), ", ".join(others)
			),
			title=_("Same company twice"),
			indicator="orange",
		)
