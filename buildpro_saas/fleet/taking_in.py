"""Taking in a site that was nobody's tenant: what is said of it beforehand, and what its job is given.

It becomes a new tenant's site by a copy: of a site of a bench, or of a backup's files. Those are only read. `adoption.py` is about a
tenant's own site whose record was lost.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.facts import FINISHED, MARK, PAUSED
from buildpro_saas.agent.intake_facts import Survey
from buildpro_saas.fleet import benches, finished_site, image_spec, shadows, site_state
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.jobs.playbook import Context
from buildpro_saas.licensing.entitlement_sources import Offer
from buildpro_saas.refusal import refuse

PLAYBOOK, IN_PLACE = "take_in_site", "take_over_site"
SITE, FILES, UPLOADS = KINDS = ("site", "files", "uploads")
MB = 10**6
# Seconds for a table, and for a byte of a database: a site with ERPNext and HRMS (832 tables, 52 MB) is copied in 5 s, and loaded from a
# dump in 7 s. Files go as the disk does. A migrate that has anything to do takes a minute.
PER_TABLE, PER_BYTE, PER_BYTE_OF_FILES = 0.004, 1 / (20 * MB), 1 / (100 * MB)
PER_INSTALL, MIGRATE, REST = 10, 60, 10
SURVEY_SECONDS = 3600
LISTED = 200  # names of a kind that a tenant's record lists
TOLD = 10  # and that a report does


# -- beforehand --------------------------------------------------------------------------------------------------------


def survey(bench: str, origin: Mapping[str, Any]) -> Survey:
	"""What is to be taken in on the Bench of that name. Nothing is touched.

	origin: {"kind": one of KINDS, "of": a site of the bench, or a folder of its machine by its whole path; for UPLOADS the name of what they
	are attached to, and "parts": as stage_uploads takes them}. Raises AgentError where it cannot be read at all.
	"""
	door, followed = door_of(bench), {"timeout": SURVEY_SECONDS, "log": _no_log, "checkpoint": _go_on}
	keep_free = int((frappe.db.get_value("Bench", bench, "min_free_disk_gb") or 0) * benches.GB)
	followed["id"] = f"survey:{frappe.generate_hash(length=10)}"
	try:
		return run_survey(lambda name, **spec: door.run(name, **followed, **spec), origin, keep_free)
	finally:
		drop_uploads(origin)


def run_survey(run, origin: Mapping[str, Any], keep_free: int) -> Survey:
	"""The same by `run`, which runs an operation of the bench."""
	if origin["kind"] == SITE:
		return run("survey_site", site=origin["of"], keep_free=keep_free)
	return run("survey_backup", folder=folder_of(origin), keep_free=keep_free)


def folder_of(origin: Mapping[str, Any]) -> str:
	"""The folder with the backup's files. What was uploaded is put into one, as long as somebody needs it (drop_uploads)."""
	if origin["kind"] != UPLOADS:
		return origin["of"]
	return _own_bench().do("stage_uploads", site=frappe.local.site, name=origin["of"], parts=origin["parts"])


def drop_uploads(origin: Mapping[str, Any]) -> None:
	"""Remove the folder that folder_of has made; what was uploaded stays. Repeatable."""
	if origin["kind"] == UPLOADS:
		_own_bench().do("drop_uploads", name=origin["of"])


def _own_bench():
	"""The door of the admin site's own bench: what is attached to its records is there."""
	return door_of(frappe.db.get_value("Bench", {"is_local": 1}))


def report(found: Survey, origin: Mapping[str, Any], plan: str, bench: str) -> dict[str, Any]:
	"""What to tell people before it is taken in on that plan: the fields of intake_facts.Survey, and

	{"installed": apps that are installed on it, "beyond": its apps that the plan does not have, "limits": [{"limit", "used", "allowed"}] that
	it is above, "seconds": how long it takes, about}. "faults" has what keeps it from being taken in; "notes" what to look at.
	"""
	wanted = image_spec.apps_to_install(plan)
	installed = [app for app in wanted if app not in found.apps]
	above = _above(found, Offer().resolved(plan)["limits"])
	beyond = sorted(set(found.apps) - {"frappe", *wanted})
	missing = sorted(set(installed) - set(benches.app_names(bench)))
	faults = [*found.faults, *_faults(found, origin)]
	if missing:
		faults.append(
			f"The bench lacks {', '.join(missing)}, which the plan {plan} installs: get it with `bench get-app`."
		)
	return {
		**asdict(found),
		"installed": installed,
		"beyond": beyond,
		"limits": above,
		"faults": faults,
		"notes": [*found.notes, *_notes(found, origin, plan, above, beyond)],
		"seconds": round(seconds(found, origin["kind"] == SITE, len(installed))),
	}


