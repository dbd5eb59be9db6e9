"""A site that is not there is made again, of a tenant that is archived or has lost it: loaded into a shadow, which becomes the site."""

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import FINISHED, OF_DATABASE, OF_SHADOW, SHADOWS
from buildpro_saas.domains import addresses
from buildpro_saas.fleet import benches, clones, removals, shadows
from buildpro_saas.fleet.site_standing import ADMIN_URL, ROLE, TENANT
from buildpro_saas.jobs.playbook import Context, Step

# What keeps people and mails in or out of a site.
OF_HOLDS = tuple(key for key in OF_SHADOW if key not in OF_DATABASE)


def check_can_be_undone(context: Context) -> None:
	"""Raise AgentError once the site stands again: people may be in."""
	if context.site.exists():
		raise AgentError(
			f"The site {context.site.name} stands again.",
			"Press Retry, so that the job comes to its end; then archive it.",
		)


def _kept(context: Context) -> dict:
	"""What the site's site_config.json said before the site went. Where that is lost: what the records have of it."""
	return removals.kept_config(context.tenant["name"]) or clones.config_of(context.tenant, context.job)


def _config(context: Context) -> dict:
	"""What the site's site_config.json said, and whose it is."""
	kept = _kept(context)
	kept |= {ROLE: "tenant", TENANT: context.tenant["name"], ADMIN_URL: benches.admin_url(), FINISHED: 1}
	url = addresses.of_tenant(context.tenant["name"], context.site.name, context.bench_row)
	kept["host_name"] = kept.get("host_name") or url
	return {key: value for key, value in kept.items() if key not in OF_SHADOW}


class GiveConfig(Step):
	"""Give the shadow the configuration that the site had: apps' code expects it as they are brought up to date."""

	title = "Give configuration"

	def run(self, context: Context) -> None:
		database = shadows.row(context.inputs["shadow"]).database
		values = {**_config(context), "mute_emails": 1}
		context.bench.do("update_site_config", site=database, place=SHADOWS, values=values)


class StandAgain(Step):
	"""Make the shadow the site, which stays closed until it has its statement."""

	title = "Stand again"

	def run(self, context: Context) -> dict:
		"""Hands on {"database"}, the site's."""
		shadow = shadows.row(context.inputs["shadow"])
		context.bench.do(
			"make_shadow_the_site",
			site=context.site.name,
			database=shadow.database,
			mark=context.mark,
			config=_config(context),
		)
		frappe.db.set_value(shadows.DOCTYPE, shadow.name, "status", shadows.DROPPED)
		context.log(f"{context.site.name} stands again, with the database {shadow.database}")
		return {"database": shadow.database}


class OpenAgain(Step):
	"""Open the site, unless it was closed, or its scheduler paused, before it went."""

	title = "Open site"

	def run(self, context: Context) -> None:
		kept = _kept(context)
		context.site.update_config({key: kept.get(key) for key in OF_HOLDS})


class ForgetConfig(Step):
	"""Forget what was kept of the configuration: the site has it."""

	title = "Forget kept configuration"

	def run(self, context: Context) -> None:
		removals.forget_config(context.tenant["name"])
