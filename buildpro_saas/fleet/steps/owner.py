"""The person at the customer who runs the site."""

from buildpro_saas.jobs.playbook import Context, Step

ONBOARDING = "buildpro_saas.tenant_site.onboarding"


class CreateOwner(Step):
	"""The owner's user on the tenant's site, without a password."""

	title = "Create owner's user"

	def run(self, context: Context) -> None:
		tenant = context.tenant
		made = context.site.call(
			f"{ONBOARDING}.make_owner",
			email=tenant["owner_email"],
			full_name=tenant["owner_name"],
			language=tenant["language"],
			time_zone=tenant["time_zone"],
		)
		context.log(f"{made['user']} is System Manager of {context.site.name}")


class InviteOwner(Step):
	"""Mail the owner a single-use link to set a password, when the site can send mail."""

	title = "Invite owner"

	def run(self, context: Context) -> dict:
		"""Hands on {"is_invited": whether a mail was queued}."""
		invitation = context.site.call(f"{ONBOARDING}.invite_owner", email=context.tenant["owner_email"])
		context.log(
			f"Invitation queued for {context.tenant['owner_email']}"
			if invitation["sent"]
			else "The site has no outgoing e-mail account: get the owner's link from the Tenant's page and hand it over."
		)
		return {"is_invited": invitation["sent"]}
