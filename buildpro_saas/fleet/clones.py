"""Clones: copies of tenants' sites as tenants of their own, for staging or support. They are silenced, marked, and end by themselves.

A Tenant with `cloned_from` is no customer: whatever counts or bills customers leaves it out.
"""

import frappe
from frappe import _
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas import site_role, tenant_status
from buildpro_saas.agent.facts import CLONE, PAUSED
from buildpro_saas.fleet import finished_site, site_state
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.jobs.playbook import Context
from buildpro_saas.refusal import refuse

PLAYBOOK = "clone_tenant"
DAYS = 14
LONGEST = 365
# Of a Tenant: a condition that leaves clones out.
NO_CLONE = {"cloned_from": ("is", "not set")}


def days() -> int:
	"""Days after which a clone is suspended unless somebody says otherwise."""
	return frappe.db.get_single_value("SaaS Settings", "clone_days") or DAYS


def until(wanted: float | None):
	"""When a clone that is made now ends. wanted: days; None: as SaaS Settings say. Raises frappe.ValidationError for a wrong number."""
	if wanted is not None and not 0 < wanted <= LONGEST:
		refuse(_("Keep it for more than 0 days, and for a year at most."), title=_("Days"))
	return add_to_date(now_datetime(), hours=24 * (wanted or days()), as_datetime=True)


def note(of: str, ends) -> dict:
	"""What site_config.json of a clone says: {CLONE: {"of", "until"}}."""
	return {CLONE: {"of": of, "until": f"{get_datetime(ends):%Y-%m-%d}"}}


def config_of(tenant: dict, by: str) -> dict:
	"""What the record (its fields) of a clone says of its site_config.json; {} for what is no clone. A silenced one must not wake up.

	by: who pauses its scheduler, as people are told.
	"""
	if not tenant["cloned_from"]:
		return {}
	return note(tenant["cloned_from"], tenant["expires_on"]) | (_quiet(by) if tenant["is_silenced"] else {})


def _quiet(by: str) -> dict:
	"""The keys of site_config.json with which a site sends no mail, and its scheduler is paused."""
	asked = {"is_paused": True, "by": by, "since": f"{now_datetime():%Y-%m-%d %H:%M}", "message": "a clone"}
	return {"mute_emails": 1, **site_state.scheduler({}, asked)}


def keep_longer(tenant, wanted: float) -> None:
	"""Let the clone (document) end so many days from now. The caller commits. Raises frappe.ValidationError for what is no clone."""
	if not tenant.cloned_from:
		refuse(_("{0} is no clone: it does not end by itself."), tenant.name)
	ends = until(wanted)
	frappe.db.set_value("Tenant", tenant.name, "expires_on", ends)
	if tenant.status in tenant_status.WITH_SITE and is_reached(tenant.bench):
		door_of(tenant.bench).site(tenant.site_name).update_config(note(tenant.cloned_from, ends))


def suspend_expired_clones() -> None:
	"""Every ten minutes, on the admin site: suspend clones whose time is over. What is to become of them is for staff."""
	if not site_role.is_admin_site():
		return
	over = {
		"cloned_from": ("is", "set"),
		"expires_on": ("<=", now_datetime()),
		"status": ("in", (tenant_status.ACTIVE, tenant_status.PAST_DUE)),
	}
	for name in frappe.get_all("Tenant", over, pluck="name", order_by="expires_on"):
		lifecycle.shielded(_suspend, name)


def _suspend(name: str) -> None:
	tenant = frappe.get_doc("Tenant", name)
	tenant.set_status(tenant_status.SUSPENDED)
	tenant.add_comment("Info", _("suspended: a clone, whose time is over"))
	frappe.db.commit()


def finish(context: Context) -> None:
	"""Open the clone, and note that it is for good what it is. One that is silenced sends no mail, and its scheduler is paused. Repeatable."""
	finished_site.finish(context)
	quiet = {"mute_emails": None, "pause_scheduler": None, PAUSED: None}
	if context.inputs["is_silenced"]:
		quiet = _quiet(context.job)
	context.site.update_config({"maintenance_mode": None, "allow_reads_during_maintenance": None, **quiet})
