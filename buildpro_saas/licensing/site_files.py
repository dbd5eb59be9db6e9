"""What a delivery touches of a tenant's site: two files in its folder, and what Frappe keeps of it in Redis. Nothing else here is the agent's.

The files decide what is in force, so that neither the site's database nor its processes are needed for it.
"""

import json
import time

import frappe
from filelock import FileLock

from buildpro_saas import framework, site_role
from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.frappe_limits import frappe_limits
from buildpro_saas.agent.site import Site
from buildpro_saas.entitlements import acceptance, clock, decision
from buildpro_saas.entitlements.acceptance import CLOCK_KEY, FILE, KEYS_KEY, SEQUENCE_KEY, SHOWN_KEY, Accepted
from buildpro_saas.entitlements.statement import EntitlementError
from buildpro_saas.licensing.sources import Sources

ROLE = "buildpro_role"
LOCK_TIMEOUT = 30  # seconds; putting a statement into force takes milliseconds
# What Frappe keeps of a site that follows from its entitlement, as tenant_site/caches.py has it: hooks and web pages.
CACHED = ("app_hooks", "website_page")
SHOW = "buildpro_saas.tenant_site.onboarding.show_entitlement"


def put(site: Site, token: str, sources: Sources, mended: dict) -> Accepted:
	"""Put a token into force on its site, as the site itself does (tenant_site/entitlement.py), for all of its processes.

	sources: those that it was made of. mended: values that its site_config.json gets with it. Raises AgentError when there is no such
	site, and when it does not take the token; what is in force then stays.
	"""
	(site.path / "locks").mkdir(exist_ok=True)
	with FileLock(site.path / "locks" / "entitlement.lock", timeout=LOCK_TIMEOUT):
		config = {**site.config, **mended}
		try:
			accepted = acceptance.accept(
				token,
				config,
				site.name,
				catalogue_digest=sources.catalogue_digest,
				packed_gates=sources.packed_gates,
			)
		except EntitlementError as error:
			raise AgentError(f"The site refuses its entitlement: {error}") from error
		site_config.write_text(
			site.path / FILE, f'{{"catalogue": {sources.catalogue_text}, "token": {json.dumps(token)}}}'
		)
		site.update_config({**mended, **accepted.config, **_frappes_own(config, accepted)})
	_forget(config["db_name"])
	return accepted


def show(site: Site, accepted: Accepted, company: str) -> None:
	"""Have the site's own records show the statement that was put into force, where they show another one.

	What is read there: plan, status, company, a row for each limit. It takes a visit to the site's database, a hundred times what the
	files take; token and validity follow when somebody looks at them (Nexelya Plan Settings), and once an hour.
	"""
	if site.config.get(SHOWN_KEY) != acceptance.shown(accepted.statement, company, time.time()):
		site.call(SHOW, company=company)


def is_in_force(site_name: str, sequence: str | None) -> bool:
	"""Whether the statement of that number is in force on the site; True for sites of other benches, which ask for it.

	Decided as the site itself does, from the two files that it goes by (a third of a millisecond): its number in site_config.json
	alone says nothing of a statement that was lost or damaged since.
	"""
	site = Bench.here().site(site_name)
	if not (config := site.config):
		return True
	if str(config.get(SEQUENCE_KEY)) != sequence:
		return False
	stored = site.json_file(FILE)
	now, known = time.time(), float(config.get(CLOCK_KEY) or 0)
	if clock.is_behind(now, known):
		return False  # this machine's clock ran ahead and was set right; the next statement tells the site
	gate = decision.gate(
		str(stored.get("token") or ""),
		config.get(KEYS_KEY) or {},
		site.name,
		now,
		catalogue=stored.get("catalogue"),
		lowest_sequence=int(config[SEQUENCE_KEY]),
	)
	return gate.standing in clock.CURRENT and str(gate.statement.sequence) == sequence


def _frappes_own(config: dict, accepted: Accepted) -> dict:
	"""The limits that the framework enforces by its own keys, where they are to be others than they are (tenant_site/site_limits.py)."""
	if config.get(ROLE) != site_role.TENANT:
		return {}
	limits = accepted.statement.grants(time.time()).limits
	wanted = frappe_limits({key: limit.value for key, limit in limits.items()})
	return {key: value for key, value in wanted.items() if config.get(key) != value}


def _forget(database: str) -> None:
	frappe.cache.delete_value(framework.cache_keys_of(database, CACHED), make_keys=False)
