"""Export of all data from Your Plan: the site's System Manager asks for it, and fetches the files that the admin site's job puts here.

Nothing is copied, packed or kept by this site's own processes: they would need the rights for it, and would do it as often as anybody
asked. How it goes is in FILE in the site's folder, as sync.json is; agent/site_export.py writes it when the files are there.
"""

import hmac
import json
import time
from html import escape
from pathlib import Path

import frappe
from frappe import _
from frappe.core.doctype.access_log.access_log import make_access_log
from frappe.utils import format_datetime
from frappe.utils.response import send_private_file
from werkzeug.wrappers import Response

from buildpro_saas import site_role
from buildpro_saas.agent import site_config
from buildpro_saas.entitlements.wording import OPERATOR
from buildpro_saas.tenant_site import entitlement, sync
from buildpro_saas.tenant_site.your_plan import as_system_time

LIMIT = "exports_per_day"
FILE, FOLDER = "export.json", "backups/export"
ENDPOINT = "/api/method/buildpro_saas.api.exports.ask"
LINK = "/api/method/buildpro_saas.tenant_site.data_export.download"
ASK = "buildpro_saas.tenant_site.data_export.ask_admin_site"
ROLE = "System Manager"
ASKED, PREPARING, READY, REFUSED, FAILED = "Asked", "Preparing", "Ready", "Refused", "Failed"
# After so many seconds nothing is believed to be under way any more, and may be asked for again.
LONGEST = {ASKED: 600, PREPARING: 13 * 3600}


@frappe.whitelist(methods=["POST"])
def ask() -> dict:
	"""Ask for an export of all data; for the site's System Manager. Returns what `shown` does.

	Raises frappe.PermissionError for anybody else, frappe.ValidationError where the plan has none, or one is under way.
	"""
	_only_for_manager()
	if not allowed():
		sentence = _("Your plan has no export of all data. Please ask {0}.").format(escape(_contact()))
		frappe.throw(sentence, title=_("Export of All Data"))
	if is_under_way():
		frappe.throw(_("An export is being prepared already."), title=_("Export of All Data"))
	_note({"state": ASKED})
	# not in this request: the admin site may be served by the same web processes, which would wait for each other
	frappe.enqueue(ASK, queue="short", user=frappe.session.user)
	return shown()


@frappe.whitelist(methods=["GET"])
def progress() -> dict | None:
	"""How it goes, as `shown` has it; for the site's System Manager. Raises frappe.PermissionError for anybody else."""
	_only_for_manager()
	return shown()


@frappe.whitelist(methods=["GET"])
def download(export: str = "", file: str = "") -> Response:
	"""One file of the export; for the site's System Manager, until its time is over.

	Raises frappe.PermissionError (HTTP 403) for anybody else, frappe.DoesNotExistError (404) for what is not there, or not any more.
	"""
	_only_for_manager()
	known = state()
	is_it = known["state"] == READY and hmac.compare_digest(
		str(export).encode(errors="replace"), known["id"].encode()
	)
	if not is_it or str(file) not in [each["name"] for each in known["files"]]:
		frappe.throw(
			_("There is no such export on this site, or its time is over: ask for a new one on Your Plan."),
			frappe.DoesNotExistError,
		)
	make_access_log(report_name="Export of All Data", file_type=str(file)[-30:])
	answer = send_private_file(f"{FOLDER}/{known['id']}/{file}")
	answer.headers["Content-Disposition"] = f'attachment; filename="{file}"'
	answer.headers["Cache-Control"] = "no-store"
	return answer


def ask_admin_site(user: str) -> None:
	"""In a job of this site: ask the admin site. What it refuses, and that it cannot be reached, the page says."""
	try:
		answer = sync.post(ENDPOINT, {"tenant": frappe.conf.buildpro_tenant, "user": user})
		told = answer.json()["message"]
	except (sync.SyncError, ValueError, KeyError, TypeError):
		frappe.logger("buildpro_saas").warning(
			"The admin site did not take the request for an export", exc_info=True
		)
		told = {"refused": _("The service cannot be reached at present: try again in some minutes.")}
	if "refused" in told:
		_note({"state": REFUSED, "why": str(told["refused"])})


def allowed() -> int:
	"""How many exports a day this site's plan has; 0 for none."""
	limit = entitlement.current_decisions().limits.get(LIMIT)
	return max(limit.value, 0) if limit else 0


def is_under_way() -> bool:
	"""Whether one has been asked for and is not there yet."""
	known = state()
	return time.time() - known.get("noted", 0) < LONGEST.get(known["state"], 0)


def state() -> dict:
	"""{"state": "" or one of the above, "noted": when; of a ready one "id", "files": [{"name", "size"}], "until": seconds}."""
	nothing = {"state": ""}
	try:
		known = json.loads(Path(frappe.get_site_path(FILE)).read_text())
	except (OSError, ValueError):  # a ValueError also where it is no text
		return nothing
	if not isinstance(known, dict) or not isinstance(known.get("state"), str):
		return nothing
	is_whole = isinstance(known.get("id"), str) and isinstance(known.get("files"), list)
	if known["state"] == READY and not (is_whole and known.get("until", 0) > time.time()):
		return nothing
	return known


def shown() -> dict | None:
	"""For the page: {"sentence", "is_under_way", "files": [{"name", "size", "link"}]}; None where the plan has no export."""
	if not (number := allowed()):
		return None
	known = state()
	sentence = _("All data of this site, as files that can be restored elsewhere. {0} a day.").format(number)
	if is_under_way():
		sentence = _("The export is being prepared. You may leave this page.")
	elif known["state"] == READY:
		sentence = _("The export can be fetched until {0}. It is not encrypted: keep it safe.").format(
			format_datetime(as_system_time(int(known["until"])))
		)
	elif known["state"] == REFUSED:
		sentence = known.get("why") or ""
	elif known["state"] == FAILED:
		sentence = _("The export could not be prepared. Please ask {0}.").format(_contact())
	return {"sentence": sentence, "is_under_way": is_under_way(), "files": _links(known)}


def _links(known: dict) -> list[dict]:
	if known["state"] != READY:
		return []
	return [
		{
			"name": file["name"],
			"size": _readable(file["size"]),
			"link": f"{LINK}?export={known['id']}&file={file['name']}",
		}
		for file in known["files"]
	]


def _readable(size: int) -> str:
	return f"{size / 10**6:.1f} MB" if size >= 10**6 else f"{max(size // 1000, 1)} kB"


def _contact() -> str:
	statement = entitlement.current_decisions().statement
	return (statement and statement.contact) or OPERATOR


def _only_for_manager() -> None:
	"""Not frappe.only_for: it lets everybody through wherever the environment has a variable CI."""
	if not site_role.is_tenant_site() or ROLE not in frappe.get_roles():
		frappe.throw(_("Only this site's System Manager has its data exported."), frappe.PermissionError)


def _note(known: dict) -> None:
	site_config.write_json(Path(frappe.get_site_path(FILE)), {**known, "noted": time.time()})
