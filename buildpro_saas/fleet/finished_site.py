"""When a site is its tenant's for good. The site itself notes it, so an older backup of the admin site does not undo it.

From then on, and from anybody's first sign-in, no job, no cancelling and no reconciliation removes it. Only a playbook that removes
a tenant does.
"""

from buildpro_saas.agent.errors import NotOursError
from buildpro_saas.agent.facts import FINISHED, MARK, Use
from buildpro_saas.fleet import standby
from buildpro_saas.jobs.playbook import Context

# In a job's state: until when (seconds since the epoch) the job itself may be bringing the first statement.
SEEDED_UNTIL = "seeded_until"
HINT = (
	"Press Retry on the tenant's job: it brings the records up to date and takes nothing away. Only the removal of a tenant takes"
	" away what a customer may have used."
)
NOT_IN_PLACE = "Put its folder, or its site_config.json, back (`saas drift` says which), then press Retry."


def finish(context: Context) -> None:
	"""Note on the site, and in its database, that it is finished. The job's row is held: the job cannot be cancelled any more."""
	context.bench.do("finish_site", site=context.site.name)


def find_finished(context: Context) -> dict | None:
	"""What the job would have handed on, where this same job has finished the tenant's site before; else None.

	That happens when the admin site's database was restored from a backup, and when a worker died in the last moment.
	"""
	config = context.site.config
	if config.get(MARK) != context.mark or not config.get(FINISHED):
		return None
	context.log(f"{context.site.name} is finished, says the site itself: the records are brought up to date.")
	installed = context.site.call("buildpro_saas.agent.installer.installed_apps")
	return {
		"site": context.site.name,
		"database": config["db_name"],
		"apps": context.bench.app_facts(installed),
	}


def check_unused(context: Context) -> None:
	"""Raise NotOursError, with what shows the use, when somebody may have used the site that the job made.

	It looks at the site's configuration and at the databases that carry the job's mark, wherever the folder is.
	"""
	names = sorted({*_own_databases(context), *_claimed_databases(context)})
	_refuse_used(context, context.bench.do("site_use_of", databases=names, **_of_job(context)))


def remove_unless_used(context: Context) -> None:
	"""Remove what the job made of its site, wholly or in part, where it carries the job's mark. Repeatable.

	Raises NotOursError, and leaves all as it was, where somebody may have used the site: the agent looks just before it removes.
	"""
	use = context.bench.do(
		"remove_unused_site",
		databases=_own_databases(context),
		used=_claimed_databases(context),
		**_of_job(context),
	)
	_refuse_used(context, use)


def _of_job(context: Context) -> dict:
	"""What the agent needs to know of the job."""
	known = max(int(context.tenant.get("entitlement_sequence") or 0), context.state.get(SEEDED_UNTIL, 0))
	return {"site": context.site.name, "mark": context.mark, "known_sequence": known}


def _own_databases(context: Context) -> list[str]:
	return sorted({context.state.get("reserved_database"), context.state.get("database")} - {None, ""})


def _claimed_databases(context: Context) -> list[str]:
	return sorted({row.database for row in standby.claimed_by(context.job)} - {None, ""})


def _refuse_used(context: Context, use: Use) -> None:
	"""Raise NotOursError for a use. Retry is the advice only where the site's folder is in its place."""
	if use.sign:
		raise NotOursError(
			f"The site {context.site.name} is in use: {use.sign}. Nothing of it is taken away.",
			HINT if use.is_in_place else NOT_IN_PLACE,
		)
