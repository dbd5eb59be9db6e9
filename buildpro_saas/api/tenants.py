"""Tenants over HTTP, for the operator's own systems: on the admin site, with the API key of a user who is SaaS Manager."""

import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.doctype.site_intake.site_intake import FOLDER, SITE
from buildpro_saas.control_plane.doctype.tenant import adoption, tenant_region
from buildpro_saas.fleet import backup_requests, point_in_time
from buildpro_saas.refusal import refuse


@frappe.whitelist(methods=["POST"])
@arguments.checked
def create(
	subdomain: str,
	company: str,
	owner_name: str,
	owner_email: str,
	plan: str,
	bench: str | None = None,
	country: str | None = None,
	currency: str | None = None,
	time_zone: str | None = None,
	language: str | None = None,
	database_name: str | None = None,
	customisations: str | None = None,
) -> dict:
	"""Make a tenant, as inserting it in Desk does; for SaaS Manager.

	What is left out comes from SaaS Settings, the country and this site (`region` tells what). Returns {"tenant", "site", "status", "job"}.
	The site is ready once `status` says Active. Raises frappe.ValidationError (HTTP 417) or frappe.DuplicateEntryError (409) with one
	sentence that says what to change; then nothing is made.
	"""
	fields = dict(locals())
	staff.only_for_manager()
	tenant = frappe.get_doc({"doctype": "Tenant", **fields}).insert()
	return summary(tenant)


@frappe.whitelist(methods=["GET"])
@arguments.checked
def region(country: str) -> dict:
	"""What a tenant in a country gets where it is left out: {"currency", "time_zone", "time_zones"}; for staff.

	country: name of a Country record. time_zone is None where the caller must choose one of time_zones.
	"""
	staff.only_for_staff()
	return tenant_region.propose(country)


@frappe.whitelist(methods=["GET"])
@arguments.checked
def status(tenant: str) -> dict:
	"""Where a tenant stands: {"tenant", "site", "status", "job"}; for SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	doc = frappe.get_doc("Tenant", tenant)
	doc.check_permission("read")
	return summary(doc)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def owner_link(tenant: str) -> dict:
	"""A new single-use link with which the tenant's owner sets a password: {"link"}; for SaaS Manager."""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).owner_link()


@frappe.whitelist(methods=["POST"])
@arguments.checked
def set_plan(
	tenant: str,
	plan: str,
	at: str | None = None,
	trial_until: str | None = None,
	then: str | None = None,
) -> dict:
	"""Give a tenant another plan: now, `at` a date, or on trial until a date and `then` another plan; for SaaS Manager.

	Dates are in this site's time zone. Returns what `status` returns. Raises frappe.ValidationError with what to change.
	"""
	return _act(tenant, "set_plan", plan, at, trial_until, then)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def adopt(site: str, plan: str | None = None) -> dict:
	"""Make the lost record of the tenant whose site `site` is, from what the site says; for SaaS Manager.

	`plan`: instead of the one that the site's statement names. Returns what `status` returns. Raises frappe.ValidationError (HTTP 417), or
	frappe.DuplicateEntryError (409) where the tenant is on record, with what to do; then nothing is changed.
	"""
	return summary(adoption.adopt(site, plan))


@frappe.whitelist(methods=["POST"])
@arguments.checked
def look_at_site(
	plan: str,
	site: str | None = None,
	files: str | None = None,
	bench: str | None = None,
	subdomain: str | None = None,
	in_place: int = 0,
	maintenance: int = 0,
	pause_scheduler: int = 0,
	without_key: int = 0,
) -> dict:
	"""Start looking at what is to be taken in: `site` of a bench, or the backup in the folder `files`; for SaaS Manager.

	Nothing is touched. in_place: 1 where the site itself becomes the tenant's; otherwise it is copied. maintenance: 1 to close it before
	that. pause_scheduler: 1 where the new site begins with its scheduler paused. without_key: 1 to give up passwords that cannot be
	decrypted. Returns {"intake", "job"}: `looked_at` tells what came of it. Raises frappe.ValidationError (HTTP 417) with what to change.
	"""
	staff.only_for_manager()
	fields = dict(locals())
	if (site and files) or not (site or files):
		refuse(_("Name either a site of the bench, or a folder with a backup's files."), title=_("Take In"))
	source = SITE if site else FOLDER
	intake = frappe.get_doc({"doctype": "Site Intake", "source": source, **fields}).insert()
	return {"intake": intake.name, **intake.look()}


@frappe.whitelist(methods=["GET"])
@arguments.checked
def looked_at(intake: str) -> dict:
	"""What came of `look_at_site`; for SaaS Manager.

	Returns {"intake", "status": Looking, Ready, Blocked, or Taken In, "job", "report": lines of text}, and once it was looked at what they
	are made of: apps, size, people, customisations, and in "faults" what stands in the way.
	"""
	staff.only_for_manager()
	doc = frappe.get_doc("Site Intake", intake)
	told = frappe.parse_json(doc.told or "{}")
	return {
		**told,
		"intake": doc.name,
		"status": doc.status,
		"job": doc.job,
		"report": (doc.report or "").splitlines(),
	}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def take_in(
	intake: str,
	company: str | None = None,
	owner_name: str | None = None,
	owner_email: str | None = None,
) -> dict:
	"""Make a tenant of what was looked at, and is Ready: `intake` of `look_at_site`, which was given a subdomain; for SaaS Manager.

	company, owner_name, owner_email: instead of what the site says. Returns what `status` returns. Raises as `create`; then nothing is begun.
	"""
	people = {key: value for key, value in dict(locals()).items() if key != "intake" and value}
	staff.only_for_manager()
	doc = frappe.get_doc("Site Intake", intake)
	if people:
		doc.update(people).save()
	return summary(frappe.get_doc("Tenant", doc.take_in()["tenant"]))


