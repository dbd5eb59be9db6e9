"""What features gate on this site, and the refusal of it.

The framework's events for documents come here. methods.py, overrides.py, workspaces.py and hidden_records.py ask this module for
everything else.

Gates are declared in the operator's catalogue (a Feature's gates), and by apps in their hooks.py:

    buildpro_feature_gates = {
        "rfi": [{"kind": "DocType", "name": "RFI", "operations": ["create", "write"], "hides": False}],
    }

Both count. Where several features gate one thing, the site must have all of them. So an app's declaration can close something, and
never open it. The catalogue is read even where the entitlement does not count: without its gates, everything would be open.

Gates hold on tenants' sites, for everybody. They do not hold while apps are installed, migrated, patched or uninstalled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import frappe
from frappe import local

from buildpro_saas import site_role
from buildpro_saas.entitlements import unknown
from buildpro_saas.entitlements.decision import Decision, Decisions
from buildpro_saas.tenant_site import (
	app_hooks,
	checks,
	child_rows,
	declared_limits,
	entitlement,
	limits,
	maintenance,
	restriction,
	usage,
)
from buildpro_saas.tenant_site.refusal import refuse, refuse_unknown

HOOK = "buildpro_feature_gates"
KINDS = ("DocType", "Report", "Page", "Method", "Workspace")
OPERATIONS = ("create", "write", "submit", "delete")

Features = tuple[str, ...]


@dataclass(slots=True)
class Gates:
	"""Which features the site must have for something.

	doctypes: doctype → operation → features. others: kind → name → features. hidden: doctype → features without which it is hidden.
	"""

	doctypes: dict[str, dict[str, Features]] = field(default_factory=dict)
	hidden: dict[str, Features] = field(default_factory=dict)
	others: dict[str, dict[str, Features]] = field(
		default_factory=lambda: {kind: {} for kind in KINDS if kind != "DocType"}
	)

	def add(self, feature: str, gate: Mapping, hides: bool) -> None:
		"""Take one declaration in. Kinds and operations that this version does not know are left out."""
		name, kind = gate["name"], gate["kind"]
		if kind != "DocType":
			names = self.others.get(kind, {})
			names[name] = _with(names.get(name), feature)
			return
		operations = self.doctypes.setdefault(name, {})
		for operation in gate.get("operations") or OPERATIONS:
			operations[operation] = _with(operations.get(operation), feature)
		if hides:
			self.hidden[name] = _with(self.hidden.get(name), feature)


def on_event(doc, method: str | None = None, *args) -> None:
	"""Hook `doc_events` of all doctypes, before anything is written. Where nothing gates the doctype, it costs a look into a dict.

	Raises FeatureNotAvailableError, or SiteRestrictedError on a site that is read-only for now.
	"""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return
	held = entitlement.current()
	decisions = held.decisions
	if decisions.restriction and not maintenance.is_under_way():
		restriction.check(doc, decisions)
	doctypes, limited = (held.gates or current()).doctypes, declared_limits.doctypes()
	meta = doc.meta
	if (gated := doctypes.get(doc.doctype)) is not None:
		needed = [gated.get(operation) for operation in _operations(doc, method)]
	elif doctypes and meta.istable:
		needed = [doctypes[parent].get("write") for parent in _parents(doc) & doctypes.keys()]
	else:
		needed = []
	if children := {df.options for df in meta.get_table_fields()}:
		# asked of the keys, which looks up the children; a set would go through all doctypes that are gated
		if not doctypes.keys().isdisjoint(children):
			needed += _needed_by_rows(doc, method, doctypes)
		if not limited.keys().isdisjoint(children):
			limits.check_rows(doc, method)
	if any(needed) and not maintenance.is_under_way():
		for features in needed:
			_require(features or (), decisions)
	if doc.doctype in limited and method in child_rows.SAVING:
		limits.hold(doc, method)


def check_workflow(doc, method: str | None = None) -> None:
	"""Hook on Workflow: raise FeatureNotAvailableError where its doctype may not be written or submitted here.

	Saving a Workflow changes that doctype's records by SQL: it writes states, submits and cancels. Frappe calls no events for them.
	"""
	gated = current().doctypes.get(doc.document_type) if site_role.is_tenant_site() else None
	for operation in ("write", "submit") if gated else ():
		require(gated.get(operation) or ())


def require(features: Features) -> None:
	"""Raise FeatureNotAvailableError unless this site may use all of the features. Only on a tenant's site, and counted."""
	if site_role.is_tenant_site() and not maintenance.is_under_way():
		_require(features, entitlement.current_decisions())


def require_name(kind: str, name: str) -> None:
	"""Raise FeatureNotAvailableError when a feature that this site lacks gates the report, page, method or workspace."""
	if not site_role.is_tenant_site():
		return
	features = current().others[kind].get(name)
	if features and not maintenance.is_under_way():
		_require(features, entitlement.current_decisions())


