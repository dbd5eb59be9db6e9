"""What Desk knows of the plan: `frappe.boot.buildpro`, for public/js/buildpro.js. Hiding is comfort; the server decides.

    {"allowed": ["rfi", …],
     "denied": {"bim": {"label", "reason", "required_plan", "title", "message"}},
     "gates": {"DocType": {"BIM Model": {"create": "bim", "write": "bim"}}, "Report": {"BIM Costs": "bim"}, …},
     "banner": {"level": "warning" or "danger", "text"} or None,
     "contact": whom to ask}

Only what is denied has details, so that five hundred features stay a few kilobytes. All of it is plain text.
"""

import frappe

from buildpro_saas import site_role
from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements.decision import Decision, Decisions
from buildpro_saas.entitlements.wording import OPERATOR
from buildpro_saas.tenant_site import clone_mark, entitlement, gates, refusal, restriction, workspaces

# Lists of doctypes in frappe.boot.user by which Desk shows its buttons, and the operation that each is about.
BUTTONS = {
	"can_create": "create",
	"can_import": "create",
	"in_create": "create",
	"can_write": "write",
	"can_submit": "submit",
	"can_cancel": "submit",
	"can_delete": "delete",
}
READING = ("can_read", "can_search", "can_get_report", "can_export", "can_print", "can_email", "can_select")


def extend(bootinfo) -> None:
	"""Hook `extend_bootinfo`. Frappe calls it each time Desk is opened, after its cache, so that what is said holds now."""
	if not site_role.is_tenant_site():
		return
	decisions = entitlement.current_decisions()
	bootinfo["buildpro"] = plan_for_desk(decisions)
	_take_away(bootinfo, bootinfo["buildpro"]["gates"])
	if decisions.restriction:
		user = bootinfo.get("user") or frappe._dict()
		user.update({key: [] for key in BUTTONS if key in user})


def plan_for_desk(decisions: Decisions) -> dict:
	"""`frappe.boot.buildpro` by what the entitlement decides."""
	answers = {
		feature: decisions[feature] for feature in sorted(decisions.known_features | _gating(decisions))
	}
	return {
		"allowed": [feature for feature, answer in answers.items() if answer.allowed],
		"denied": {
			feature: _shown(decisions, answer) for feature, answer in answers.items() if not answer.allowed
		},
		"gates": _denied_gates(decisions),
		"banner": clone_mark.with_note(restriction.banner(decisions)),
		"contact": (decisions.newest and decisions.newest.contact) or OPERATOR,
	}


def _gating(decisions: Decisions) -> set[str]:
	"""Features that gate something here and that the entitlement knows; where no entitlement counts, all that gate something."""
	found = gates.current()
	used = {
		feature
		for operations in found.doctypes.values()
		for names in operations.values()
		for feature in names
	}
	used |= {
		feature for names in found.others.values() for features in names.values() for feature in features
	}
	return used if decisions.statement is None else used & decisions.known_features


def _shown(decisions: Decisions, answer: Decision) -> dict:
	return {
		"label": catalogues.label_of(decisions.catalogue, "features", answer.feature),
		"reason": answer.reason.value,
		"required_plan": answer.required_plan,
		"title": refusal.title(answer),
		"message": answer.message,
	}


def _denied_gates(decisions: Decisions) -> dict:
	found = gates.current()
	doctypes = {}
	for doctype, operations in found.doctypes.items():
		denied = {name: gates.denial(features, decisions) for name, features in operations.items()}
		denied["read"] = gates.denial(found.hidden.get(doctype), decisions)
		doctypes[doctype] = {name: answer.feature for name, answer in denied.items() if answer is not None}
	others = {
		kind: {name: answer.feature for name, answer in gates.denied_names(kind).items()}
		for kind in ("Report", "Page", "Workspace")
	}
	others["DocType"] = {doctype: denied for doctype, denied in doctypes.items() if denied}
	return {kind: names for kind, names in others.items() if names}


def _take_away(bootinfo, denied: dict) -> None:
	"""Take out of Frappe's own lists what Desk would offer and the server refuse."""
	user = bootinfo.get("user") or frappe._dict()
	doctypes = denied.get("DocType", {})
	lists = BUTTONS | dict.fromkeys(READING, "read")
	for key, operation in lists.items():
		if user.get(key):
			user[key] = [name for name in user[key] if operation not in doctypes.get(name, ())]
	for names, kind in ((user.get("all_reports"), "Report"), (bootinfo.get("page_info"), "Page")):
		for name in denied.get(kind, ()):
			if names:
				names.pop(name, None)
	workspaces.take_out_of_boot(bootinfo)
