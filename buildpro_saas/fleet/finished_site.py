"""When a site is its tenant's for good: noted on the site itself, where an older backup of the admin site does not bring it back.

From then on, and from the first sign-in of anybody, no job, no cancelling and no reconciliation takes it away. Only a playbook
that removes a tenant does.
"""

from dataclasses import asdict

from buildpro_saas.agent.actual_state import FINISHED
from buildpro_saas.agent.databases import DatabaseServer, server
from buildpro_saas.agent.errors import NotOursError
from buildpro_saas.agent.site import MARK
from buildpro_saas.agent.site_use import note_finished, signs_of_use
from buildpro_saas.fleet import database_account, standby
from buildpro_saas.jobs.playbook import Context

SEQUENCE = (
	"buildpro_sequence"  # in site_config.json: the number of the newest statement that the site has had
)
# In a job's state: until when (seconds since the epoch) the job itself may be bringing the first statement.
SEEDED_UNTIL = "seeded_until"
HINT = (
	"Press Retry on the tenant's job: it brings the records up to date and takes nothing away. Only the removal of a tenant takes"
	" away what a customer may have used."
)
NOT_IN_PLACE = "Put its folder, or its site_config.json, back (`saas drift` says which), then press Retry."


def finish(context: Context) -> None:
	"""Note on the site, and in its database, that it is finished. The job's row is held: it cannot be cancelled any more."""
	with server(database_account.account()) as mariadb:
		note_finished(mariadb, context.site.config["db_name"])
	context.site.update_config({FINISHED: 1})


def find_finished(context: Context) -> dict | None:
	"""What the job would have handed on, where this very job has finished the tenant's site before; None where it has not.

	So it is after the admin site's database was restored from a backup, and when a worker died in the last moment.
	"""
	config = context.site.config
	if config.get(MARK) != context.mark or not config.get(FINISHED):
		return None
	context.log(f"{context.site.name} is finished, says the site itself: the records are brought up to date.")
	installed = context.site.call("buildpro_saas.agent.installer.installed_apps")
	return {
		"site": context.site.name,
		"database": config["db_name"],
		"apps": [asdict(context.bench.app(app)) for app in installed],
	}


def check_unused(context: Context) -> None:
	"""Raise NotOursError, with what shows it, when somebody may have used the site that the job made.

	Looked at are the site's configuration and the databases that carry the job's mark, wherever the folder is.
	"""
	use = _use_of_folder(context)
	if not use:
		with server(database_account.account()) as mariadb:
			use = use_of_databases(context, mariadb)
	refuse_used(context, use)


def refuse_used(context: Context, use: str) -> None:
	"""Raise NotOursError where `use` says what shows that the site is used. Retry alone helps only where its folder is in place."""
	if use:
		is_in_place = bool(context.site.marked_config(context.mark))
		raise NotOursError(
			f"The site {context.site.name} is in use: {use}. Nothing of it is taken away.",
			HINT if is_in_place else NOT_IN_PLACE,
		)


def use_of_databases(context: Context, mariadb: DatabaseServer) -> str:
	"""What shows that somebody has used a database of the job; empty where nothing does."""
	names = {context.state.get("reserved_database"), context.state.get("database")}
	names |= {row.database for row in standby.claimed_by(context.job)}
	names.add(context.site.marked_config(context.mark).get("db_name"))
	for name in sorted(names - {None, ""}):
		if mariadb.mark_of(name) == context.mark and (use := signs_of_use(mariadb, name)):
			return use
	return ""


def _use_of_folder(context: Context) -> str:
	config = context.site.marked_config(context.mark)
	if config.get(FINISHED):
		return "it was finished, and handed over to its tenant"
	known = max(int(context.tenant.get("entitlement_sequence") or 0), context.state.get(SEEDED_UNTIL, 0))
	if int(config.get(SEQUENCE) or 0) > known:
		return "it has a newer entitlement than the records know of"
	return ""
