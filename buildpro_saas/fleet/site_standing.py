"""Whether a tenant's record can hold on its site: the site is there, and is set up as that tenant's."""

from buildpro_saas import site_role
from buildpro_saas.agent.door import Door, SiteDoor
from buildpro_saas.agent.errors import NOT_LET_IN_CODES, AgentError, mariadb_code
from buildpro_saas.agent.facts import CONFIG_BACK, FINISHED, MARK, RESTORE, USER_LOST
from buildpro_saas.fleet import benches
from buildpro_saas.fleet.expected_state import is_made_for
from buildpro_saas.jobs.bench_door import door_of, is_reached

ROLE, TENANT, ADMIN_URL = "buildpro_role", "buildpro_tenant", "buildpro_admin_url"


def of_record(tenant) -> str:
	"""Why the tenant's (document) record does not hold on its site, with what to do; empty where it does.

	Also empty for a bench that cannot be reached, whose disk this process does not see.
	"""
	if not is_reached(tenant.bench):
		return ""
	bench = door_of(tenant.bench)
	site = bench.site(tenant.site_name)
	return fault(site, tenant) or _database_fault(bench, tenant) or _fault_of_entering(site)


def fault(site: SiteDoor, tenant) -> str:
	"""Why the site is not that of the tenant (document), by its site_config.json, with what to do; empty where it is."""
	try:
		config = site.config_in_place()
	except AgentError as error:
		return error.advice
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


def make_ready(tenant, site: SiteDoor) -> None:
	"""Set the site up as the tenant's (document) again, where that was lost.

	Raises AgentError, with what to do, where it is not the tenant's site.
	"""
	set_up_again(tenant, site)
	if reason := fault(site, tenant):
		raise AgentError(reason)


def _database_fault(bench: Door, tenant) -> str:
	if not tenant.database or not bench.has_account():
		return ""
	try:
		if bench.do("has_database", name=tenant.database):
			return ""
	except Exception as error:
		return f"Whether its database {tenant.database} is there cannot be found out: {error}"
	return f"The database {tenant.database} of {tenant.site_name} is not there. {RESTORE}"


def _fault_of_entering(site: SiteDoor) -> str:
	try:
		site.call("frappe.ping")
	except Exception as error:
		hint = USER_LOST if mariadb_code(error) in NOT_LET_IN_CODES else ""
		return f"The site {site.name} cannot be entered: {error} {hint}".strip()
	return ""


def set_up_again(tenant, site: SiteDoor) -> bool:
	"""Write into site_config.json that the site is the tenant's (document), where the app was installed there anew; returns whether.

	Only a site of the tenant's name, with the tenant's database and no other tenant's name in it, is written to. It gets the database's
	mark, where a job on record made the tenant's site with that.
	"""
	config = site.config
	is_free = config.get(ROLE) == site_role.TENANT and not config.get(TENANT)
	if not is_free or not tenant.database or config.get("db_name") != tenant.database:
		return False
	values = {TENANT: tenant.name, ADMIN_URL: benches.admin_url()}
	mark = door_of(tenant.bench).do("database_mark", name=tenant.database)
	if not config.get(MARK) and is_made_for(mark, tenant.name):
		values |= {MARK: mark, FINISHED: 1}
	site.update_config(values)
	return True


def mark_database_again(bench: Door, database: str, mark: str, tenant: str) -> bool:
	"""Give the tenant's database the mark of its site's folder, where it has none any more; returns whether.

	`bench restore` makes the database anew, without a mark, and then no job may remove it. Only done where a job on record made the
	tenant's site with the mark.
	"""
	if not is_made_for(mark, tenant):
		return False
	return bench.do("mark_database_again", name=database, mark=mark)
