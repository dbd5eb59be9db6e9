"""The site under test as a tenant sees his own: it holds an entitlement, and what a test does is rolled back."""

import pytest

PLAN_SETTINGS = "Nexelya Plan Settings"


@pytest.fixture
def site(admin_site):
	"""A site that holds no entitlement yet, with the admin site's own key to sign one for it."""
	admin_site.db.delete("Singles", {"doctype": PLAN_SETTINGS})
	site = SiteUnderTest(admin_site)
	site.entitlement.forget()
	yield site
	admin_site.db.rollback()
	site.entitlement.forget()


class SiteUnderTest:
	"""frappe, our modules and the tokens that tests ask for; imported late, for Frappe must know its site first."""

	def __init__(self, frappe):
		from buildpro_saas import feature_gating
		from buildpro_saas.tenant_site import entitlement, onboarding

		self.frappe, self.gating, self.entitlement = frappe, feature_gating, entitlement
		self.onboarding = onboarding

	def token(self, key: dict | None = None, now: float | None = None, **changes) -> str:
		"""An entitlement to the plan Growth for this site, signed by its own key or by another."""
		from buildpro_saas.entitlements import statement

		data = {
			"tenant": "acme",
			"site": self.frappe.local.site,
			"plan": "Growth",
			"features": ["rfi", "daily_log"],
			"limits": {"max_users": {"value": 25, "is_hard": True}},
			"available_in": {"rfi": "Growth", "daily_log": "Core", "bim": "Enterprise", "drones": None},
			"labels": {"rfi": "RFI", "bim": "BIM <i>Models</i>"},
			"contact": "support@example.com",
		} | changes
		return statement.issue(
			key or self.frappe.conf.buildpro_signing_key, data, valid_days=30, grace_days=7, now=now
		)

	def apply(self, **changes) -> str:
		"""Put an entitlement into force, and return its token."""
		token = self.token(**changes)
		self.onboarding.apply_entitlement(token, "Acme")
		return token

	def settings(self):
		"""Nexelya Plan Settings as the database has it."""
		return self.frappe.get_doc(PLAN_SETTINGS)

	def foreign_key(self) -> dict:
		from buildpro_saas.entitlements import keys

		return keys.generate()
