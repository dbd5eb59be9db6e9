"""Restricts a site whose plan has expired (its users can only read) or that is suspended (it shows a page).

|                      | web requests                            | users' jobs           | scheduled jobs                       |
| -------------------- | --------------------------------------- | --------------------- | ------------------------------------ |
| past due, in grace   | all; a banner in Desk                   | all                   | all                                  |
| expired              | read, print, export, back up; sign in   | refused when writing  | Frappe's housekeeping, and our own   |
| suspended            | HTTP 402, but for /api/method/ping      | refused when writing  | Frappe's housekeeping, and our own   |

Nothing on the site is deleted, stopped or changed. Each request and job looks at the entitlement of the moment. So the next one after a
payment works again. A statement may not count: it is lost or damaged, has another site's name or an unknown key. Then the newest one
that the site has had says whether the site is expired or suspended. The operator's shell (`bench console`) is not restricted.

Web requests of an expired site run in Frappe's own read-only mode (frappe/app.py). Most writes are seen by a hook first (doc_events), and
the user gets a clear sentence. The database refuses the writes that no hook sees.
"""

import json
from html import escape

import frappe
from frappe import _, local
from frappe.core.doctype.server_script.server_script_utils import get_server_script_map
from frappe.utils import formatdate
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from buildpro_saas import site_role
from buildpro_saas.entitlements.decision import Decisions
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.wording import OPERATOR
from buildpro_saas.tenant_site import clock, entitlement, request_target
from buildpro_saas.tenant_site.maintenance import IN_JOB
from buildpro_saas.tenant_site.refusal import refuse_to_write
from buildpro_saas.tenant_site.your_plan import as_system_time

PAYMENT_REQUIRED, FORBIDDEN, UNAVAILABLE = 402, 403, 503
PAGE = "buildpro_saas/templates/suspended.html"
# In frappe.flags, which every request and job begins without.
READ_ONLY = "buildpro_read_only"

# Answered at all times: whether the site is up, and, to the admin site, whether it is this one. Nothing of the tenant's is in the answers.
PING = {"ping", "frappe.ping", "buildpro_saas.tenant_site.identity.prove"}
# Allowed on an expired site although they write into the database: signing in and out, passwords, reports that are prepared.
ALWAYS = {
	*("login", "logout", "web_logout", "frappe.handler.logout", "frappe.handler.web_logout"),
	"frappe.core.doctype.user.user.update_password",
	"frappe.core.doctype.user.user.reset_password",
	"frappe.core.doctype.prepared_report.prepared_report.make_prepared_report",
	"frappe.desk.query_report.background_enqueue_run",
	"frappe.integrations.doctype.ldap_settings.ldap_settings.login",
}
ALWAYS_UNDER = ("frappe.integrations.oauth2.", "frappe.integrations.oauth2_logins.", "frappe.www.login.")
# Records that Frappe keeps of what happens, and what printing, exporting, reports and mails of backups need.
KEPT_BY_FRAPPE = {
	*("Access Log", "Activity Log", "Error Log", "Error Snapshot", "Route History", "Version"),
	"View Log",
	*("Scheduled Job Log", "Scheduled Job Type", "Deleted Document", "Notification Log"),
	*("Email Queue", "Email Queue Recipient", "Prepared Report", "Token Cache", "OAuth Bearer Token"),
	"OAuth Authorization Code",
}
# What Frappe saves with a user's new password, or as somebody signs in.
KEPT_OF_USERS = {
	*("User", "DefaultValue", "DocShare", "Contact", "Contact Email", "Contact Phone"),
	"Notification Settings",
}
OUR_MODULE = "Tenant Site"
# Frappe's own scheduled jobs that write business data or act on it. They wait, and do later what they find undone.
BUSINESS_JOBS = (
	"frappe.automation.",
	"frappe.email.doctype.email_account.email_account.pull",
	"frappe.email.doctype.newsletter.",
	"frappe.email.doctype.notification.",
	"frappe.integrations.doctype.google_calendar.",
	"frappe.integrations.doctype.google_contacts.",
	"frappe.social.",
	"frappe.website.doctype.personal_data_deletion_request.personal_data_deletion_request.process",
	"frappe.website.doctype.web_page.",
)


def on_request() -> None:
	"""Hook `before_request`: the page of a suspended site, the read-only mode of an expired one."""
	if local.conf.get("buildpro_role") != site_role.TENANT or local.request.method == "OPTIONS":
		return
	decisions = entitlement.current_decisions()
	name = request_target.method_name()
	if decisions.restriction is Reason.SUSPENDED and (name not in PING or _is_answered_by_script(name)):
		raise HTTPException(response=suspended_response(decisions))
	if decisions.restriction is Reason.EXPIRED and not _is_always_possible():
		_read_only_from_here()


def explain(response: Response | None = None) -> None:
	"""Hook `after_request`: where the database refused to write, answer HTTP 403 with a clear sentence.

	Frappe's own answer speaks of maintenance that will soon be over.
	"""
	if response is None or not local.flags.get(READ_ONLY) or response.status_code != UNAVAILABLE:
		return
	message = escape(sentence(entitlement.current_decisions()), quote=False)
	shown = json.dumps({"message": message, "title": _("This site is read-only"), "indicator": "red"})
	answer = {
		"exc_type": "SiteRestrictedError",
		"exception": message,
		"_server_messages": json.dumps([shown]),
	}
	if response.mimetype == "application/json":
		response.set_data(json.dumps(answer))
	response.status_code = FORBIDDEN


