"""Drills for many: the turn of a batch, and the rota that starts such batches by itself, at night."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import get_datetime, get_system_timezone

from buildpro_saas import site_role, tenant_status
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backups, drills, site_operations
from buildpro_saas.fleet.drill_times import is_due, is_night
from buildpro_saas.fleet.site_operations import Whom
from buildpro_saas.jobs import inline, lifecycle, sites
from buildpro_saas.jobs.batch_runner import TenantWork, Turn
from buildpro_saas.jobs.bench_door import is_reached

HOUR = 3600
PAUSE = 300  # seconds until a tenant is looked at again whose store is in use
WHY = "The rota of drills"
DAY = "It is day there, and the drill is left for another night."
AT_WORK = ("Waiting", "Running")  # a batch that staff have paused keeps nobody waiting


class DrillTenant(TenantWork):
	"""Drill the tenant's newest backup, in a job of its own. inputs: at_night (only while it is night there)."""

	title = "Drill"
	timeout = 24 * HOUR
	takes_site = False  # the site is not touched

	def run(self, turn: Turn) -> str:
		"""Returns a sentence. Raises AgentError with the job's where the drill failed, and SiteTakenError while a backup is taken."""
		if turn.inputs.get("at_night") and not is_night(_now(), backups.zone_of(turn.tenant)):
			return DAY
		if job := backups.under_way(turn.tenant):
			raise sites.SiteTakenError(f"{job} takes a backup, and has the store.", PAUSE)
		ended = inline.run(drills.start(turn.tenant), turn.checkpoint)
		if ended.status != "Completed":
			raise AgentError(ended.error or f"{ended.name} is {ended.status}.", ended.hint or "")
		return frappe.parse_json(ended.state)["said"]


def start_due_drills() -> None:
	"""Every ten minutes, on the admin site: start a batch of the drills that are due on each bench, unless one is at work there.

	No more run at once than the bench allows. Those that the night is too short for are due in the next one.
	"""
	if not site_role.is_admin_site():
		return
	for bench in frappe.get_all("Bench", {"is_reachable": 1}, ["name", "max_drills"]):
		if is_reached(bench.name):
			lifecycle.shielded(_start, bench)


def _start(bench) -> None:
	if _is_at_work(bench.name) or not (names := due(bench.name)):
		return
	how = {"inputs": {"at_night": True}, "why": WHY, "width": bench.max_drills or 1}
	site_operations.start(site_operations.DRILL, Whom(names), **how)
	frappe.db.commit()


def _is_at_work(bench: str) -> bool:
	batches = frappe.get_all(
		"Batch", {"playbook": site_operations.DRILL, "status": ("in", AT_WORK)}, pluck="name"
	)
	return bool(batches) and bool(frappe.db.exists("Batch Row", {"batch": ("in", batches), "bench": bench}))


def due(bench: str) -> list[str]:
	"""Names of the bench's Active tenants with a backup there whose drill may begin now."""
	having = {"bench": bench, "status": backups.KEPT}
	with_backup = set(frappe.get_all(backups.DOCTYPE, having, pluck="tenant", distinct=True))
	fields = ["name", "time_zone", "drilled_at", "drill_failed_at"]
	now = _now()
	return [
		row.name
		for row in frappe.get_all("Tenant", {"bench": bench, "status": tenant_status.ACTIVE}, fields)
		if row.name in with_backup
		and is_due(
			now,
			row.time_zone or get_system_timezone(),
			row.name,
			_zoned(row.drilled_at),
			_zoned(row.drill_failed_at),
		)
	]


def _now() -> datetime:
	return datetime.now(timezone.utc)


def _zoned(moment) -> datetime | None:
	return get_datetime(moment).replace(tzinfo=ZoneInfo(get_system_timezone())) if moment else None
