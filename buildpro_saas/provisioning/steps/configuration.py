"""site_config.json of a tenant's site."""

import frappe
from cryptography.fernet import Fernet

from buildpro_saas.provisioning import benches
from buildpro_saas.provisioning.playbook import Context, Step

HOUR = 3600


class Configure(Step):
	"""Host name, encryption key, the plan's limits that Frappe itself enforces, and whose signature to trust."""

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
				"buildpro_admin_url": benches.admin_url(context.bench_row),
				"buildpro_public_keys": frappe.conf.buildpro_public_keys,
				**frappe_limits(frappe.get_doc("Plan", context.tenant["plan"]).resolved()["limits"]),
				"maintenance_mode": None,
				"pause_scheduler": None,
				"mute_emails": None,
				"allow_reads_during_maintenance": None,
			}
		)
		context.log(f"{site.name} answers as {url}")
		return {"url": url}


def frappe_limits(limits: dict[str, dict]) -> dict:
	"""Those of a plan's limits that the framework enforces by its own site_config.json keys.

	`max_file_size_mb` → `max_file_size` (bytes); `request_seconds_per_hour` → `rate_limit` (seconds of request time in a
	window, see frappe/rate_limiter.py). A limit that the plan does not have removes the key.
	"""
	size = limits.get("max_file_size_mb")
	seconds = limits.get("request_seconds_per_hour")
	return {
		"max_file_size": size["value"] * 1024 * 1024 if size else None,
		"rate_limit": {"limit": seconds["value"], "window": HOUR} if seconds else None,
	}
