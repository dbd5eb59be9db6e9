"""Host names of the customer's own on Your Plan: what to set in the DNS, how far each is, adding and removing.

What is shown is FILE in the site's folder, which the admin site writes (agent/operations/domains.py). What the site's System Manager asks for
goes to the admin site in a job: it decides by its records, and may be served by the same web processes as this site.
"""

import json
import time
from html import escape
from pathlib import Path

import frappe
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.agent import site_config
from buildpro_saas.entitlements.wording import OPERATOR
from buildpro_saas.tenant_site import entitlement, sync

FEATURE = "custom_domain"
FILE, ASKED_FILE = "domains.json", "domains_asked.json"
ENDPOINT = "/api/method/buildpro_saas.api.domains.ask"
ASK = "buildpro_saas.tenant_site.own_domains.ask_admin_site"
ROLE = "System Manager"
ASKED, REFUSED = "Asked", "Refused"
WHAT = ("add", "check", "remove", "primary")
LONGEST = 120  # seconds; then what was asked for is not believed to be under way any more
LONGEST_HOST = 300


@frappe.whitelist(methods=["POST"])
def ask(what: str = "", host: str = "") -> dict:
	"""Ask for a host name to be added, checked, removed or made primary; for the site's System Manager. Returns what `shown` does.

	Raises frappe.PermissionError for anybody else, frappe.ValidationError where the plan has none, or something is asked for already.
	"""
	_only_for_manager()
	title = _("Domains")
	if not allowed():
		sentence = _("Your plan has no domain of your own. Please ask {0}.").format(escape(_contact()))
		frappe.throw(sentence, title=title)
	if what not in WHAT or not isinstance(host, str) or not 0 < len(host.strip()) <= LONGEST_HOST:
		frappe.throw(_("Enter a host name, such as erp.example.com."), title=title)
	if is_under_way():
		frappe.throw(_("Something is being done already: wait a moment."), title=title)
	_note({"state": ASKED})
	frappe.enqueue(ASK, queue="short", user=frappe.session.user, what=what, host=host.strip())
	return shown()


@frappe.whitelist(methods=["GET"])
def progress() -> dict | None:
	"""How it stands, as `shown` has it; for the site's System Manager. Raises frappe.PermissionError for anybody else."""
	_only_for_manager()
	return shown()


def ask_admin_site(user: str, what: str, host: str) -> None:
	"""In a job of this site: ask the admin site. What it refuses, and that it cannot be reached, the page says."""
	question = {"tenant": frappe.conf.buildpro_tenant, "user": user, "what": what, "host": host}
	try:
		told = sync.post(ENDPOINT, question).json()["message"]
		refused = told.get("refused", "")
	except (sync.SyncError, ValueError, KeyError, TypeError, AttributeError):
		frappe.logger("buildpro_saas").warning(
			"The admin site did not take what was asked for", exc_info=True
		)
		refused = _("The service cannot be reached at present: try again in some minutes.")
	_note({"state": REFUSED, "why": str(refused)} if refused else {"state": ""})


def allowed() -> bool:
	"""Whether this site's plan has host names of the customer's own."""
	decisions = entitlement.current_decisions()
	# a statement of before this feature does not know it
	return FEATURE in decisions.known_features and decisions[FEATURE].allowed


def is_under_way() -> bool:
	"""Whether the admin site has been asked, and has not answered yet."""
	known = _read(ASKED_FILE)
	return known.get("state") == ASKED and time.time() - known.get("noted", 0) < LONGEST


def shown() -> dict | None:
	"""For the page: {"names", "sentence", "is_under_way", "may_change"}; None where there is nothing to show.

	names: as the admin site's domains/shown.py has them.
	"""
	names = _read(FILE).get("names")
	if not isinstance(names, list) or not (allowed() or names):
		return None
	known = _read(ASKED_FILE)
	return {
		"names": [each for each in names if isinstance(each, dict)],
		"sentence": str(known.get("why") or "") if known.get("state") == REFUSED else "",
		"is_under_way": is_under_way(),
		"may_change": allowed(),
	}


def _read(file: str) -> dict:
	try:
		known = json.loads(Path(frappe.get_site_path(file)).read_text())
	except (OSError, ValueError):  # a ValueError also where it is no text
		return {}
	return known if isinstance(known, dict) else {}


def _contact() -> str:
	statement = entitlement.current_decisions().statement
	return (statement and statement.contact) or OPERATOR


def _only_for_manager() -> None:
	"""Not frappe.only_for: it lets everybody through wherever the environment has a variable CI."""
	if not site_role.is_tenant_site() or ROLE not in frappe.get_roles():
		frappe.throw(_("Only this site's System Manager sees to its domains."), frappe.PermissionError)


def _note(known: dict) -> None:
	site_config.write_json(Path(frappe.get_site_path(ASKED_FILE)), {**known, "noted": time.time()})
