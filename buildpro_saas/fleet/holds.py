"""Holds of tenants' sites: while a copy is migrated people read, and nobody writes; while the site itself is, nobody comes in.

Every way a job ends lets go. The shadow's record says that its site is held, before it is, and until it is let go. So what a killed process
leaves is found. It also says when the shadow is the way back of a site that is migrated in place: then letting go puts it back first.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import frappe
from frappe.utils import now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.errors import AgentError, TransientError, sentence
from buildpro_saas.fleet import shadows
from buildpro_saas.jobs import lifecycle, sites
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.jobs.playbook import Context

FIELD = "holds_site"
WAY_BACK = shadows.WAY_BACK
WRITE_DOWN = "buildpro_saas.tenant_site.waiting_writes.write_down"
JOBS_WAIT = 60  # seconds for which a hold waits for the site's jobs that are under way
PAUSE = 0.2  # seconds between two looks at them
LONGEST = 600  # seconds for which writers are kept away, unless SaaS Settings say otherwise


@contextmanager
def held(context: Context, shadow: str, *, is_shut: bool = False) -> Iterator[Callable[[], None]]:
	"""Keep writers away from the job's site for the block. shadow: the name of the record that says so. is_shut: keep readers away, too.

	Yields a checkpoint: of a site that people read, it raises AgentError once the hold has lasted for as long as SaaS Settings allow. Raises
	TransientError where a job of the site does not end.
	"""
	let_go(shadow)  # of a run that died: what was before must be noted anew
	_note(shadow, 1)
	try:
		operation = "shut_site" if is_shut else "stop_writes"
		context.bench.do(operation, site=context.site.name, by=by(context))
		wait_for_jobs(context)
		yield context.checkpoint if is_shut else _limited(context)
	finally:
		let_go(shadow)


def by(context: Context, since: str = "") -> dict[str, str]:
	"""Who holds a site, as its site_config.json has it: the job, and its mark, which tells it from another job of that name."""
	return {
		"by": context.job,
		"mark": context.mark,
		"since": since or f"{now_datetime():%Y-%m-%d %H:%M}",
	}


def let_go(shadow: str) -> bool:
	"""Let people in again, if the shadow's site is held; returns whether it was. Commits. Repeatable.

	A site that was being migrated in place is put back first. It stays shut where that fails.
	"""
	row = shadows.row(shadow)
	site, bench = frappe.get_doc("Tenant", row.tenant).site_name, door_of(row.bench)
	if is_way_back(shadow):
		tables = bench.do("put_site_back", site=site, database=row.database, mark=row.mark)
		frappe.logger("buildpro_saas").info(
			f"{site} is put back as it was: {', '.join(tables) or 'no table'}"
		)
		set_way_back(shadow, False)
	was = bench.do("let_go_of_site", site=site)
	_note(shadow, 0)
	return was


def is_way_back(shadow: str) -> bool:
	"""Whether the shadow is the way back of a site that is being migrated in place, or was as a process died."""
	return bool(frappe.db.get_value(shadows.DOCTYPE, shadow, WAY_BACK))


def set_way_back(shadow: str, value: bool, *, commits: bool = True) -> None:
	"""Note that letting go of the shadow's site puts it back first; or that it does not any more."""
	frappe.db.set_value(shadows.DOCTYPE, shadow, WAY_BACK, int(value))
	if commits:
		frappe.db.commit()


def let_go_of_forgotten() -> None:
	"""Every minute, on the admin site: let go of sites whose job has ended without doing so, and drop its copy."""
	if not site_role.is_admin_site():
		return
	for row in frappe.get_all(shadows.DOCTYPE, {FIELD: 1}, ["name", "tenant", "bench"]):
		if is_reached(row.bench):
			lifecycle.shielded(_let_go_if_forgotten, row)


def _let_go_if_forgotten(row) -> None:
	try:
		with sites.taken(row.tenant):
			let_go(row.name)
			if shadows.row(row.name).status == shadows.FILLING:
				shadows.forget_copy(row.name)
	except sites.SiteTakenError:
		frappe.db.rollback()  # its job goes on, or will


def let_go_of_unknown(tenant) -> None:
	"""Let people in again to the site of the tenant (document), whose holder no record knows. The caller has the site."""
	door_of(tenant.bench).do("let_go_of_site", site=tenant.site_name)


def _note(shadow: str, value: int) -> None:
	frappe.db.set_value(shadows.DOCTYPE, shadow, FIELD, value)
	frappe.db.commit()


def wait_for_jobs(context: Context) -> None:
	"""Wait for the end of what the site's workers are at. Raises TransientError where that takes too long."""
	until = time.monotonic() + JOBS_WAIT
	while running := context.bench.do("running_jobs", site=context.site.name):
		context.checkpoint()
		if time.monotonic() >= until:
			raise TransientError(
				f"{running[0]} of {context.site.name} has been at work for longer than {JOBS_WAIT} seconds.",
				"Wait for its end (RQ Job on that site), then press Retry.",
			)
		time.sleep(PAUSE)


def write_down(context: Context) -> None:
	"""Have the held site write down what Redis has under its names. What cannot be written is told, and keeps nothing from going on."""
	try:
		lost = context.site.call(WRITE_DOWN)
	except Exception as error:  # the site may be as unwell as its apps
		lost = [sentence(error)]
	for each in lost:
		context.log(f"What waited in Redis is lost: {each}")


def _limited(context: Context) -> Callable[[], None]:
	longest = frappe.db.get_single_value("SaaS Settings", "longest_hold") or LONGEST
	until = time.monotonic() + longest

	def checkpoint() -> None:
		context.checkpoint()
		if time.monotonic() > until:
			raise AgentError(
				f"Nobody could write on {context.site.name} for {longest} seconds, and it was given up.",
				"Rehearse says how long it takes. Migrate when few people work, with a longer Longest Hold in SaaS Settings.",
			)

	return checkpoint
