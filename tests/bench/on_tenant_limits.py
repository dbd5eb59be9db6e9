"""What the tests of limits do on a tenant's site."""

import frappe
import redis
from frappe.core.doctype.user.user import generate_keys

from buildpro_saas.tenant_site import declared_limits, limit_measures, limit_meters, limit_usage, usage


def used(key: str) -> float:
	return limit_usage.in_use(declared_limits.declared()[key])


def measure(key: str, used: float) -> None:
	limit_usage.keep(declared_limits.declared()[key], lambda: used)
	frappe.db.commit()


def api_key() -> str:
	"""KEY:SECRET of the owner, made anew."""
	user = frappe.get_all("User", {"email": ("like", "owner@%")}, pluck="name")[0]
	secret = generate_keys(user)["api_secret"]
	frappe.db.commit()
	return f"{frappe.db.get_value('User', user, 'api_key')}:{secret}"


def forget_calls() -> None:
	forget_meter("api_calls_per_day")


def forget_meter(key: str) -> None:
	"""As Redis does when it restarts."""
	redis.Redis.delete(frappe.cache, limit_meters.name(key, declared_limits.declared()[key].day))


def uses(feature: str, outcome: str) -> int:
	usage.store()
	found = frappe.get_all(usage.DOCTYPE, {"feature": feature, "outcome": outcome}, pluck="count")
	return sum(found)


def mails() -> int:
	"""Recipients of today's mails, as the database has them."""
	return limit_measures.emails_today()
