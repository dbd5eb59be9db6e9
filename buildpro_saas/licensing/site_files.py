"""What a delivery touches of a tenant's site, through the agent's door: two files in its folder, and what Frappe has cached of it.

The files decide what is in force. So neither the site's database nor its processes are needed.
"""

import json
import time

from buildpro_saas import site_role
from buildpro_saas.agent.door import SiteDoor
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.entitlements import acceptance, clock, decision
from buildpro_saas.entitlements.acceptance import CLOCK_KEY, FILE, KEYS_KEY, SEQUENCE_KEY, SHOWN_KEY, Accepted
from buildpro_saas.entitlements.frappe_limits import frappe_limits
from buildpro_saas.entitlements.statement import EntitlementError
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.licensing.sources import Sources

ROLE = "buildpro_role"
# What Frappe caches of a site and depends on its entitlement: web pages, as in tenant_site/caches.py.
CACHED = ["website_page"]
# Keys of site_config.json that decide whether a site takes a statement.
DECIDING = (SEQUENCE_KEY, KEYS_KEY)
SHOW = "buildpro_saas.tenant_site.entitlement_in_force.show_entitlement"


def put(site: SiteDoor, config: dict, token: str, sources: Sources, mended: dict) -> Accepted:
	"""Put a token into force on its site, for all of its processes, as the site itself does (tenant_site/entitlement_in_force.py).

	config: the site's site_config.json as it was read. sources: what the token was made of. mended: further values for site_config.json.

	Raises AgentError when the site refuses the token, and TransientError when the site has got another one since its configuration was
	read. What is in force then stays.
	"""
	as_mended = {**config, **mended}
	try:
		accepted = acceptance.accept(
			token,
			as_mended,
			site.name,
			catalogue_digest=sources.catalogue_digest,
			packed_gates=sources.packed_gates,
		)
	except EntitlementError as error:
		raise AgentError(f"The site refuses its entitlement: {error}") from error
	site.put_file(
		FILE,
		f'{{"catalogue": {sources.catalogue_text}, "token": {json.dumps(token)}}}',
		{**mended, **accepted.config, **_frappes_own(as_mended, accepted)},
		seen={key: config.get(key) for key in DECIDING},
		forgotten=CACHED,
	)
	return accepted


def show(site: SiteDoor, config: dict, accepted: Accepted, company: str) -> None:
	"""Have the site's records show the statement that was put into force, where site_config.json says that they show another one.

	They show plan, status, company, and a row for each limit. This enters the site's database, which takes ten times as long as the
	files. Token and validity follow when somebody looks at them (Nexelya Plan Settings), and once an hour.
	"""
	if config.get(SHOWN_KEY) != acceptance.shown(accepted.statement, company, time.time()):
		site.call(SHOW, company=company)


def is_in_force(bench: str, site_name: str, sequence: str | None) -> bool:
	"""Whether the statement of that number is in force on the site. True for a site that cannot be reached: it asks for it.

	The two files decide, as on the site itself (a third of a millisecond). The number in site_config.json alone does not tell whether the
	statement was lost or damaged since. Raises AgentError for a damaged site_config.json.
	"""
	if not is_reached(bench):
		return True
	site = door_of(bench).site(site_name)
	if not (config := site.config):
		return True
	if str(config.get(SEQUENCE_KEY)) != sequence:
		return False
	stored = site.json_file(FILE)
	now, known = time.time(), acceptance.number(config, CLOCK_KEY)
	if clock.is_behind(now, known):
		return False  # this machine's clock ran ahead and was set right; the next statement tells the site
	found = decision.decisions_of_token(
		str(stored.get("token") or ""),
		acceptance.trusted_keys(config),
		site.name,
		now,
		catalogue=stored.get("catalogue"),
		lowest_sequence=int(config[SEQUENCE_KEY]),
	)
	return found.standing in clock.CURRENT and str(found.statement.sequence) == sequence


def _frappes_own(config: dict, accepted: Accepted) -> dict:
	"""Keys for limits that the framework enforces itself, where they must change (tenant_site/site_limits.py)."""
	if config.get(ROLE) != site_role.TENANT:
		return {}
	limits = accepted.statement.grants(time.time()).limits
	wanted = frappe_limits({key: limit.value for key, limit in limits.items()})
	return {key: value for key, value in wanted.items() if config.get(key) != value}
