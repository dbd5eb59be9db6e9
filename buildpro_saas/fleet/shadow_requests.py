"""What staff ask of shadows: make a copy, swap one in, keep it longer, drop it, say which there are."""

import frappe
from frappe import _
from frappe.utils import add_to_date, now_datetime

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import shadows
from buildpro_saas.jobs import lifecycle
from buildpro_saas.refusal import refuse


def start_copy(tenant, why: str, kept_hours: float | None = None) -> tuple[str, str]:
	"""Start the job that copies the site of the tenant (document) into a shadow; returns the shadow's name and the job's.

	kept_hours: after which it is dropped; SaaS Settings say how many where it is left out. Raises frappe.ValidationError, and nothing is
	begun, where the tenant has no site that can be reached from here.
	"""
	if kept_hours is not None and not 0 < kept_hours <= 24 * 365:
		refuse(_("Keep it for more than 0 hours, and for a year at most."), title=_("Hours"))
	why = (why or "").strip()[:300] or _("Kept by hand")
	return shadows.start_job(shadows.COPY, tenant, why, hours=kept_hours or shadows.hours())


def start_swap(name: str, confirm: str) -> str:
	"""Start the job that puts the shadow in its tenant's site's place; returns the job's name.

	confirm: the tenant's subdomain, typed by who wants it. What people have done on the site since the shadow's moment is not in it.
	Raises frappe.ValidationError, and nothing is begun, where it cannot be done.
	"""
	shadow = shadows.row(name)
	tenant = frappe.get_doc("Tenant", shadow.tenant)
	shadows.check_has_site(tenant)
	shadows.check_confirmed(tenant, confirm)
	if shadow.status != shadows.READY:
		refuse(_("{0} is {1}: only a Ready one can be swapped in."), name, _(shadow.status))
	if frappe.db.get_value(shadows.DOCTYPE, name, "was_no_tenants"):
		refuse(
			_("{0} is what the site was before it became a tenant's: it cannot be the tenant's site."), name
		)
	if job := shadows.job_about(name):
		refuse(_("{0} is at work on it: wait for its end."), job)
	if shadow.bench != tenant.bench:
		refuse(_("{0} is on the bench {1}, and the site is not."), name, shadow.bench)
	of = {"tenant": tenant.name, "bench": tenant.bench, "subject": name}
	return lifecycle.start(shadows.SWAP, inputs={"shadow": name}, **of).name


def keep_longer(name: str, more_hours: float) -> None:
	"""Keep the shadow for so many hours from now. Raises frappe.ValidationError for one that is gone."""
	if not 0 < more_hours <= 24 * 365:
		refuse(_("Keep it for more than 0 hours, and for a year at most."), title=_("Hours"))
	found = frappe.db.get_value(shadows.DOCTYPE, name, "status", for_update=True)
	if found != shadows.READY:
		refuse(_("{0} is {1}: only a Ready one can be kept longer."), name, _(found))
	frappe.db.set_value(shadows.DOCTYPE, name, "kept_until", add_to_date(now_datetime(), hours=more_hours))


def of_tenant(tenant: str, name: str | None) -> str:
	"""The tenant's shadow of that name; None: the one that was put aside or made last.

	Raises frappe.ValidationError where it is another tenant's, or where none is Ready.
	"""
	if name:
		if shadows.row(name).tenant != tenant:
			refuse(_("{0} is a shadow of another tenant than {1}."), name, tenant)
		return name
	ready = {"tenant": tenant, "status": shadows.READY, "was_no_tenants": 0}
	found = frappe.get_all(
		shadows.DOCTYPE, ready, pluck="name", order_by="as_of desc, creation desc", limit=1
	)
	if not found:
		refuse(_("{0} has no shadow that could be swapped in."), tenant)
	return found[0]


def overview(tenant: str | None = None) -> list[dict]:
	"""The shadows that take room, the newest first: name, tenant, status, as_of, kept_until, size (MB), why."""
	fields = ["name", "tenant", "status", "as_of", "kept_until", "size", "why"]
	filters = {"status": ("!=", shadows.DROPPED), **({"tenant": tenant} if tenant else {})}
	return frappe.get_all(shadows.DOCTYPE, filters, fields, order_by="creation desc")


def drop_now(name: str) -> None:
	"""Drop the shadow. Commits. Raises frappe.ValidationError while a job is at work on it or on its site."""
	shadow = shadows.row(name)
	if shadow.status == shadows.DROPPED:
		return
	if job := shadows.job_about(name):
		refuse(_("{0} is at work on it: wait for its end, or cancel it."), job)
	try:
		shadows.drop(name)
	except AgentError as error:
		refuse("{0}", error.advice, title=_("Shadow"))