def seconds(found: Survey, is_copied: bool, installs: int) -> float:
	"""About how long it takes. is_copied: from a site, not from a dump. installs: apps that are installed on it."""
	database = found.tables * PER_TABLE + found.size["database"] * PER_BYTE
	migrate = MIGRATE if found.older else 0
	return (
		database * (1 if is_copied else 1.5)
		+ found.size["files"] * PER_BYTE_OF_FILES
		+ migrate
		+ installs * PER_INSTALL
		+ REST
	)


def _above(found: Survey, limits: Mapping[str, Mapping]) -> list[dict[str, Any]]:
	used = {
		"max_users": found.users,
		"max_companies": found.companies,
		"max_storage_gb": round(sum(found.size.values()) / benches.GB, 3),
	}
	return [
		{"limit": key, "used": number, "allowed": limits[key]["value"]}
		for key, number in used.items()
		if key in limits and number > limits[key]["value"]
	]


def _faults(found: Survey, origin: Mapping[str, Any]) -> list[str]:
	if found.tenant and origin["kind"] == SITE and not frappe.db.exists("Tenant", found.tenant):
		return [
			f"It is the site of the tenant {found.tenant}, whose record was lost: adopt it without a subdomain."
		]
	if found.tenant and frappe.db.exists("Tenant", found.tenant):
		return [
			f"It is the site of the tenant {found.tenant}: restore its backup there with `saas restore`, or clone it."
		]
	if not (found.has_key or origin.get("without_key") or origin["kind"] == SITE):
		return [
			"Its encryption key is missing, so the passwords that it keeps cannot be read: put its site_config.json beside the dump, or give"
			" them up (--without-key)."
		]
	return []


def _notes(found: Survey, origin: Mapping[str, Any], plan: str, above: list, beyond: list[str]) -> list[str]:
	notes = [
		f"It is above the plan's {each['limit']}: {each['used']} of {each['allowed']}. Nothing is taken away, and nothing can be added."
		for each in above
	]
	if beyond:
		notes.append(f"The plan {plan} does not have {', '.join(beyond)}: these apps stay on the site.")
	if found.domains and not origin.get("in_place"):
		notes.append(
			f"It answers to {', '.join(found.domains)}. These names lead to the old site until their DNS records are changed."
		)
	if found.left and not origin.get("in_place"):
		notes.append(f"Of its site_config.json these do not come along: {', '.join(found.left)}.")
	quiet = ("in_place", "is_closed", "is_paused")
	if found.speaks and origin["kind"] == SITE and not any(map(origin.get, quiet)):
		notes.append(
			"Both sites would fetch and send the same mails and call the same web hooks: close the old one (--maintenance), or begin with the"
			" new one's scheduler paused (--pause-scheduler)."
		)
	return notes


def lines(told: Mapping[str, Any]) -> list[str]:
	"""A report in lines of text."""
	size, owner = told["size"], told["owner"]
	apps = ", ".join(f"{app} {version}".strip() for app, version in told["apps"].items())
	return [
		f"Server: {told['server'] or 'not known'}",
		f"Apps: {apps}",
		f"Older than on the bench, and migrated: {', '.join(told['older']) or 'none'}",
		f"Installed on it: {', '.join(told['installed']) or 'none'}",
		f"Database: {size['database'] / MB:.0f} MB in {told['tables']} tables; files: {size['files'] / MB:.0f} MB",
		f"People: {told['users']} in Desk, {told['others']} others; companies: {told['companies']}",
		f"Company: {told['company'] or 'not known'}; owner: {owner.get('name', '')} {owner.get('email', 'not known')}",
		f"Scheduler: {'on' if told['is_scheduled'] else 'off'}",
		f"Speaks with others: {_kinds(told['speaks'], TOLD) or 'no'}",
		f"Customisations: {_kinds(told['customisations'], TOLD) or 'none'}",
		f"Encryption key: {'there' if told['has_key'] else 'missing'}",
		f"Domains: {', '.join(told['domains']) or 'none'}",
		f"It takes about {told['seconds']} s.",
		*(f"Note: {note}" for note in told["notes"]),
		*(f"In the way: {fault}" for fault in told["faults"]),
	]


