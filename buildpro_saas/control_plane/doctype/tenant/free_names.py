"""Whether a tenant can have its subdomain, its site's name and its database's name."""

import frappe
from frappe import _

from buildpro_saas.control_plane.host_names import LONGEST_NAME
from buildpro_saas.domains import claims
from buildpro_saas.fleet import benches, renames
from buildpro_saas.refusal import refuse


def check(tenant) -> None:
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
