"""site_config.json of a tenant's site."""

from cryptography.fernet import Fernet

from buildpro_saas.domains import addresses
from buildpro_saas.fleet import benches
from buildpro_saas.jobs.playbook import Context, Step
from buildpro_saas.licensing import signing_keys, sync_tokens


class Configure(Step):
	"""Writes host name, encryption key, the admin site's address and public keys, and the token to ask for entitlements with."""

	title = "Write configuration"

	def run(self, context: Context) -> dict:
		"""Hands on {"url": the site's address}."""
		values = self.values(context)
		context.site.update_config(values)
		context.log(f"{context.site.name} answers as {values['host_name']}")
		return {"url": values["host_name"]}

	def values(self, context: Context) -> dict:
		"""What is merged into site_config.json."""
		site = context.site
		return {
			"host_name": addresses.of_tenant(context.tenant["name"], site.name, context.bench_row),
			# made once: values that the site has encrypted meanwhile must stay readable
			"encryption_key": site.config.get("encryption_key") or Fernet.generate_key().decode(),
			"buildpro_role": "tenant",
			"buildpro_tenant": context.tenant["name"],
			"buildpro_admin_url": benches.admin_url(),
			"buildpro_public_keys": signing_keys.public_keys(),
			"buildpro_sync_token": sync_tokens.for_site(context.tenant["name"]),
			"maintenance_mode": None,
			"pause_scheduler": None,
			"mute_emails": None,
			"allow_reads_during_maintenance": None,
		}
