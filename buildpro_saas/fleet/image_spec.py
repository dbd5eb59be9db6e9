"""What a site image holds: a set of apps.

It also has a company of some country, set up ahead of time, where a pool of standby sites asks for one.
"""

from dataclasses import dataclass

import frappe

from buildpro_saas import region
from buildpro_saas.entitlements import plans
from buildpro_saas.licensing.entitlement_sources import Offer

OWN_APP = "buildpro_saas"  # on every tenant's site, and first: it is the gate
DEFAULT_LANGUAGE = "en"
APP_SEPARATOR, SEPARATOR = ", ", "; "  # country names have commas


@dataclass(frozen=True)
class ImageKind:
	"""apps: beside the framework, in the order of their installation. country, currency, language: names of records; all empty for no company."""

	apps: tuple[str, ...]
	country: str = ""
	currency: str = ""
	language: str = ""

	@classmethod
	def of_plan(cls, plan: str) -> "ImageKind":
		"""What sites of the plan have before anything is known of the tenant."""
		return cls(tuple(apps_to_install(plan)))

	@classmethod
	def of_pool(cls, pool) -> "ImageKind":
		"""What the standby sites of a Standby Pool row have."""
		apps = tuple(apps_to_install(pool.plan))
		if not pool.company_country:
			return cls(apps)
		currency = region.currency(region.code_of(pool.company_country)) or ""
		return cls(apps, pool.company_country, currency, pool.company_language or DEFAULT_LANGUAGE)

	@classmethod
	def from_name(cls, name: str) -> "ImageKind":
		"""The kind that has this name."""
		apps, *company = name.split(SEPARATOR)
		return cls(tuple(apps.split(APP_SEPARATOR)), *company)

	@property
	def name(self) -> str:
		"""As Site Image and Standby Site keep it: `buildpro_saas, erpnext; Germany; EUR; en`."""
		apps = APP_SEPARATOR.join(self.apps)
		return SEPARATOR.join((apps, *self.company.values())) if self.company else apps

	@property
	def company(self) -> dict[str, str]:
		"""{"country", "currency", "language"} of the company that is set up; empty when there is none."""
		if not self.country:
			return {}
		return {"country": self.country, "currency": self.currency, "language": self.language}

	@property
	def without_company(self) -> "ImageKind":
		"""The same apps alone."""
		return ImageKind(self.apps)


def apps_to_install(plan: str) -> list[str]:
	"""The apps that a site of the plan gets beside the framework, in the order of their installation."""
	apps = Offer().resolved(plan)["apps"]
	return [OWN_APP, *(app for app in apps if app not in ("frappe", OWN_APP))]


def plans_that_resolve() -> list[str]:
	"""The active plans that can be resolved. A plan in a loop must not keep the others from their images."""
	return [plan for plan in frappe.get_all("Plan", {"is_active": 1}, pluck="name") if _resolves(plan)]


def _resolves(plan: str) -> bool:
	try:
		apps_to_install(plan)
	except plans.PlanError:
		return False
	return True


def pools_with_sites() -> list:
	"""The Standby Pool rows that are not switched off."""
	return [row for row in frappe.get_single("SaaS Settings").standby_pools if row.sites]


def suiting(apps: list[str], tenant: dict) -> list[ImageKind]:
	"""The kinds that suit a tenant (its fields; {} for none), the best first: with a company of its country, then without."""
	plain = ImageKind(tuple(apps))
	facts = [tenant.get(field) or "" for field in ("country", "currency", "language")]
	return [ImageKind(plain.apps, *facts), plain] if all(facts) else [plain]
