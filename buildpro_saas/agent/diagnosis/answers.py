"""Whether a site's own servers answer at all: asked before the framework connects, which knows no time limit."""

from buildpro_saas.agent import errors
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.diagnosis import connection, hung_cache
from buildpro_saas.agent.diagnosis.connection import connected
from buildpro_saas.agent.errors import AgentError


def fault_of(bench: Bench, site: str) -> str:
	"""Why the framework cannot work on the site, as a sentence: its database does not let it in, or Redis hangs. "" where it can.

	A Redis that is away is no hindrance: the framework does without its cache. One that hangs was set aside before.
	"""
	if hung_cache.is_set_aside():
		return "Redis, which keeps its cache, does not answer in time."
	try:
		config = bench.site(site).config_in_place()
		with connected(connection.of_site(config), str(config["db_name"])):
			return ""
	except AgentError as error:
		return str(error)
	except Exception as error:
		if not errors.trouble_of(error):
			raise
		return f"MariaDB says: {errors.sentence_of_mariadb(error)}."


def site_of_tenant(bench: Bench, tenant: str) -> str:
	"""The name of the bench's site that is configured for the tenant, or is of that name; "" for none. No database is asked."""
	for name in bench.site_names():
		try:
			config = bench.site(name).config
		except AgentError:
			config = {}
		if config.get("buildpro_tenant") == tenant or name == tenant or name.partition(".")[0] == tenant:
			return name
	return ""