def customisations(found: Mapping[str, list[str]]) -> str:
	"""Customisations as a tenant's record has them: a line for each kind, with their number and names."""
	return "\n".join(
		f"{kind} ({len(names)}): {_some(names, LISTED)}" for kind, names in sorted(found.items())
	)


def _kinds(found: Mapping[str, list[str]], most: int) -> str:
	return "; ".join(f"{kind} ({len(names)}): {_some(names, most)}" for kind, names in sorted(found.items()))


def _some(names: list[str], most: int) -> str:
	more = f" and {len(names) - most} more" if len(names) > most else ""
	return f"{', '.join(names[:most])}{more}"


def _no_log(_line: str) -> None:
	"""Nobody looks at the lines of a survey."""


def _go_on() -> None:
	"""Nobody can stop a survey."""


# -- of a tenant's own site --------------------------------------------------------------------------------------------


def list_customisations(tenant) -> str:
	"""Look anew for the customisations of the tenant's (document) site, and keep them on record; returns the text. The caller commits."""
	if not (tenant.bench and tenant.site):
		refuse(_("{0} has no site to look at."), tenant.name)
	try:
		found = survey(tenant.bench, {"kind": SITE, "of": tenant.site})
	except AgentError as error:
		refuse("{0}", error.advice, title=_("Customisations"))
	text = customisations(found.customisations)
	note_customisations(tenant.name, text)
	return text


def note_customisations(tenant: str, text: str) -> None:
	"""Keep on record which customisations a tenant's site has. The caller commits."""
	values = {"customisations_found": text, "customisations_found_on": frappe.utils.now_datetime()}
	frappe.db.set_value("Tenant", tenant, values, update_modified=False)


# -- its job -----------------------------------------------------------------------------------------------------------


def finish(context: Context) -> None:
	"""Open the site to its users, and note that it is its tenant's for good. The job cannot be cancelled any more. Repeatable."""
	finished_site.finish(context)
	by = {"by": context.job, "since": f"{frappe.utils.now_datetime():%Y-%m-%d %H:%M}", "message": ""}
	before = context.state.get("before") if context.inputs.get("in_place") else None
	opened = {"maintenance_mode": None, "allow_reads_during_maintenance": None, "mute_emails": None}
	paused = (
		site_state.scheduler({}, {"is_paused": True, **by})
		if context.inputs.get("is_paused")
		else {"pause_scheduler": None, PAUSED: None}
	)
	# in place all is as it was; what staff asked for counts more
	context.site.update_config(
		{**opened, **paused, **(before or {}), **(paused if context.inputs.get("is_paused") else {})}
	)
	if name := context.state.get("kept"):
		_keep_old(context, name)
	context.bench.do("release_jobs", jobs=context.state.get("jobs") or [])
	drop_uploads(context.inputs)


def note_old(context: Context, database: str, mark: str) -> str:
	"""Have a record of what an in-place site was, before it is put aside; returns the record's name. Commits."""
	made = frappe.get_doc(
		{
			"doctype": shadows.DOCTYPE,
			"tenant": context.tenant["name"],
			"bench": context.bench_row["name"],
			"why": _("The site as it was before it became the tenant's"),
			"status": shadows.FILLING,
			"database": database,
			"was_no_tenants": 1,
		}
	).insert(ignore_permissions=True)
	frappe.db.set_value(shadows.DOCTYPE, made.name, "mark", mark)
	frappe.db.commit()
	return made.name


def _keep_old(context: Context, name: str) -> None:
	"""Keep what the site was for some hours. The caller commits."""
	shadow = shadows.row(name)
	if shadow.status == shadows.FILLING:
		size = context.bench.do("shadow_size", database=shadow.database, mark=shadow.mark)
		shadows.set_ready(name, size=size, kept_hours=shadows.hours())


def check_undo(context: Context) -> None:
	"""Raise NotOursError once the site is open to its users: then only the removal of the tenant takes it away."""
	config = context.site.config
	if config.get(MARK) == context.mark and config.get(FINISHED):
		raise NotOursError(
			f"The site {context.site.name} is open to its users. Nothing of it is taken away.",
			finished_site.HINT,
		)
