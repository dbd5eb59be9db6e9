"""Operations on tenants' sites over HTTP: for one, for several, or for all that a plan, a status or a bench says. For SaaS Manager.

Each starts a batch, and answers {"batch", "tenants"}; `api/batches.py` tells how it goes on. tenants: names, as a list or with commas;
left out, all tenants with a site to whom the other filters apply, and at least one filter must be given. Raises frappe.ValidationError
(HTTP 417), with what to change, and then nothing is begun.
"""

import frappe
from frappe import _

from buildpro_saas import given
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.doctype.batch.batch import arguments_names
from buildpro_saas.fleet import site_list, site_operations
from buildpro_saas.fleet.site_operations import Whom
from buildpro_saas.jobs import batches
from buildpro_saas.refusal import refuse

MOST = 10**6  # of a number


@frappe.whitelist(methods=["GET"])
@arguments.checked
def overview(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
) -> list:
	"""The sites of tenants: site_list.sites. Without filters, of all. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	return site_list.sites(Whom(_names(tenants), plan, status, bench, tag))


@frappe.whitelist(methods=["GET"])
@arguments.checked
def preview(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
) -> list:
	"""Whom an operation with these filters would meet: [{"tenant", "bench", "plan", "status", "site"}]."""
	staff.only_for_manager()
	return _whom(tenants, plan, status, bench, tag).found()


@frappe.whitelist(methods=["POST"])
@arguments.checked
def clear_cache(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
) -> dict:
	"""Forget what Redis has of the sites."""
	staff.only_for_manager()
	return _start(site_operations.CLEAR_CACHE, _whom(tenants, plan, status, bench, tag), width=width)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def migrate(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 0,
	stop_after: int | str = 0,
	in_place: int | str = 0,
) -> dict:
	"""Migrate the sites: a copy of each, which then takes the site's place; one that is too large for that in place.

	width: 0 is what rehearsals say. stop_after: so many failures; 0 is never. in_place: 1 migrates all of them in place.
	"""
	staff.only_for_manager()
	how = {"width": width, "stop_after": stop_after}
	inputs = {"in_place": True} if given.count(in_place, "in_place", 1) else {}
	return _start(site_operations.MIGRATE, _whom(tenants, plan, status, bench, tag), inputs, **how)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def rehearse(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
) -> dict:
	"""Migrate copies of the sites, and drop them: which patch would fail, how long it takes, what it changes."""
	staff.only_for_manager()
	return _start(site_operations.REHEARSE, _whom(tenants, plan, status, bench, tag), width=width)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def drill(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
	stop_after: int | str = 0,
) -> dict:
	"""Restore the newest backup of each into a shadow, compare, ask and drop it. stop_after: so many failures; 0 is never."""
	staff.only_for_manager()
	how = {"width": width, "stop_after": stop_after}
	return _start(site_operations.DRILL, _whom(tenants, plan, status, bench, tag), **how)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def back_up(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
	stop_after: int | str = 0,
	why: str | None = None,
) -> dict:
	"""Take a backup of each site into its store. why: stays on record with them. stop_after: so many failures; 0 is never."""
	staff.only_for_manager()
	how = {"width": width, "stop_after": stop_after, "why": why or ""}
	return _start(
		site_operations.BACK_UP, _whom(tenants, plan, status, bench, tag), {"why": why or ""}, **how
	)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def restore_lost(
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
	stop_after: int | str = 0,
) -> dict:
	"""Make each site anew from its last backup where its folder or database is lost; leave alone those that are whole."""
	staff.only_for_manager()
	how = {"width": width, "stop_after": stop_after}
	return _start(site_operations.RESTORE_LOST, _whom(tenants, plan, status, bench, tag), **how)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def maintenance(
	is_on: int | str,
	message: str | None = None,
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
) -> dict:
	"""Close the sites (is_on: 1), or open them (0). Meanwhile they answer 503 with the message."""
	staff.only_for_manager()
	inputs = {"is_on": bool(given.count(is_on, "is_on", 1)), "message": site_operations.message(message)}
	return _start(
		site_operations.MAINTENANCE, _whom(tenants, plan, status, bench, tag), inputs, message, width
	)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def scheduler(
	is_paused: int | str,
	message: str | None = None,
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
) -> dict:
	"""Pause the sites' schedulers (is_paused: 1), or let them go on (0). message: why; it is shown with the site."""
	staff.only_for_manager()
	inputs = {
		"is_paused": bool(given.count(is_paused, "is_paused", 1)),
		"message": site_operations.message(message),
	}
	return _start(site_operations.SCHEDULER, _whom(tenants, plan, status, bench, tag), inputs, message, width)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def run_function(
	method: str,
	args: str | None = None,
	tenants: list | str | None = None,
	plan: str | None = None,
	status: str | None = None,
	bench: str | None = None,
	tag: str | None = None,
	width: int | str = 1,
) -> dict:
	"""Run a whitelisted function of the sites' apps there, as Administrator. args: a JSON object."""
	staff.only_for_manager()
	inputs = site_operations.function(method, args)
	return _start(site_operations.FUNCTION, _whom(tenants, plan, status, bench, tag), inputs, method, width)


def _start(
	playbook: str,
	whom: Whom,
	inputs: dict | None = None,
	why: str | None = None,
	width: int | str = 1,
	stop_after: int | str = 0,
) -> dict:
	how = {
		"width": given.count(width, "width", batches.WIDEST),
		"stop_after": given.count(stop_after, "stop_after", MOST),
	}
	batch = site_operations.start(playbook, whom, inputs=inputs, why=why or "", **how)
	return {"batch": batch.name, "tenants": batch.total}


def _names(tenants: list | str | None) -> list[str] | None:
	return None if tenants is None else arguments_names(tenants)


def _whom(
	tenants: list | str | None, plan: str | None, status: str | None, bench: str | None, tag: str | None
) -> Whom:
	if tenants is None and not (plan or status or bench or tag):
		refuse(_("Say whom: tenants, a plan, a status, a bench or a tag."), title=_("Tenants"))
	return Whom(_names(tenants), plan, status, bench, tag)
