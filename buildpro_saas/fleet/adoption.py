"""What a site itself says of the tenant that no record knows, after the admin site was restored from an older backup.

It only reads. What counts is the statement, which one of this admin site's own keys must have signed.
"""

import re
from dataclasses import dataclass

import frappe

from buildpro_saas import site_role
from buildpro_saas.agent.door import Door, SiteDoor
from buildpro_saas.agent.errors import AgentError, OperationFault
from buildpro_saas.agent.facts import CLONE, CUSTOM_NAME, MARK, SITE_NAME
from buildpro_saas.entitlements import acceptance, statement
from buildpro_saas.entitlements.acceptance import LAST_KEY
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import EntitlementError, Statement
from buildpro_saas.fleet import expected_state, site_standing
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, reached
from buildpro_saas.licensing import signing_keys

PLAYBOOK = "adopt_site"


@dataclass(frozen=True)
class Known:
	"""What a site says of itself. bench: where it is. facts: as tenant_site.own_facts.tell returns them. apps: as Tenant keeps them.

	clone: what a clone's site_config.json says (facts.CLONE); empty for a customer's site.
	"""

	site: str
	bench: str
	tenant: str
	database: str
	mark: str | None
	statement: Statement
	facts: dict
	apps: list[dict]
	clone: dict

	@property
	def database_name(self) -> str | None:
		"""The name that staff chose for the database; None where it is one that Frappe makes up."""
		return self.database if CUSTOM_NAME.fullmatch(self.database) else None


def may_be_adopted(name: str) -> bool:
	"""Whether there is a tenant's site of that name (its folder's) whose tenant is not on record."""
	try:
		bench = bench_of(name)
		if not bench:
			return False
		tenant = door_of(bench).site(name).config.get(site_standing.TENANT)
	except AgentError:
		return False
	return bool(tenant) and not frappe.db.exists("Tenant", tenant)


def read(name: str) -> Known:
	"""What the site of that name knows of itself. It is looked for on all benches that can be reached.

	Raises AgentError, with what to do, where it is not this admin site's.
	"""
	bench = bench_of(name)
	if not bench:
		raise AgentError(
			f"There is no site {name} on this bench.", "Name it as its folder in sites/ is named."
		)
	there = door_of(bench)
	site = there.site(name)
	config = _config(site)
	said = _statement(site, config)
	tenant = config[site_standing.TENANT]
	if said.tenant != tenant:
		raise AgentError(
			f"The site_config.json of {name} names the tenant {tenant}, and its statement {said.tenant}.",
			site_standing.CONFIG_BACK,
		)
	_check_database(there, name, config)
	facts = _facts(site)
	apps = there.app_facts(facts["apps"])
	clone = config.get(CLONE) or {}
	return Known(name, bench, tenant, config["db_name"], config.get(MARK), said, facts, apps, clone)


def check_no_job(known: Known) -> None:
	"""Raise AgentError while a job has not let go of the site, or of the tenant's name."""
	jobs_at_it = frappe.get_all(
		"Provisioning Job",
		{"status": ("not in", expected_state.LET_GO)},
		["name", "tenant", "mark", "site_mark", "status"],
	)
	for job in jobs_at_it:
		if job.tenant == known.tenant or (known.mark and known.mark in (job.mark, job.site_mark)):
			raise AgentError(
				f"The job {job.name}, which is {job.status}, is about the site {known.site}.",
				"Wait for its end; where it has failed, press Retry or Cancel.",
			)


def start(known: Known):
	"""Start the job that brings the adopted tenant its statement, and return its document. It runs after this commit."""
	return lifecycle.start(PLAYBOOK, tenant=known.tenant, bench=known.bench, site_mark=known.mark)


def bench_of(name: str | None) -> str | None:
	"""The bench that has something of that name among its sites; None where none has, or it is no name of a folder.

	Raises AgentError where several have it: people work on one of them only.
	"""
	benches = reached() if re.fullmatch(SITE_NAME, name or "") else []
	found = [bench for bench in benches if door_of(bench).site(name).exists()]
	if len(found) > 1:
		raise AgentError(
			f"Something named {name} is on the benches {' and '.join(found)}.",
			"Find out on which of them people work, and move the other one out of its sites folder.",
		)
	return found[0] if found else None


def _config(site: SiteDoor) -> dict:
	config = site.config_in_place()
	if config.get(site_standing.ROLE) != site_role.TENANT or not config.get(site_standing.TENANT):
		raise AgentError(
			f"The site {site.name} is not a tenant's: its site_config.json says so of none.",
			"`saas drift` lists the tenants' sites that no record knows. To make a new tenant of it, name --subdomain and --plan.",
		)
	return config


def _statement(site: SiteDoor, config: dict) -> Statement:
	"""Of the two statements that the site keeps, the newest that is genuine. Raises AgentError where none is."""
	last = config.get(LAST_KEY)
	tokens = (
		site.json_file(acceptance.FILE).get("token"),
		last.get("token") if isinstance(last, dict) else None,
	)
	found, faults = [], []
	for token in filter(None, tokens):
		try:
			found.append(statement.verify(str(token), signing_keys.public_keys(), site.name))
		except EntitlementError as error:
			faults.append(error)
	if found:
		return max(found, key=lambda each: each.sequence)
	if not faults:
		raise AgentError(
			f"The site {site.name} has no statement of what its tenant may use.",
			f"Put back its {acceptance.FILE} and site_config.json, from a backup.",
		)
	raise _refusal(site.name, faults[-1])


def _refusal(name: str, fault: EntitlementError) -> AgentError:
	if fault.reason is Reason.UNKNOWN_KEY:
		return AgentError(
			f"The statement of {name} was signed with a key that is none of this admin site's.",
			"Adopt it on the admin site that made it. If that was this one, put the key back into its site_config.json, from a backup.",
		)
	if fault.reason is Reason.WRONG_SITE:
		return AgentError(
			f"The statement of {name} was made for another site: the folder was moved or copied here.",
			"Move it back to its own name with `mv`, or remove the copy by hand.",
		)
	return AgentError(
		f"The statement of {name} does not count: {fault}",
		f"Put back its {acceptance.FILE} and site_config.json, from a backup.",
	)


def _check_database(bench: Door, name: str, config: dict) -> None:
	database = config["db_name"]
	found = bench.do("database_mark", name=database)
	if found is None:
		raise AgentError(f"The database {database} of {name} is not there.", site_standing.RESTORE)
	if found and found != config.get(MARK):
		raise AgentError(
			f"The database {database} was not made with the site {name}: their marks differ.",
			site_standing.CONFIG_BACK,
		)


def _facts(site: SiteDoor) -> dict:
	try:
		return site.call("buildpro_saas.tenant_site.own_facts.tell")
	except Exception as error:
		if isinstance(error, AgentError) and not isinstance(error, OperationFault):
			raise
		raise AgentError(
			f"The site {site.name} cannot be read: {error}",
			"Mend that, and adopt it again; nothing was changed.",
		) from error
