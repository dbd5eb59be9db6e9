"""What the operator sells and has switched off. It is read once, and tells what any number of tenants get of it."""

import json
import time
from collections.abc import Iterable, Mapping
from functools import cached_property

import frappe

from buildpro_saas import tenant_status
from buildpro_saas.datetimes import epoch
from buildpro_saas.entitlements import plans, terms
from buildpro_saas.licensing.stored_plans import stored_plans

# The fields of a Tenant that decide about its layers.
FIELDS = ("plan", "plan_version", "trial_ends_on", "plan_after_trial", "next_plan", "next_plan_on")
PLANS = ("plan", "plan_after_trial", "next_plan")
TABLES = {"addons": "Tenant Add-on", "overrides": "Tenant Override"}
IN_USE = {"status": ("not in", tenant_status.WITHOUT_SITE)}


class Offer:
	"""Plans, versions, add-ons and kill switches as the database has them, at one moment.

	stored: plans instead of the stored ones, as entitlements.plans.resolve takes them. Each part is read when it is first asked for.
	"""

	def __init__(self, stored: Mapping[str, Mapping] | None = None):
		self.now = time.time()
		self.stored = stored_plans() if stored is None else stored
		self._resolved: dict[str, dict] = {}
		self._versions: dict[str, dict] = {}

	def layers(self, tenant) -> dict:
		"""What the tenant may use, as entitlements/layers.py has it. tenant: a document or row with FIELDS and the rows of TABLES.

		Raises entitlements.plans.PlanError for a plan that does not exist.
		"""
		return {
			"plans": terms.without_ended(
				terms.plan_layers(terms_of(tenant), self._plans_of(tenant), self._kept(tenant)), self.now
			),
			"addons": terms.without_ended(map(self._addon, tenant.get("addons") or ()), self.now),
			"overrides": terms.without_ended(map(_override, tenant.get("overrides") or ()), self.now),
			"killed": self.killed,
			"shadow": self.shadow,
		}

	def resolved(self, plan: str) -> dict:
		"""The plan with what it includes, as entitlements.plans.resolve returns it."""
		if plan not in self._resolved:
			self._resolved[plan] = plans.resolve(self.stored, plan)
		return self._resolved[plan]

	def version(self, name: str) -> dict:
		"""{"plan", "features", "limits"} of a Plan Version."""
		if name not in self._versions:
			plan, features, limits = frappe.db.get_value("Plan Version", name, ["plan", "features", "limits"])
			self._versions[name] = {
				"plan": plan,
				"features": json.loads(features),
				"limits": json.loads(limits),
			}
		return self._versions[name]

	def _plans_of(self, tenant) -> dict[str, dict]:
		names = filter(None, (tenant.get(field) for field in PLANS))
		return {name: self.resolved(name) for name in names}

	def _kept(self, tenant) -> dict | None:
		if not tenant.get("plan_version"):
			return None
		version = self.version(tenant.get("plan_version"))
		# a statement must not give one plan's name to another plan's content
		return version if version["plan"] == tenant.get("plan") else None

	def _addon(self, row) -> dict:
		features, increments = self.addons[row.get("addon")]
		return terms.addon_layer(
			row.get("addon"), features, increments, row.get("quantity") or 1, **_dates(row)
		)

	@cached_property
	def addons(self) -> dict[str, tuple[list, dict]]:
		"""{add-on: (features, {limit: increment})}"""
		found = {name: ([], {}) for name in frappe.get_all("Add-on", pluck="name")}
		of_addon = {"parenttype": "Add-on"}
		for row in frappe.get_all("Add-on Feature", of_addon, ["parent", "feature"]):
			found[row.parent][0].append(row.feature)
		for row in frappe.get_all("Add-on Limit", of_addon, ["parent", "limit_key", "increment"]):
			found[row.parent][1][row.limit_key] = row.increment
		return found

	@cached_property
	def killed(self) -> list[dict]:
		"""layers["killed"]: the kill switches that have not ended."""
		rows = frappe.get_all("Kill Switch", fields=["feature", "starts_on", "ends_on"], order_by="name")
		return terms.without_ended(
			({"feature": row.feature, **_dates(row, "from")} for row in rows), self.now
		)

	@cached_property
	def shadow(self) -> list[str]:
		"""layers["shadow"]: the keys of the features in shadow mode."""
		return frappe.get_all("Feature", {"is_shadow": 1}, pluck="name", order_by="name")


