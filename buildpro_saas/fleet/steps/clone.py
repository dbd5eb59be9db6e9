"""Cloning a tenant: its site copied into a shadow, silenced there, and put where the new tenant's site is."""

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import benches, clones, taking_in
from buildpro_saas.fleet.steps.site import ReserveName
from buildpro_saas.fleet.steps.take_in import INSTALLED, CheckNew, ConfigureNew, FillShadow, OnShadow
from buildpro_saas.jobs import sites
from buildpro_saas.jobs.playbook import Context

MAKE_OWN = "buildpro_saas.agent.silenced_site.make_own"
MINUTES = 60


class JudgeClone(ReserveName):
	"""See whether the original's site can be copied, and the names are free. Nothing is begun where not."""

	title = "Judge"
	timeout = 10 * MINUTES

	def run(self, context: Context) -> dict:
		"""Hands on what ReserveName does, and {"of": the original's site}."""
		made = super().run(context)
		of = frappe.db.get_value("Tenant", context.inputs["cloned_from"], "site")
		keep_free = int((context.bench_row["min_free_disk_gb"] or 0) * benches.GB)
		found = context.run("survey_site", self.timeout, site=of, keep_free=keep_free)
		if found.faults:
			raise AgentError(
				" ".join(found.faults), "Mend that and press Retry, or Cancel. Nothing was begun."
			)
		taking_in.note_customisations(context.tenant["name"], taking_in.customisations(found.customisations))
		return {**made, "of": of}


class FillClone(FillShadow):
	"""Copy database and files as they are at one moment. No other job has the original's site meanwhile."""

	def run(self, context: Context) -> None:
		self.undo(context)  # what an interrupted try left
		with sites.taken(context.inputs["cloned_from"]):
			self.fill(
				context, taking_in.SITE, context.state["of"], with_settings=not context.inputs["is_silenced"]
			)


class MakeOwn(OnShadow):
	"""Turn off all by which the copy would reach others, and give it a key and an Administrator of its own."""

	title = "Silence"
	timeout = 30 * MINUTES
	redo_from = "fill_clone"  # what is encrypted anew cannot be told from what is not

	def run(self, context: Context) -> dict:
		"""Hands on {"apps": facts of the installed ones}."""
		is_silenced = context.inputs["is_silenced"]
		done = self.call(context, MAKE_OWN, is_silenced=is_silenced)
		off = ", ".join(f"{doctype} ({number})" for doctype, number in sorted(done["off"].items()))
		if is_silenced:
			context.log(f"Turned off: {off or 'nothing was on'}; {done['secrets']} secrets taken away")
		else:
			context.log("Not silenced: it reaches whom the original reaches")
		context.log(
			f"{done['sessions']} sessions ended, {done['mails']} mails are not sent; its own encryption key"
		)
		return {"apps": context.bench.app_facts(self.call(context, INSTALLED))}


class CheckClone(CheckNew):
	"""As CheckNew; begun again from the copy."""


class ConfigureClone(ConfigureNew):
	"""As ConfigureNew, and what says on every page that it is a clone."""

	def values(self, context: Context) -> dict:
		"""As ConfigureNew has it, with the note that it is a clone."""
		tenant = context.tenant
		return {**super().values(context), **clones.note(tenant["cloned_from"], tenant["expires_on"])}