def denial(features: Features | None, decisions: Decisions) -> Decision | None:
	"""The first decision that denies, or None. A decision that denies is false in a condition. Nothing is counted.

	A feature that no catalogue has is left out.
	"""
	for feature in features or ():
		try:
			if not (answer := decisions[feature]).allowed:
				return answer
		except unknown.UnknownFeatureError:
			continue
	return None


def denied_names(kind: str) -> dict[str, Decision]:
	"""What is denied on this site as of now: name → decision, of a kind other than DocType. Empty where nothing is enforced."""
	if not site_role.is_tenant_site():
		return {}
	decisions = entitlement.current_decisions()
	answers = {name: denial(features, decisions) for name, features in current().others[kind].items()}
	return {name: answer for name, answer in answers.items() if answer is not None}


def is_hidden(doctype: str) -> bool:
	"""Whether the records of a doctype are out of sight here."""
	if not site_role.is_tenant_site():
		return False
	return denial(current().hidden.get(doctype), entitlement.current_decisions()) is not None


def current() -> Gates:
	"""The gates of this site; within a request or job they are looked up once for each entitlement."""
	held = entitlement.current()
	if held.gates is None:
		held.gates = load()
	return held.gates


def load() -> Gates:
	"""The gates of this site. They are made once for all sites with the same catalogue and the same declarations of apps."""
	catalogue, hooked = entitlement.catalogue_to_gate_by(), declared_by_apps()
	for known, gates in list(catalogue.gates):
		if known == hooked:
			return gates
	gates = compile_gates(catalogue, hooked)
	catalogue.gates.append((hooked, gates))
	return gates


def compile_gates(catalogue: Mapping, hooked: Mapping[str, Iterable[Mapping]]) -> Gates:
	"""The gates that follow from a catalogue and from what apps declare.

	Raises ValueError for a declaration of an app that says no kind, name or operation there is.
	"""
	gates = Gates()
	for feature, entry in (catalogue.get("features") or {}).items():
		for gate in entry.get("gates") or ():
			gates.add(feature, gate, bool(entry.get("hides")))
	for feature, declared in hooked.items():
		for gate in declared:
			_check_declared(feature, gate)
			gates.add(feature, gate, bool(gate.get("hides")))
	return gates


def declared_by_apps() -> dict[str, list[dict]]:
	"""What installed apps declare under buildpro_feature_gates, by feature."""
	found: dict[str, list[dict]] = {}
	for by_feature in app_hooks.declared(HOOK):
		for feature, declared in by_feature.items():
			found.setdefault(feature, []).extend(declared)
	return found


def _needed_by_rows(doc, method: str | None, doctypes: Mapping[str, Mapping]) -> list[Features | None]:
	"""The features that gated rows of the document need, whatever doctype the document is of."""
	return [
		doctypes[child].get(operation)
		for fieldname, child in child_rows.in_tables_of(doc, doctypes)
		for operation in sorted(child_rows.operations(doc, fieldname, method))
	]


def _parents(doc) -> set[str]:
	"""The doctypes that a row may belong to which is saved by itself: the client's word, and the database's."""
	stored = None if doc.is_new() else frappe.db.get_value(doc.doctype, doc.name, "parenttype")
	return {doc.get("parenttype"), stored}


def _require(features: Features, decisions: Decisions) -> None:
	for feature in features:
		try:
			answer = decisions[feature]
		except unknown.UnknownFeatureError as error:
			refuse_unknown(error)
		usage.count(feature, checks.outcome(answer))
		if not answer.allowed:
			refuse(answer)


def _operations(doc, method: str | None) -> tuple[str, ...]:
	"""The OPERATIONS that the event stands for."""
	if method != "before_validate":
		return EVENTS.get(method, ())
	# a script can set the document's flags, but Frappe itself sets this one at each insert
	is_new = doc.is_new()
	if doc._action == "submit":
		return ("create", "submit") if is_new else ("submit",)
	return ("create",) if is_new else ("write",)


# Which operation an event is. Nothing has been written yet in any of these events. `before_validate` is not here: it comes at each
# insert and save, even where validation is ignored, and the document's action tells the operation (_operations).
EVENTS = {
	"before_cancel": ("submit",),
	"before_update_after_submit": ("write",),
	"before_discard": ("write",),  # of a draft, from Frappe 16 on
	"before_rename": ("write",),
	"on_trash": ("delete",),
}


def _check_declared(feature: str, gate: Mapping) -> None:
	kind, name, operations = gate.get("kind"), gate.get("name"), gate.get("operations") or ()
	if kind not in KINDS:
		raise ValueError(f"{HOOK}: {feature} gates a {kind}; a gate's kind is one of {', '.join(KINDS)}.")
	if not name:
		raise ValueError(f"{HOOK}: {feature} gates a {kind} without a name.")
	if unknown := set(operations) - set(OPERATIONS):
		raise ValueError(
			f"{HOOK}: {feature} gates {unknown.pop()} of {name}; known are {', '.join(OPERATIONS)}."
		)


def _with(features: Features | None, feature: str) -> Features:
	return features if features and feature in features else (*(features or ()), feature)
