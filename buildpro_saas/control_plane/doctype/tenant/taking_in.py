"""Makes a tenant of a site that was nobody's: from a site of a bench, from a backup's files, or from uploaded ones."""

import re
from collections.abc import Mapping
from typing import Any

import frappe
from frappe import _

from buildpro_saas.control_plane.access import staff
from buildpro_saas.control_plane.doctype.tenant import free_names
from buildpro_saas.control_plane.doctype.tenant.adoption import as_line, places
from buildpro_saas.control_plane.host_names import check_subdomain
from buildpro_saas.entitlements.plans import PlanError
from buildpro_saas.fleet import adoption, benches, looks, shadows, taking_in
from buildpro_saas.jobs import AgentError
from buildpro_saas.refusal import refuse

TITLE = "Take In"
SITE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")


def origin_of(
	*,
	site: str | None = None,
	files: str | None = None,
	uploads: Mapping[str, str] | None = None,
	of: str | None = None,
	in_place: bool = False,
	maintenance: bool = False,
	pause_scheduler: bool = False,
	without_key: bool = False,
) -> dict[str, Any]:
	"""What is taken in, as fleet.taking_in has it. Raises frappe.ValidationError unless just one of site, files and uploads is named.

	files: a folder of the bench's machine. uploads: {part: address of a File}, attached to the record `of`. in_place: the site itself becomes
	the tenant's, under its own name. maintenance: the site is closed,
	and stays so. pause_scheduler: the new site begins with its scheduler paused. without_key: passwords that cannot be read are given up.
	"""
	if sum(map(bool, (site, files, uploads))) != 1:
		refuse(_("Name either a site of the bench, or a folder with a backup's files."), title=_(TITLE))
	if site and not SITE_NAME.fullmatch(site):
		refuse(_("{0} is no name of a site: name it as its folder in sites/ is named."), site, title=_(TITLE))
	if files and not files.startswith("/"):
		refuse(
			_("Name the folder with the backup by its whole path on the bench's machine."), title=_("Files")
		)
	if (maintenance or in_place) and not site:
		refuse(
			_(
				"Only a site of the bench can be closed or stay in its place: the files of a backup are of no site here."
			),
			title=_(TITLE),
		)
	if maintenance and in_place:
		refuse(_("In place there is no old site to close: leave out either."), title=_(TITLE))
	options = {
		"is_closed": maintenance,
		"is_paused": pause_scheduler,
		"without_key": without_key,
		"in_place": in_place,
	}
	if uploads:
		return {"kind": taking_in.UPLOADS, "of": of, "parts": dict(uploads), **options}
	return {"kind": taking_in.SITE if site else taking_in.FILES, "of": site or files, **options}


def bench_for(origin: Mapping[str, Any], bench: str | None) -> str:
	"""The Bench on which it is taken in: that of the site, the one that is named, or the default one."""
	wanted = bench or frappe.db.get_single_value("SaaS Settings", "default_bench")
	if origin["kind"] == taking_in.SITE:
		found = _or_refuse(lambda: adoption.bench_of(origin["of"]))
		if not found or (bench and found != bench):
			refuse(
				_("There is no site {0} on {1}: name it as its folder in sites/ is named."),
				origin["of"],
				bench or _("a bench that can be reached"),
				title=_(TITLE),
			)
		return found
	if not wanted or not frappe.db.exists("Bench", wanted):
		refuse(_("Choose a bench, or set the default bench in SaaS Settings."), title=_("Bench"))
	benches.only_reached(wanted)
	return wanted


def look(origin: Mapping[str, Any], plan: str, bench: str, subdomain: str | None = None) -> dict[str, Any]:
	"""What is to be taken in, and what stands in the way, as fleet.taking_in.report tells it. Nothing is touched. For SaaS Manager.

	Raises frappe.ValidationError where it cannot be read at all.
	"""
	staff.only_for_manager()
	_check_plan(plan)
	found = _or_refuse(lambda: taking_in.survey(bench, origin))
	told = _or_refuse(lambda: taking_in.report(found, origin, plan, bench))
	if subdomain:
		told["faults"] += _faults_of_name(subdomain, bench, origin)
	return told


