"""What a tenant must be before anything is made for it. Each refusal is one sentence that says what to change."""

import frappe
from frappe import _

from buildpro_saas import company_name, tenant_status
from buildpro_saas.control_plane.doctype.tenant import owner_email, tenant_region
from buildpro_saas.control_plane.host_names import LONGEST_NAME
from buildpro_saas.fleet import benches
from buildpro_saas.refusal import refuse

LINKS = ("plan", "plan_after_trial", "next_plan", "bench", "country", "currency", "language")
ALWAYS_INSTALLED = {"frappe", "buildpro_saas"}  # on every tenant's site, whatever its plan says


def fill_defaults(tenant) -> None:
	"""Set the bench from SaaS Settings where staff left it empty."""
	tenant.bench = tenant.bench or frappe.db.get_single_value("SaaS Settings", "default_bench")


def check_links(tenant) -> None:
	"""Say which records there are when one is named that does not exist; Frappe's own message names none."""
	for field in LINKS:
		df = tenant.meta.get_field(field)
		value = tenant.get(field)
		if not value or frappe.db.exists(df.options, value):
			continue
		known = frappe.get_all(df.options, pluck="name", limit=6, order_by="name")
		choice = ", ".join(known) if 0 < len(known) < 6 else _("one of the list {0}").format(_(df.options))
		refuse(_("There is no {0} {1}: choose {2}."), _(df.label), value, choice, title=_(df.label))


def check_details(tenant) -> None:
	"""Company, owner and time zone: what staff may get wrong at any time."""
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
	tenant.owner_email = owner_email.checked(tenant.owner_email)
	tenant_region.check_time_zone(tenant)


def _check_company(tenant) -> None:
	if not (tenant.is_new() or tenant.has_value_changed("company")):
		return
	if fault := company_name.fault(tenant.company):
		frappe.throw(fault, title=_("Company"))


def check_can_be_made(tenant) -> None:
	"""All that must hold before a site is made. Holds the bench's row until commit: two requests never share the last place."""
	if not tenant.bench:
		refuse(_("Choose a bench, or set the default bench in SaaS Settings."), title=_("Bench"))
	lock_bench(tenant.bench)
	bench = frappe.get_doc("Bench", tenant.bench)
	facts = _check_bench(bench)
	apps = _check_plan(tenant, bench, facts)
	if "erpnext" in apps and not (tenant.country and tenant.currency):
		refuse(_("Choose country and currency: ERPNext sets the company up with them."), title=_("Country"))
	_check_room(tenant, bench, facts)


def lock_bench(bench: str | None) -> None:
	"""Hold the bench's row until commit."""
	if bench:
		frappe.db.get_value("Bench", bench, "name", for_update=True)


def _check_bench(bench) -> dict:
	"""Return the bench's facts as they are on disk now."""
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
	return benches.facts(bench.name)


def _check_plan(tenant, bench, facts: dict) -> list[str]:
	"""Return the apps of the tenant's plan; refuse a plan that is not sold or needs an app that the bench lacks."""
	title = _("Plan")
	if not tenant.plan:
		refuse(_("Choose a plan."), title=title)
	plan = frappe.get_doc("Plan", tenant.plan)
	if not plan.is_active:
		refuse(_("The plan {0} is not active: choose another one, or activate it."), plan.name, title=title)
	apps = plan.resolved()["apps"]
	missing = sorted(set(apps) - ALWAYS_INSTALLED - {app["app"] for app in facts["apps"]})
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
	"""Raise frappe.ValidationError unless the plan in the tenant's field is sold, and the tenant's site has the plan's apps.

	A site that is yet to be made will have those of the tenant's plan.
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


def _check_room(tenant, bench, facts: dict) -> None:
	title = _("Bench")
	taken = facts["sites"] + _sites_to_come(tenant, bench)
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
	if facts["disk_free"] < least:
		refuse(
			_(
				"The disk of the bench {0} has {1} GB free, less than the {2} GB it must keep: make room, or choose another bench."
			),
			bench.name,
			f"{facts['disk_free'] / benches.GB:.1f}",
			f"{least / benches.GB:g}",
			title=title,
		)


def _sites_to_come(tenant, bench) -> int:
	"""How many tenants of the bench have been admitted whose site is not on the disk yet."""
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
	return benches.room(bench.name, [site for site in admitted if site])["to_come"]


def check_names_free(tenant) -> None:
	"""Site and database names: legal, and taken neither by a tenant nor by something that is not ours."""
	site = f"{tenant.subdomain}.{frappe.get_doc('Bench', tenant.bench).domain}"
	title = _("Subdomain")
	if len(site) > LONGEST_NAME:
		refuse(_("{0} is longer than a host name may be: use a shorter subdomain."), site, title=title)
	if tenant.is_new() and frappe.db.exists("Tenant", tenant.subdomain):
		refuse_taken(tenant)
	if benches.site_exists(tenant.bench, site):
		# read as it is now: another request of the same second may have had its site made already
		if tenant.is_new() and frappe.db.get_value("Tenant", tenant.subdomain, "name", for_update=True):
			refuse_taken(tenant)
		refuse(
			_("{0} exists on the bench already and is no tenant's: use another subdomain."),
			site,
			title=title,
			error=frappe.DuplicateEntryError,
		)
	tenant.site = site
	if tenant.database_name:
		_check_database_name(tenant)
	elif benches.database_exists(tenant.bench, database := benches.default_database_name(tenant.bench, site)):
		refuse(
			_("{0} would get the database {1}, which exists already: remove that, or enter a database name."),
			site,
			database,
			title=_("Database Name"),
			error=frappe.DuplicateEntryError,
		)


def refuse_taken(tenant) -> None:
	"""Raise frappe.DuplicateEntryError: the subdomain is another tenant's."""
	refuse(
		_("{0} is taken by another tenant: use another subdomain."),
		tenant.subdomain,
		title=_("Subdomain"),
		error=frappe.DuplicateEntryError,
	)


def refuse_on_record(tenant) -> None:
	"""Raise frappe.DuplicateEntryError: a tenant that is to be adopted has a record already."""
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
	"""Raise frappe.DuplicateEntryError: a database or database user has the name, or another tenant was promised it."""
	refuse(
		_("The database name {0} is taken: use another one, or leave it empty."),
		name,
		title=_("Database Name"),
		error=frappe.DuplicateEntryError,
	)


def warn_of_same_company(tenant) -> None:
	"""A company may have several sites, but more often it is a mistake."""
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
