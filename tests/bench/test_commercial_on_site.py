"""What staff agree with a tenant, as the tenant's own site answers it: over real services, through the jobs that bring it there."""

import pytest

PLAN = "Core"
FEATURE = "bim"  # Core has it not
SECONDS = 60


@pytest.fixture(scope="module")
def tenant(module_bench):
	"""The name of one tenant of the plan."""
	return module_bench.active_tenant(PLAN).name


@pytest.fixture
def site(module_bench, tenant):
	return TenantsSite(module_bench, tenant)


class TenantsSite:
	"""The tenant's record, and what its site says."""

	def __init__(self, bench, tenant: str):
		self.bench, self.frappe, self.name = bench, bench.frappe, tenant

	@property
	def record(self):
		self.frappe.db.commit()
		return self.frappe.get_doc("Tenant", self.name)

	def access(self) -> dict:
		return self.bench.on_site(
			self.name, "buildpro_saas.api.feature_gating.check_feature_access", feature=FEATURE
		)

	def wait_until(self, **wanted) -> None:
		"""Commit, and wait until the site's answer about the feature has these values."""
		self.frappe.db.commit()
		self.bench.wait_for(
			lambda: wanted.items() <= self.access().items(), SECONDS, lambda: str(self.access())
		)


def test_an_override_comes_and_goes(site):
	assert not site.access()["allowed"]
	with site.bench.edited("Tenant", site.name) as tenant:
		tenant.append("overrides", {"feature": FEATURE, "reason": "goodwill"})
	site.wait_until(allowed=True, reason="OVERRIDE")
	with site.bench.edited("Tenant", site.name) as tenant:
		tenant.set("overrides", [])
	site.wait_until(allowed=False, reason="NOT_IN_PLAN")


def test_suspended_and_resumed(site):
	site.record.suspend("invoice 7")
	site.wait_until(allowed=False, reason="SUSPENDED")
	site.record.resume()
	site.wait_until(allowed=False, reason="NOT_IN_PLAN")


def test_a_trial_ends_by_itself(site):
	"""The site knows the date: the admin site's record follows later, and nothing changes by that."""
	frappe = site.frappe
	trial = frappe.get_doc(
		{"doctype": "Plan", "plan_name": f"Trial {site.name}", "features": [{"feature": FEATURE}]}
	).insert()
	try:
		# a whole minute, as records keep it, and half a one away at least
		ends = frappe.utils.add_to_date(frappe.utils.now_datetime(), seconds=90).replace(
			second=0, microsecond=0
		)
		site.record.set_plan(trial.name, trial_until=str(ends), then=PLAN)
		site.wait_until(allowed=True, reason="TRIAL")
		site.bench.wait_for(lambda: not site.access()["allowed"], 90 + SECONDS)
		assert frappe.utils.now_datetime() >= ends
		assert site.record.plan == trial.name
		assert site.record.follow_terms()
		frappe.db.commit()
		assert site.record.plan == PLAN
	finally:
		frappe.db.rollback()
		frappe.db.set_value(
			"Tenant", site.name, {"plan": PLAN, "trial_ends_on": None, "plan_after_trial": None}
		)
		frappe.db.delete("Plan Version", {"plan": trial.name})
		frappe.delete_doc("Plan", trial.name, force=True)
		frappe.db.commit()


def test_a_kill_switch_and_its_lifting(site):
	frappe = site.frappe
	with site.bench.edited("Tenant", site.name) as tenant:
		tenant.append("overrides", {"feature": FEATURE, "reason": "goodwill"})
	site.wait_until(allowed=True)
	switch = frappe.get_doc({"doctype": "Kill Switch", "feature": FEATURE, "reason": "loses data"}).insert()
	site.wait_until(allowed=False, reason="KILLED")
	frappe.get_doc("Kill Switch", switch.name).lift()
	site.wait_until(allowed=True, reason="OVERRIDE")
	with site.bench.edited("Tenant", site.name) as tenant:
		tenant.set("overrides", [])
	site.wait_until(allowed=False, reason="NOT_IN_PLAN")
	frappe.db.delete("Kill Switch", {"name": switch.name})
	frappe.db.commit()
