"""The entitlement that this site holds: where its token is kept, and the gate that follows from it.

The token is kept in Nexelya Plan Settings. What makes it count (the public keys, the site's name) comes from
site_config.json, so that nobody can grant themselves anything from Desk.
"""

from time import monotonic

import frappe
from frappe import local

from buildpro_saas.entitlements import decision, statement
from buildpro_saas.entitlements.decision import Gate
from buildpro_saas.entitlements.statement import Statement

DOCTYPE = "Nexelya Plan Settings"
# In Redis, under the site's own prefix: the token. Checking it again costs nothing, so it need not be
# trusted.
CACHE_KEY = "buildpro_entitlement"
# In frappe.local.cache, which lives as long as the request or job and is emptied by frappe.clear_cache().
LOCAL_KEY = "buildpro_gate"
# A job may run for hours; after so many seconds it asks for the entitlement again.
HOLD_SECONDS = 60


def current_gate() -> Gate:
	"""This site's gate as of now. Within a request or job it is made once (again after HOLD_SECONDS)."""
	held = local.cache.get(LOCAL_KEY)
	if held and monotonic() < held[1]:
		return held[0]
	return load_gate()


def load_gate() -> Gate:
	"""Make this site's gate and keep it for the request: one Redis read, or one SQL where Redis has nothing."""
	forget_in_request()
	token = frappe.cache.get_value(CACHE_KEY, generator=stored_token)
	gate = decision.gate(token, public_keys(), frappe.local.site)
	frappe.local.cache[LOCAL_KEY] = (gate, monotonic() + HOLD_SECONDS)
	return gate


def verify(token: str) -> Statement:
	"""The statement in `token` when it is genuine and made for this site. Raises EntitlementError otherwise."""
	return statement.verify(token, public_keys(), frappe.local.site)


def public_keys() -> dict[str, str]:
	"""The public keys of the admin site, by key id, as they are in site_config.json."""
	keys = frappe.conf.get("buildpro_public_keys")
	return keys if isinstance(keys, dict) else {}


def stored_token() -> str:
	"""The token in the database; empty when there is none, or when the app is not installed on this site."""
	singles = frappe.qb.DocType("Singles")
	query = (
		frappe.qb.from_(singles)
		.select(singles.value)
		.where((singles.doctype == DOCTYPE) & (singles.field == "token"))
	)
	rows = query.run()
	return (rows and rows[0][0]) or ""


def token_changed(token: str) -> None:
	"""Have this request go by a token that is being saved, and every process once it is committed."""
	forget()
	# After the commit it is written, not only deleted: a reader that still saw the old row may have put that
	# back.
	frappe.db.after_commit.add(lambda: frappe.cache.set_value(CACHE_KEY, token))
	frappe.db.after_commit.add(forget_in_request)
	frappe.db.after_rollback.add(forget)


def forget() -> None:
	"""Drop what is held of the entitlement, so that it is read from the database next time."""
	frappe.cache.delete_value(CACHE_KEY)
	forget_in_request()


def forget_in_request() -> None:
	"""Drop what this request holds, so that the token is read again next time."""
	frappe.local.cache.pop(LOCAL_KEY, None)
	frappe.local.cache.pop(frappe.cache.make_key(CACHE_KEY), None)
