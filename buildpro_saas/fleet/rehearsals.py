"""What rehearsals and migrates of tenants' sites came to, kept with the Tenant: whether it would go well, how long it takes, what it changes."""

import frappe
from frappe.utils import now_datetime

from buildpro_saas.fleet import shadows
from buildpro_saas.fleet.forecast import FAILS, NOTHING, PASSES, Expected

FIELDS = ("rehearsal", "rehearsed_at", "rehearsal_says", "rehearsal_facts")
LONGEST = 1000  # characters of a sentence
COPYING = ("copy_into_shadow", "copy_way_back")
MIGRATING = ("migrate_shadow", "complete_way_back", "migrate_in_place")


def job_is(inputs: dict, status: str) -> None:
	"""The playbooks' on_status: keep what a rehearsal or a migrate came to, in the transaction that ends its job."""
	if status not in ("Completed", "Failed"):
		return
	tenant = shadows.row(inputs["shadow"]).tenant
	of = {"subject": inputs["shadow"], "playbook": ("in", (shadows.MIGRATE, shadows.REHEARSE))}
	job = frappe.db.get_value("Provisioning Job", of, ["name", "playbook", "state", "error"], as_dict=True)
	if job is None:
		return
	state = frappe.parse_json(job.state or "{}")
	if job.playbook == shadows.REHEARSE:
		_keep_rehearsal(tenant, job, state, status)
	elif status == "Completed" and "migrated" in state:
		_keep(tenant, "", state.get("said"), _facts(state["migrated"], state))


def _keep_rehearsal(tenant: str, job, state: dict, status: str) -> None:
	if status == "Failed":
		# how long its copy took before is as good as ever
		_keep(tenant, FAILS, job.error, {**_kept_facts(tenant), "tables": [], "patches": []})
	elif "rehearsed" in state:
		_keep(tenant, PASSES, state["said"], _facts(state["rehearsed"], state))
	else:
		_keep(tenant, NOTHING, state.get("said"), {**_kept_facts(tenant), "seconds": 0})


def _facts(found: dict, state: dict) -> dict:
	"""{"seconds": that migrating took, "copied": [bytes, seconds], "patches": [[name, seconds]], "tables": names}."""
	seconds = found["seconds"]
	return {
		"seconds": round(sum(seconds.get(each, 0) for each in MIGRATING), 3),
		"copied": [state.get("size") or 0, sum(seconds.get(each, 0) for each in COPYING)],
		"patches": found["patches"],
		"tables": found["tables"],
	}


def _keep(tenant: str, verdict: str, says: str | None, facts: dict) -> None:
	values = {
		"rehearsal": verdict,
		"rehearsed_at": now_datetime(),
		"rehearsal_says": (says or "")[:LONGEST],
		"rehearsal_facts": frappe.as_json(facts, indent=None),
	}
	frappe.db.set_value("Tenant", tenant, values, update_modified=False)


def _kept_facts(tenant: str) -> dict:
	return frappe.parse_json(frappe.db.get_value("Tenant", tenant, "rehearsal_facts") or "{}")


def copied_before(tenant: str) -> tuple[int, float] | None:
	"""(bytes, seconds) of the last copy of the tenant's site; None where none was measured."""
	copied = _kept_facts(tenant).get("copied")
	return (copied[0], copied[1]) if copied and copied[0] else None


def expected(tenants: list[str]) -> list[Expected]:
	"""What is known beforehand of a migrate of each of the tenants, in their order."""
	rows = frappe.get_all("Tenant", {"name": ("in", tenants)}, ["name", "rehearsal", "rehearsal_facts"])
	found = {row.name: row for row in rows}
	return [_expected(found[tenant]) for tenant in tenants if tenant in found]


def _expected(row) -> Expected:
	facts = frappe.parse_json(row.rehearsal_facts or "{}")
	copied = facts.get("copied") or [0, 0]
	seconds = (
		facts["seconds"] + copied[1] if row.rehearsal in (PASSES, NOTHING) and "seconds" in facts else None
	)
	return Expected(row.name, row.rehearsal or "", 0.0 if row.rehearsal == NOTHING else seconds)
