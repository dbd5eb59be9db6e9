"""Whether what is on record of a tenant can hold on its site: the site is there, and set up as that tenant's."""

import frappe

from buildpro_saas import site_role
from buildpro_saas.agent.actual_state import FINISHED
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.site import MARK, Site
from buildpro_saas.fleet import benches, database_account

ROLE, TENANT, ADMIN_URL = "buildpro_role", "buildpro_tenant", "buildpro_admin_url"
UNTOUCHED = "Its data is untouched: do not restore it."
CONFIG_BACK = f"Put back its own site_config.json, from a backup. {UNTOUCHED}"
RESTORE = "Find out who took it away, and restore it from its last backup."


def of_record(tenant) -> str:
	"""Why what is on record of the tenant (document) does not hold on its site, with what to do; empty where it does.

	Also empty for a bench elsewhere, whose disk this process does not see.
	"""
	if not frappe.db.get_value("Bench", tenant.bench, "is_local"):
		return ""
	return fault(Bench.here().site(tenant.site_name), tenant) or _database_fault(tenant)


def fault(site: Site, tenant) -> str:
	"""Why the site is not that of the tenant (document), by its site_config.json, with what to do; empty where it is."""
	try:
		config = site.config
	except ValueError as error:
		return f"{error} {UNTOUCHED}"
	if not config and site.path.is_dir():
		return f"The folder of the site {site.name} has no site_config.json. {CONFIG_BACK}"
	if not config:
		return f"There is no site {site.name} on this bench. {RESTORE}"
	if tenant.database and (found := config.get("db_name")) != tenant.database:
		return (
			f"The site_config.json of {site.name} names the database {found or 'of nobody'}, and the tenant's is {tenant.database}."
			f" {CONFIG_BACK}"
		)
	if config.get(ROLE) != site_role.TENANT:
		return (
			f"The site {site.name} is not a tenant's any more: buildpro_saas was uninstalled there, or its site_config.json was replaced."
			f" Put back the site_config.json of a backup, or run `bench --site {site.name} install-app buildpro_saas`."
		)
	if config.get(TENANT) != tenant.name:
		return (
			f"The site {site.name} is set up for {config.get(TENANT) or 'no tenant'}, not for {tenant.name}."
		)
	return ""


def make_ready(tenant, site: Site) -> None:
	"""Set the site up as the tenant's (document) again where that was lost. Raises AgentError with what to do where it is not the tenant's."""
	set_up_again(tenant, site)
	if reason := fault(site, tenant):
		raise AgentError(reason)


def _database_fault(tenant) -> str:
	if not tenant.database or not database_account.has_account():
		return ""
	try:
		with server(database_account.account()) as mariadb:
			if mariadb.has_database(tenant.database):
				return ""
	except Exception as error:
		return f"Whether its database {tenant.database} is there cannot be found out: {error}"
	return f"The database {tenant.database} of {tenant.site_name} is not there. {RESTORE}"


def set_up_again(tenant, site: Site) -> bool:
	"""Write into the site's site_config.json that it is the tenant's (document), where the app was installed there anew; returns whether.

	Only into a site of the tenant's name, with the tenant's database, that nobody else's name is in. Its mark comes from the database,
	when a job on record made the tenant's site with it.
	"""
	config = site.config
	is_free = config.get(ROLE) == site_role.TENANT and not config.get(TENANT)
	if not is_free or not tenant.database or config.get("db_name") != tenant.database:
		return False
	url = benches.admin_url(frappe.get_doc("Bench", tenant.bench).as_dict())
	values = {TENANT: tenant.name, ADMIN_URL: url}
	with server(database_account.account()) as mariadb:
		mark = mariadb.mark_of(tenant.database)
	if not config.get(MARK) and is_made_for(mark, tenant.name):
		values |= {MARK: mark, FINISHED: 1}
	site.update_config(values)
	return True


def mark_database_again(database: str, mark: str, tenant: str) -> bool:
	"""Give the tenant's database the mark that its site's folder carries, where it has none any more; returns whether.

	`bench restore` makes the database anew, and without it no job may remove it. Only when a job on record made the tenant's site with
	the mark.
	"""
	if not is_made_for(mark, tenant):
		return False
	with server(database_account.account()) as mariadb:
		return mariadb.mark_again(database, mark)


def is_made_for(mark: str | None, tenant: str) -> bool:
	"""Whether a job on record that made things with the mark was the tenant's."""
	return bool(mark) and bool(frappe.db.exists("Provisioning Job", {"mark": mark, "tenant": tenant}))
