"""The customer's company on its site."""

from buildpro_saas.provisioning.playbook import Context, Step

MINUTES = 60


class SetUpCompany(Step):
	"""ERPNext's own set-up where ERPNext is installed, the framework's wizard elsewhere; the owner never sees a wizard."""

	title = "Set up company"
	timeout = 15 * MINUTES
	redo_from = "make_site"  # ERPNext's set-up commits as it goes and cannot be gone on with

	def run(self, context: Context) -> dict:
		tenant = context.tenant
		done = context.site.run(
			"buildpro_saas.tenant_site.onboarding.set_up_company",
			company=tenant["company"],
			country=tenant["country"],
			currency=tenant["currency"],
			time_zone=tenant["time_zone"],
			language=tenant["language"],
			owner_email=tenant["owner_email"],
			owner_name=tenant["owner_name"],
			timeout=self.timeout,
			log=context.log,
			checkpoint=context.checkpoint,
		)
		context.log(f"{tenant['company']} set up by the {done['way']}'s own set-up")
		return {"company_way": done["way"]}
