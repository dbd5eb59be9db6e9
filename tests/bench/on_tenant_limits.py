"""What the tests of limits do on a tenant's site."""

import frappe
import redis
from frappe.core.doctype.user.user import generate_keys

from buildpro_saas.tenant_site import declared_limits, limit_usage, usage


def used(key: str) -> float:
	return declared_limits.declared()[key].in_use()


def measure(key: str, used: float) -> None:
	limit_usage.keep(key, lambda: used, is_anew=True, day=None)
	frappe.db.commit()


def api_key() -> str:
	"""KEY:SECRET of the owner, made anew."""
	user = frappe.get_all("User", {"email": ("like", "owner@%")}, pluck="name")[0]
	secret = generate_keys(user)["api_secret"]
	frappe.db.commit()
	return f"{frappe.db.get_value('User', user, 'api_key')}:{secret}"


def forget_calls() -> None:
	redis.Redis.delete(frappe.cache, limit_usage._calls_name())


def uses(feature: str, outcome: str) -> int:
	usage.store()
	found = frappe.get_all(usage.DOCTYPE, {"feature": feature, "outcome": outcome}, pluck="count")
	return sum(found)
