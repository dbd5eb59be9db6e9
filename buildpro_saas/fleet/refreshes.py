"""The guide's `refresh.sh`: a bench's apps brought up to date, and its tenants' sites with them, the canaries first."""

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backup_keys, backup_requests, backups, benches
from buildpro_saas.fleet.canaries import MOST, Shape
from buildpro_saas.jobs import inline, lifecycle
from buildpro_saas.jobs.batch_runner import TenantWork, Turn
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.refusal import refuse

PLAYBOOK = "refresh"
STATES = ("Active", "Past Due", "Suspended")
HOUR = 3600


class BackUpSite(TenantWork):
	"""Take a backup of the tenant's site, by a job of the tenant's, in this turn."""

	title = "Back up"
	timeout = 6 * HOUR
	takes_site = False  # the job has it

	def run(self, turn: Turn) -> str:
		"""Returns a sentence. Raises AgentError with the job's where that failed."""
		if job := backups.under_way(turn.tenant):
			raise AgentError(
				f"{job} takes a backup of {turn.tenant} already.", "Wait for its end, then press Retry."
			)
		name, job = backup_requests.start(
			frappe.get_doc("Tenant", turn.tenant), why=turn.inputs.get("why") or ""
		)
		ended = inline.run(job, turn.checkpoint)
		if ended.status != "Completed":
			raise AgentError(ended.error or f"{job} is {ended.status}.", ended.hint or "")
		row = frappe.db.get_value(backups.DOCTYPE, name, ["size", "added", "seconds"], as_dict=True)
		return f"{name}: {row.size:.1f} MB in {row.seconds:.1f} s; the store grew by {row.added:.2f} MB."


def start(
	bench: str,
	*,
	site: str | None = None,
	by: str,
	has_backup: bool = True,
	has_pull: bool = True,
	most_canaries: int = MOST,
	stop_after: int = 1,
):
	"""Start the job that refreshes the bench, and return its document. by: who asks.

	site: the name of one site: it alone is backed up, rehearsed and migrated, to what is on the bench's disk; no app is pulled, for all
	sites share them. has_backup, has_pull: whether these parts are done. stop_after: failures of the many after which it halts.

	Raises frappe.ValidationError, and nothing is begun, where it would end at once: a refresh that is under way, no recovery key, no right
	to pull, no tenant.
	"""
	benches.only_reached(bench)
	if job := under_way(bench):
		refuse(_("{0} refreshes {1} already: follow it with `saas job {0}`."), job, bench)
	if has_backup and not backup_keys.recipient():
		refuse(
			_(
				"No backup can be taken before there is a recovery key: `saas recovery-key` makes it. Or refresh with --no-backup."
			)
		)
	tenants = [of_site(site)] if site else tenants_of(bench)
	if has_pull and not site:
		check_may_pull(bench)
	inputs = {
		"tenants": tenants,
		"site": site or "",
		"by": by,
		"has_backup": has_backup,
		"has_pull": has_pull and not site,
		"most_canaries": max(most_canaries, 1),
		"stop_after": stop_after,
	}
	return lifecycle.start(PLAYBOOK, tenant=None, bench=bench, inputs=inputs, about=site or bench)


def under_way(bench: str) -> str | None:
	"""The unfinished job that refreshes the bench; None for none."""
	return frappe.db.get_value(
		"Provisioning Job", {"bench": bench, "playbook": PLAYBOOK, "status": ("in", UNFINISHED)}
	)


def outcome(job: str) -> dict:
	"""{"status", "report", "error", "hint"} of a refresh. report: lines; [] while it goes on, and where it was halted.

	Raises frappe.DoesNotExistError.
	"""
	of_this = {"name": job, "playbook": PLAYBOOK}
	found = frappe.db.get_value(
		"Provisioning Job", of_this, ["status", "state", "error", "hint"], as_dict=True
	)
	if not found:
		raise frappe.DoesNotExistError(_("There is no refresh {0}.").format(job))
	report = frappe.parse_json(found.state or "{}").get("report") or []
	return {"status": found.status, "report": report, "error": found.error or "", "hint": found.hint or ""}


def of_site(site: str) -> str:
	"""The tenant whose site has that name. Raises frappe.ValidationError where there is none."""
	if tenant := frappe.db.get_value("Tenant", {"site": site, "status": ("in", STATES)}):
		return tenant
	refuse(_("No tenant has the site {0}: see `saas sites`."), site, title=_("Site"))


def bench_of(site: str | None) -> str:
	"""The bench of the tenant's site of that name; without one, the admin site's own. Raises frappe.ValidationError for an unknown site."""
	if site:
		return frappe.db.get_value("Tenant", of_site(site), "bench")
	return frappe.db.get_value("Bench", {"is_local": 1})


def tenants_of(bench: str) -> list[str]:
	"""The tenants with a site on the bench, by name; [] for none."""
	of_these = {"bench": bench, "status": ("in", STATES), "site": ("is", "set")}
	return frappe.get_all("Tenant", of_these, pluck="name", order_by="name")


def check_may_pull(bench: str) -> None:
	"""Raise frappe.ValidationError where no shell has said that a refresh may pull apps there."""
	rights = door_of(bench).do("rights_of_refresh")
	if not rights.may_pull:
		refuse(
			_(
				"A refresh may not pull apps on {0}: allow it with `saas setup --may-pull`, or refresh with --no-pull to what is on the disk."
			),
			bench,
		)


def shapes(tenants: list[str], log) -> list[Shape]:
	"""What is particular about each of the tenants' sites; a site that cannot be looked at is left out, and told to `log`."""
	names = ("in", tenants)
	apps: dict[str, set[str]] = {}
	for row in frappe.get_all("Tenant App", {"parent": names}, ["parent", "app"]):
		apps.setdefault(row.parent, set()).add(row.app)
	found = []
	for row in frappe.get_all("Tenant", {"name": names}, ["name", "site", "bench"], order_by="name"):
		door = door_of(row.bench)
		try:
			size = door.do("site_size", site=row.site)["database"]
			custom = door.do("customisations", site=row.site)
		except AgentError as error:
			log(f"{row.site} cannot be looked at, and is no canary: {error}")
			continue
		found.append(Shape(row.name, frozenset(apps.get(row.name, ())), size, custom))
	return found


def silent(bench, tenants: list[str], checkpoint) -> dict[str, str]:
	"""{tenant: sentence} of those whose site does not answer as itself. bench: the door, and the port of its web server. A closed site is not asked."""
	door, port = bench
	found = {}
	for row in frappe.get_all("Tenant", {"name": ("in", tenants)}, ["name", "site"], order_by="name"):
		checkpoint()
		if door.site(row.site).config.get("maintenance_mode"):
			continue
		answer = door.do("ask_site", site=row.site, port=port)
		if answer.status != 200 or not answer.is_itself:
			found[row.name] = f"{row.site} answered {answer.status}" + (
				"" if answer.is_itself else ", and not as itself"
			)
	return found