def on_job(method: str | None = None) -> None:
	"""Hook `before_job`: note that this is a job of the site, and not a call of the operator."""
	local.flags[IN_JOB] = method or True


def check(doc, decisions: Decisions) -> None:
	"""Raise SiteRestrictedError when a user's request or job is about to write `doc` on a restricted site."""
	if not getattr(local, "request", None) and not local.flags.get(IN_JOB):
		return
	if doc.doctype in KEPT_BY_FRAPPE or doc.meta.module == OUR_MODULE:
		return
	if doc.doctype == "File" and doc.get("attached_to_doctype") == "Prepared Report":
		return
	if doc.doctype in KEPT_OF_USERS and getattr(local, "request", None) and _is_always_possible():
		return
	refuse_to_write(sentence(decisions))


def pauses(method: str | None, is_script: bool) -> bool:
	"""Whether a scheduled job waits until this site is no longer restricted. method: its dotted name."""
	if not site_role.is_tenant_site() or not entitlement.current_decisions().restriction:
		return False
	app = (method or "").partition(".")[0]
	return is_script or app not in ("frappe", "buildpro_saas") or method.startswith(BUSINESS_JOBS)


def sentence(decisions: Decisions) -> str:
	"""What a user of a restricted site is told: why, that nothing is lost, and whom to ask. Plain text."""
	contact = (decisions.newest and decisions.newest.contact) or OPERATOR
	if decisions.newest is None:
		return _(
			"This site is read-only, because it cannot be told what your plan includes. Nothing is lost: you can read, print, export and"
			" back up everything. To go on working, please ask {0}."
		).format(contact)
	if decisions.restriction is Reason.SUSPENDED:
		return _("This site is suspended. Your data is safe and unchanged. Please ask {0}.").format(contact)
	return _(
		"This site is read-only, because your plan {0} expired on {1}. Nothing is lost: you can read, print, export and back up"
		" everything. To go on working, please ask {2}."
	).format(decisions.plan, _date(decisions.newest.expires), contact) + clock.remark(decisions)


def banner(decisions: Decisions) -> dict | None:
	"""What Desk shows above every page: {"level": "warning" or "danger", "text": plain text}; None where all is well."""
	if decisions.restriction:
		return {"level": "danger", "text": sentence(decisions)}
	if decisions.statement is None:
		text = _(
			"What your plan includes cannot be told, and its features are not available. Please ask {0}."
		)
		return {
			"level": "danger",
			"text": text.format((decisions.newest and decisions.newest.contact) or OPERATOR),
		}
	contact = decisions.statement.contact or OPERATOR
	if decisions.standing is Reason.GRACE:
		text = _("Your plan {0} expired on {1}. From {2} on, this site will be read-only. Please ask {3}.")
		statement = decisions.statement
		dates = _date(statement.expires), _date(statement.grace_until)
		text = text.format(decisions.grants.plan, *dates, contact)
		return {"level": "warning", "text": text + clock.remark(decisions)}
	if decisions.standing is Reason.NOT_YET_VALID:
		text = _("What your plan includes does not hold yet by this server's clock. Please ask {0}.").format(
			contact
		)
		return {"level": "danger", "text": text + clock.remark(decisions)}
	if decisions.statement.status == "Past Due":
		text = _("A payment for your plan {0} is past due. Please ask {1}.")
		return {"level": "warning", "text": text.format(decisions.grants.plan, contact)}
	return None


def suspended_response(decisions: Decisions) -> Response:
	"""HTTP 402 (Payment Required): a page for people, {"reason", "message", "exc_type"} for programs. Needs no sign-in."""
	message = sentence(decisions)
	if _wants_page():
		body = frappe.render_template(PAGE, {"message": message, "lang": local.lang})
		kind = "text/html; charset=utf-8"
	else:
		answer = {"reason": Reason.SUSPENDED.value, "message": message, "exc_type": "SiteRestrictedError"}
		body, kind = json.dumps(answer), "application/json"
	headers = {"Cache-Control": "no-store"}
	return Response(body, status=PAYMENT_REQUIRED, content_type=kind, headers=headers)


def _read_only_from_here() -> None:
	from frappe.app import setup_read_only_mode  # there already in a web process, and in no other

	if frappe.db.transaction_writes:
		frappe.db.commit()  # an expired session that Frappe has just ended, for instance
	setup_read_only_mode()
	local.flags[READ_ONLY] = True


def _is_always_possible() -> bool:
	"""Whether the request must work on an expired site, and no user's script answers under its name."""
	name = request_target.method_name()
	is_listed = name in ALWAYS or bool(name and name.startswith(ALWAYS_UNDER))
	return is_listed and not _is_answered_by_script(name)


def _is_answered_by_script(name: str) -> bool:
	return name in get_server_script_map().get("_api", {})


def _wants_page() -> bool:
	if local.request.path.startswith("/api/") or local.form_dict.get("cmd"):
		return False
	accepted = local.request.headers.get("Accept", "")
	is_script = local.request.headers.get("X-Requested-With") == "XMLHttpRequest"
	return not is_script and ("text/html" in accepted or "*/*" in accepted or not accepted)


def _date(seconds: int) -> str:
	"""The date as the site writes dates, in the site's time zone and not the machine's."""
	return formatdate(as_system_time(seconds).date())
