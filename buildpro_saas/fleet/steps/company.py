"""The customer's company on its site."""

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.jobs.playbook import Context, Step

MINUTES = 60
PREPARED_FOR = ("country", "currency", "language")


class SetUpCompany(Step):
	"""Sets the company up, so that the owner never sees a wizard: by ERPNext's own set-up where it is installed, else by the framework's.

	A site that was copied with a company of the tenant's country has it already. There the company only gets its name.
	"""

	title = "Set up company"
	timeout = 15 * MINUTES
	redo_from = "make_site"  # ERPNext's set-up commits as it goes, and cannot be continued halfway

	def run(self, context: Context) -> dict:
		"""Hands on {"company_way": "erpnext", "framework" or "prepared"}.

		Raises AgentError where the tenant's country, currency or language is not the prepared company's any more.
		"""
		done = self._set_up(context)
		if context.state.get("copied_apps"):
			context.site.call("buildpro_saas.tenant_site.onboarding.index_for_search_later")
		return done

	def _set_up(self, context: Context) -> dict:
		if prepared := context.state.get("prepared_company"):
			return self._adopt(context, prepared)
		tenant = context.tenant
		done = context.run_on_site(
			"buildpro_saas.tenant_site.onboarding.set_up_company",
			self.timeout,
			company=tenant["company"],
			country=tenant["country"],
			currency=tenant["currency"],
			time_zone=tenant["time_zone"],
			language=tenant["language"],
			owner_email=tenant["owner_email"],
			owner_name=tenant["owner_name"],
		)
		context.log(f"{tenant['company']} set up by the {done['way']}'s own set-up")
		return {"company_way": done["way"]}

	def _adopt(self, context: Context, prepared: dict) -> dict:
		tenant = context.tenant
		if other := [field for field in PREPARED_FOR if tenant[field] != prepared[field]]:
			raise AgentError(
				f"The tenant's {' and '.join(other)} changed after its site was copied.",
				"Press Retry: the site is then made anew.",
			)
		context.site.call(
			"buildpro_saas.tenant_site.prepared_company.adopt",
			prepared=prepared,
			company=tenant["company"],
			time_zone=tenant["time_zone"],
		)
		context.log(f"{tenant['company']} was set up ahead of time, with {prepared['country']}'s accounts")
		return {"company_way": "prepared"}
