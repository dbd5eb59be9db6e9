"""Migrates of tenants' sites: the turn of a batch. Where there is nothing to do, nothing is done; else a job of the tenant's does it."""

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import shadows, site_state
from buildpro_saas.fleet.shadows import MIGRATE, REHEARSE
from buildpro_saas.fleet.steps.migrate import NOTHING
from buildpro_saas.jobs import inline, sites
from buildpro_saas.jobs.batch_runner import TenantWork, Turn

WHY = {MIGRATE: "A copy that is migrated", REHEARSE: "A copy on which a migrate is rehearsed"}
HOUR = 3600


class MigrateTenant(TenantWork):
	"""Ask the site what there is to migrate. Where there is something, run a job of the tenant's in this turn."""

	title = "Migrate"
	timeout = 3 * HOUR
	takes_site = False  # the job has it

	def __init__(self, playbook: str):
		"""playbook: the job's, MIGRATE or REHEARSE."""
		self.playbook = playbook

	@site_state.while_there
	def run(self, turn: Turn) -> str:
		"""Returns a sentence. Raises AgentError with the job's where that failed, and SiteTakenError where another job has the site."""
		with sites.taken(turn.tenant):
			if ended := inline.ended_alone(turn.tenant, self.playbook, turn.batch):
				return _said(ended)
			if not turn.bench.do("pending_migration", site=turn.site.name):
				return NOTHING
		how = {"in_place": True} if turn.inputs.get("in_place") else {}
		tenant = frappe.get_doc("Tenant", turn.tenant)
		_shadow, job = shadows.start_job(self.playbook, tenant, WHY[self.playbook], batch=turn.batch, **how)
		return _said(inline.run(job, turn.checkpoint))


def _said(job) -> str:
	"""What the job (document) came to, as a sentence. Raises AgentError with its error unless it completed."""
	if job.status != "Completed":
		raise AgentError(job.error or f"{job.name} is {job.status}.", job.hint or "")
	return frappe.parse_json(job.state)["said"]