def terms_of(tenant) -> terms.Terms:
	"""A Tenant's plan and what was agreed for later."""
	return terms.Terms(
		tenant.get("plan"),
		epoch(tenant.get("trial_ends_on")),
		tenant.get("plan_after_trial") or None,
		tenant.get("next_plan") or None,
		epoch(tenant.get("next_plan_on")),
	)


def tenants_following(names: Iterable[str]) -> list[frappe._dict]:
	"""The tenants in use that a change of one of these plans concerns, now or from an agreed date on.

	Rows with name, company, FIELDS and "follows": [(plan, begins)] of those plans, in their order. begins is None for the plan that the
	tenant has now; with a kept version of it, the tenant does not follow that plan. For a plan that the tenant comes to, begins is the
	date (seconds since the epoch).
	"""
	names = set(names)
	if not names:
		return []
	has_one = [[field, "in", list(names)] for field in PLANS]
	fields = ["name", "company", *FIELDS]
	rows = frappe.get_all("Tenant", IN_USE, fields, or_filters=has_one, order_by="name")
	versions = {row.plan_version for row in rows if row.plan_version}
	plan_of = dict(frappe.get_all("Plan Version", {"name": ("in", versions)}, ["name", "plan"], as_list=True))
	now = time.time()
	for row in rows:
		keeps_version = plan_of.get(row.plan_version) == row.plan
		row.follows = [
			(stay[0].plan, stay[0].begins)
			for stay in terms.stays(terms_of(row))
			if stay[0].plan in names
			and not (stay[0].begins is None and keeps_version)
			and not (stay[-1].until is not None and stay[-1].until <= now)
		]
	return [row for row in rows if row.follows]


def with_rows(tenants: list[frappe._dict]) -> list[frappe._dict]:
	"""Add to each tenant's row the rows of its TABLES, as Offer.layers takes them; returns the rows."""
	found = {tenant.name: tenant.update({table: [] for table in TABLES}) for tenant in tenants}
	for table in _tables_with_rows(list(found)):
		of_these = {"parenttype": "Tenant", "parent": ("in", list(found))}
		for row in frappe.get_all(TABLES[table], of_these, ["*"], order_by="parent, idx"):
			found[row.parent][table].append(row)
	return tenants


def _tables_with_rows(tenants: list[str]) -> list[str]:
	"""Which of TABLES have a row of one of the tenants. One query asks all: most tenants have none."""
	if not tenants:
		return []
	queries = [
		f"select '{table}' where exists (select 1 from `tab{doctype}` where parent in %(names)s and parenttype = 'Tenant')"
		for table, doctype in TABLES.items()
	]
	return [table for (table,) in frappe.db.sql(" union all ".join(queries), {"names": tenants})]


def hold(followers: Iterable[frappe._dict]) -> list[str]:
	"""Hold the rows of these tenants (as tenants_following returns them) until the transaction ends.

	Returns the names of those whose plan and version are still the same. All else that this transaction reads is as old as its first
	read: staff may have given a tenant another plan or version since.
	"""
	seen = {row.name: row for row in followers}
	if not seen:
		return []
	now = frappe.db.get_values(
		"Tenant",
		{"name": ("in", list(seen)), **IN_USE},
		["name", "plan", "plan_version"],
		order_by="name",
		as_dict=True,
		for_update=True,
	)
	return [
		row.name
		for row in now
		if (row.plan, row.plan_version) == (seen[row.name].plan, seen[row.name].plan_version)
	]


def _override(row) -> dict:
	dates = _dates(row, "from")
	if row.get("kind") == "Limit":
		return {
			"limit": row.get("limit_key"),
			"value": int(row.get("value") or 0),
			"is_hard": bool(row.get("is_hard")),
			**dates,
		}
	return {"feature": row.get("feature"), "is_granted": row.get("access") != "Revoke", **dates}


def _dates(row, begins: str = "begins") -> dict:
	return {begins: epoch(row.get("starts_on")), "until": epoch(row.get("ends_on"))}