def start_look(intake: str, origin: Mapping[str, Any], plan: str, bench: str, subdomain: str | None) -> str:
	"""Start the job that looks so for a Site Intake (its name), and keeps what it finds there; returns the job's name. For SaaS Manager.

	Reading a dump may take longer than a request has. Raises frappe.ValidationError for a plan that there is not.
	"""
	staff.only_for_manager()
	_check_plan(plan)
	faults = _faults_of_name(subdomain, bench, origin) if subdomain else []
	return looks.start(intake, origin, plan, bench, faults)


def _check_plan(plan: str) -> None:
	if not frappe.db.exists("Plan", plan):
		known = ", ".join(frappe.get_all("Plan", {"is_active": 1}, pluck="name", order_by="name"))
		refuse(_("There is no Plan {0}: choose {1}."), plan, known, title=_("Plan"))


def take_in(origin: Mapping[str, Any], told: Mapping[str, Any], bench: str, **fields: Any):
	"""Make the tenant, and start the job that takes its site in; returns the document. For SaaS Manager. The caller commits.

	told: what `look` told. fields: subdomain and plan, and what is to be otherwise than the site says: company, owner_name, owner_email,
	country, currency, time_zone, language. Raises frappe.ValidationError, and nothing is begun, where it cannot be done.
	"""
	staff.only_for_manager()
	if told["faults"]:
		refuse("{0}", " ".join(told["faults"]), title=_(TITLE))
	given = {key: value for key, value in fields.items() if value}
	tenant = frappe.get_doc({"doctype": "Tenant", "bench": bench, **_said(told), **given})
	for field, option in (("company", "--company"), ("owner_email", "--owner-email")):
		if not tenant.get(field):
			refuse(
				_("The site does not say the {0}: enter it ({1})."),
				_(tenant.meta.get_label(field)),
				option,
				title=_(TITLE),
			)
	tenant.owner_name = tenant.owner_name or tenant.owner_email
	of = (
		origin["of"]
		if origin["kind"] != taking_in.UPLOADS
		else _("files uploaded to {0}").format(origin["of"])
	)
	tenant.flags.made_from = {
		"origin": frappe.as_json(_given(origin)),
		"taken_in_from": of[:300],
		"customisations_found": taking_in.customisations(told["customisations"]),
		"customisations_found_on": frappe.utils.now_datetime(),
	}
	return tenant.insert()


def _given(origin: Mapping[str, Any]) -> dict[str, Any]:
	"""What the job is given, and its playbook."""
	if not origin["in_place"]:
		return {"playbook": taking_in.PLAYBOOK, **origin}
	return {"playbook": taking_in.IN_PLACE, "shadow": shadows.new_database(), **origin}


def _said(told: Mapping[str, Any]) -> dict[str, Any]:
	"""What the site says of its company, owner and region, as far as a record can have it."""
	owner = told["owner"]
	return {
		"company": as_line(told["company"]),
		"owner_name": as_line(owner.get("name")),
		"owner_email": owner.get("email"),
		**places(frappe._dict(told["region"])),
	}


def _faults_of_name(subdomain: str, bench: str, origin: Mapping[str, Any]) -> list[str]:
	"""Why no tenant can be made of that name; [] where one can."""
	try:
		label = check_subdomain(subdomain, frappe.get_single("SaaS Settings").reserved())
		tenant = frappe.get_doc({"doctype": "Tenant", "subdomain": label, "bench": bench})
		tenant.origin = frappe.as_json(origin)
		free_names.check(tenant)
	except frappe.ValidationError as error:
		frappe.clear_last_message()
		return [frappe.utils.strip_html(str(error))]
	return []


def _or_refuse(ask):
	try:
		return ask()
	except (AgentError, PlanError) as error:
		refuse("{0}", " ".join(filter(None, (str(error), getattr(error, "hint", "")))), title=_(TITLE))