@frappe.whitelist(methods=["POST"])
@arguments.checked
def list_customisations(tenant: str) -> dict:
	"""Look which fields, settings, scripts and doctypes of its own a tenant's site has: {"customisations": text}; for SaaS Manager."""
	staff.only_for_manager()
	return {"customisations": frappe.get_doc("Tenant", tenant).list_customisations()}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def clone(tenant: str, subdomain: str, days: float | int | None = None, is_silenced: int = 1) -> dict:
	"""Make a tenant that is a copy of `tenant`, for staging or support: {"tenant": the new one's name, "job"}; for SaaS Manager.

	days: after which it is suspended. is_silenced: 0 where it is to reach others as the original does. Raises frappe.ValidationError
	(HTTP 417), or frappe.DuplicateEntryError (409) for a name that is taken; nothing is begun then.
	"""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).clone(subdomain, days, is_silenced)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def keep_clone(tenant: str, days: float | int) -> dict:
	"""Let a clone end so many days from now; for SaaS Manager. Returns what `status` returns."""
	return _act(tenant, "keep_clone", days)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def suspend(tenant: str, reason: str) -> dict:
	"""Close a tenant's site to its users. Its data stays. For SaaS Manager. Returns what `status` returns."""
	return _act(tenant, "suspend", reason)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def mark_past_due(tenant: str, reason: str) -> dict:
	"""Note that a tenant has not paid; its site shows it. For SaaS Manager. Returns what `status` returns."""
	return _act(tenant, "mark_past_due", reason)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def resume(tenant: str, reason: str | None = None) -> dict:
	"""Make a tenant that is Past Due or Suspended Active again; for SaaS Manager. Returns what `status` returns."""
	return _act(tenant, "resume", reason)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def copy_site(tenant: str, why: str | None = None, hours: float | int | None = None) -> dict:
	"""Copy a tenant's site, as it is at one moment, into a shadow that is kept for some hours: {"shadow", "job"}; for SaaS Manager."""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).copy_site(why, hours)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def swap_back(tenant: str, confirm: str, shadow: str | None = None) -> dict:
	"""Put a shadow of a tenant, the newest where none is named, in its site's place: {"shadow", "job"}; for SaaS Manager.

	confirm: the tenant's subdomain. What was the site is kept as the shadow. Raises frappe.ValidationError with what to change.
	"""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).swap_back(confirm, shadow)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def back_up(tenant: str, why: str | None = None) -> dict:
	"""Take a backup of a tenant's site: {"backup", "job"}; for SaaS Manager. Raises frappe.ValidationError with what to change."""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).back_up(why)


@frappe.whitelist(methods=["GET"])
@arguments.checked
def backups(tenant: str) -> list[dict]:
	"""A tenant's backups that are kept or failed, the newest first; for SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	frappe.get_doc("Tenant", tenant).check_permission("read")
	return backup_requests.overview(tenant)


@frappe.whitelist(methods=["GET"])
@arguments.checked
def recoverable_moments(tenant: str) -> dict:
	"""The moments to which a tenant's site can be restored; for SaaS Manager and SaaS Support.

	{"spans": [{"first", "last"}], "time_zone", "why_not"}: texts in this site's time zone; why_not is a sentence where there is none.
	"""
	staff.only_for_staff()
	frappe.get_doc("Tenant", tenant).check_permission("read")
	return point_in_time.recoverable(tenant)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def restore(
	tenant: str,
	confirm: str,
	backup: str | None = None,
	files: str | None = None,
	from_tenant: str | None = None,
	without_key: int = 0,
	to: str | None = None,
) -> dict:
	"""Restore a tenant's site from a backup by its name or in a folder (files), or to a moment: {"shadow", "job"}; for SaaS Manager.

	The arguments are those of the Tenant's `restore`. Raises frappe.ValidationError with what to change.
	"""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).restore(files, confirm, from_tenant, without_key, backup, to)


def _act(tenant: str, method: str, *arguments: str | None) -> dict:
	staff.only_for_manager()
	doc = frappe.get_doc("Tenant", tenant)
	getattr(doc, method)(*arguments)
	return summary(doc)


def summary(tenant) -> dict:
	"""What callers from outside get of a Tenant document: {"tenant", "site", "status", "job": its latest job or None}.

	It also has "warning", a sentence, where the tenant's site could not be given a status that was just set.
	"""
	job = tenant.latest_job()
	return {
		"tenant": tenant.name,
		"site": tenant.site_name,
		"status": tenant.status,
		"job": job and job.name,
		**({"warning": tenant.warning} if tenant.warning else {}),
	}
