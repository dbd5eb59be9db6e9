"""Giving a tenant another subdomain. The site is closed meanwhile, for some seconds."""

from urllib.parse import urlsplit

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import benches, renames
from buildpro_saas.fleet.site_standing import TENANT
from buildpro_saas.jobs.playbook import Context, Step
from buildpro_saas.licensing import delivery

FORGET = "buildpro_saas.agent.installer.forget"


def check_can_be_undone(context: Context) -> None:
	"""Raise AgentError once the tenant's record has its new name: from there on the job only goes forward."""
	if context.tenant["name"] == context.inputs["new"]:
		raise AgentError(
			f"The tenant is called {context.inputs['new']} already.",
			"Press Retry, so that its site is, too; then rename it back.",
		)


class CheckNewName(Step):
	"""Look once more, now that it is this job's turn, whether the name is free."""

	title = "Check new name"

	def run(self, context: Context) -> None:
		if context.tenant["name"] == context.inputs["new"]:
			return
		try:
			renames.check_free(
				frappe._dict(context.tenant), context.inputs["new"], context.inputs["new_site"]
			)
		except frappe.ValidationError as error:
			raise AgentError(str(error), "Cancel, and rename the tenant to something else.") from error


class RenameRecord(Step):
	"""Give the tenant's record its new name. It is taken from now on, and the former one is kept."""

	title = "Rename record"

	def run(self, context: Context) -> dict:
		"""Hands on {"old_database", "new_database"}; the latter is empty where the database keeps its name."""
		old, new = context.inputs["old"], context.inputs["new"]
		if context.tenant["name"] != new:  # by now the old name may be somebody else's
			renames.rename_record(old, new)
		context.log(f"{old} is {new} on record")
		if "new_database" in context.state:
			return {}
		names = renames.free_database_name(new, old, new, context.state["closed_mark"])
		if kept := names.pop("kept"):
			context.log(kept)
		return names


class MoveSite(Step):
	"""Give the site's folder its new name, in one move."""

	title = "Move site"

	def run(self, context: Context) -> None:
		old, new = context.inputs["site"], context.inputs["new_site"]
		context.bench.do("move_site", site=old, to=new, mark=context.state["closed_mark"])
		context.log(f"sites/{old} is sites/{new}")
		# last: it is committed together with the step's end
		frappe.db.set_value("Tenant", context.inputs["new"], "site", new)


class RenameDatabase(Step):
	"""Give the site's database the new name, too, where staff had named it after the old one: that one is free then."""

	title = "Rename database"
	timeout = 15 * 60

	def run(self, context: Context) -> None:
		"""Keeps {"has_forgotten"}: once the tables have moved, nobody comes into the site by the old name."""
		old, new = context.state.get("old_database"), context.state.get("new_database")
		if not new or context.tenant["database"] == new:
			context.log(f"The database is {context.tenant['database']}")
			return
		site = context.site
		if not context.state.get("has_forgotten"):
			site.call(
				FORGET
			)  # what Redis has under the old name, sessions too, must not meet who gets that next
			context.keep({"has_forgotten": True})
		names = {"database": old, "to": new, "mark": context.state["closed_mark"]}
		seconds = context.bench.do("rename_site_database", site=site.name, **names)
		context.log(f"The database {old} is {new}, after {seconds:.1f} s")
		# last: it is committed together with the step's end
		renames.note_database(context.tenant["name"], old, new)


class TellSite(Step):
	"""Tell the site its name and its tenant's, and bring it a statement that is signed for these."""

	title = "Tell the site"

	def run(self, context: Context) -> None:
		site, config = context.site, context.site.config_in_place()
		values = {TENANT: context.tenant["name"]}
		url = benches.site_url(site.name, context.bench_row)
		known = urlsplit(config.get("host_name") or "").hostname
		if known in (None, context.inputs["site"]):  # not an address of the customer's own
			values["host_name"] = url
		site.update_config(values)
		brought = delivery.put_into_force(delivery.locked(context.tenant["name"]), site)
		site.call(FORGET)
		context.log(
			f"{site.name}: plan {brought['plan']}, {brought['status']}; links in mails begin with {url}"
		)


class LeadThere(Step):
	"""Have the former names lead to the site."""

	title = "Lead there"

	def run(self, context: Context) -> None:
		context.bench.do("forget_redirect", site=context.site.name)  # it may have had this one before
		names = renames.lead(context.tenant["name"], benches.site_url(context.site.name, context.bench_row))
		context.log(f"{', '.join(names) or 'No name'} leads to {context.site.name} for {renames.days()} days")
