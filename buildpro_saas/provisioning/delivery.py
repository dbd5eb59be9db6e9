"""Brings changed entitlements to the tenants' sites of this machine's benches: one job a bench, however many tenants."""

import time
from collections.abc import Iterable

import frappe

from buildpro_saas.agent.bench import Bench
from buildpro_saas.entitlements.layers import compose
from buildpro_saas.provisioning import jobs, registry
from buildpro_saas.provisioning.steps.configuration import frappe_limits

PLAYBOOK = "send_entitlements"
# Those whose site is in use. A site that is being made is given its entitlement by the job that makes it.
WITH_SITE = ("Active", "Past Due", "Suspended")
# In frappe.local: the job of each bench that this request or job has made.
LOCAL_KEY = "buildpro_deliveries"


def send(tenants: Iterable[str] | None, why: str) -> None:
	"""Sign new entitlements for the tenants (names; None: for all) and put them into force on their sites, after this commit.

	Tenants without a site, and those of benches on other machines, are left out: these ask for theirs themselves
	(api/entitlements.py). Calls of one transaction are merged into one job a bench. `why` is what Desk shows with the job.
	"""
	for bench, names in sorted(_by_bench(tenants).items()):
		if not _merge(bench, names, why):
			job = jobs.start(
				PLAYBOOK,
				tenant=None,
				bench=bench,
				inputs={"tenants": names, "why": why},
				about=_about(names, why),
			)
			_made_here()[bench] = job.name


def _by_bench(tenants: Iterable[str] | None) -> dict[str, list[str]]:
	benches = frappe.get_all("Bench", {"is_local": 1}, pluck="name")
	filters = {"status": ("in", WITH_SITE), "bench": ("in", benches)}
	if tenants is not None:
		filters["name"] = ("in", list(tenants))
	found: dict[str, list[str]] = {}
	for row in frappe.get_all("Tenant", filters, ["name", "bench"], order_by="name"):
		found.setdefault(row.bench, []).append(row.name)
	return found


def _merge(bench: str, names: list[str], why: str) -> bool:
	"""Add the tenants to the job that this transaction has made for the bench; False when there is none, or it has gone its way.

	The row itself is asked: a rollback, to a savepoint too, takes it away.
	"""
	if not (job := _made_here().get(bench)):
		return False
	row = frappe.db.get_value(
		"Provisioning Job", job, ["status", "runs", "inputs"], as_dict=True, for_update=True
	)
	if not row or row.status != "Waiting" or row.runs:
		return False
	inputs = frappe.parse_json(row.inputs)
	inputs["tenants"] = sorted({*inputs["tenants"], *names})
	if why not in inputs["why"].split("; "):
		inputs["why"] += f"; {why}"
	values = {
		"inputs": frappe.as_json(inputs),
		"title": f"{registry.get(PLAYBOOK).title}: {_about(inputs['tenants'], inputs['why'])}"[:140],
	}
	frappe.db.set_value("Provisioning Job", job, values, update_modified=False)
	frappe.db.after_commit.add(lambda: jobs.dispatch(bench))
	return True


def _made_here() -> dict[str, str]:
	if not hasattr(frappe.local, LOCAL_KEY):
		setattr(frappe.local, LOCAL_KEY, {})
	return getattr(frappe.local, LOCAL_KEY)


def _about(names: list[str], why: str) -> str:
	return f"{names[0] if len(names) == 1 else f'{len(names)} tenants'} ({why})"


def deliver(tenant: str, bench: Bench) -> str:
	"""Sign the tenant's entitlement and put it into force on its site, with the limits that the framework itself enforces.

	Returns what to tell of it. Commits. The tenant's row is held until the site has it, so that of two deliveries at once the
	later one also carries the newer content. Raises what the site raised.
	"""
	frappe.db.commit()
	# a locking read comes first: what is read after it is no older than the lock
	status = frappe.db.get_value("Tenant", tenant, "status", for_update=True)
	if status not in WITH_SITE:
		frappe.db.commit()
		return f"has no site any more ({status or 'removed'})"
	doc = frappe.get_doc("Tenant", tenant)
	site = bench.site(doc.site_name)
	applied = site.call(
		"buildpro_saas.tenant_site.onboarding.apply_entitlement",
		**doc.sign_entitlement(),
		company=doc.company,
	)
	limits = compose(doc.layers(), time.time()).limits
	wanted = frappe_limits({key: {"value": limit.value} for key, limit in limits.items()})
	if any(site.config.get(key) != value for key, value in wanted.items()):
		site.update_config(wanted)
	frappe.db.commit()
	return f"plan {applied['plan']}, {applied['status']}"
