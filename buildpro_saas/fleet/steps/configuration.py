"""site_config.json of a tenant's site."""

import frappe
from cryptography.fernet import Fernet

from buildpro_saas.fleet import benches
from buildpro_saas.jobs.playbook import Context, Step
from buildpro_saas.licensing import signing_keys


class Configure(Step):
	"""Host name, encryption key, the admin site's address, whose signature to trust, and the token to ask for its entitlement with."""

	title = "Write configuration"

	def run(self, context: Context) -> dict:
		site = context.site
		url = benches.site_url(site.name, context.bench_row)
		site.update_config(
			{
				"host_name": url,
				# made once: values that the site has encrypted meanwhile must stay readable
				"encryption_key": site.config.get("encryption_key") or Fernet.generate_key().decode(),
				"buildpro_role": "tenant",
				"buildpro_tenant": context.tenant["name"],
				"buildpro_admin_url": benches.admin_url(),
				"buildpro_public_keys": signing_keys.public_keys(),
				"buildpro_sync_token": frappe.get_doc("Tenant", context.tenant["name"]).sync_token(),
				"maintenance_mode": None,
				"pause_scheduler": None,
				"mute_emails": None,
				"allow_reads_during_maintenance": None,
			}
		)
		context.log(f"{site.name} answers as {url}")
		return {"url": url}
