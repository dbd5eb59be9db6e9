"""What tenants' sites ask this admin site for, wherever they run. Each has its own token."""

import json
import re
import time

import frappe
from frappe import _
from frappe.rate_limiter import rate_limit
from frappe.utils import get_datetime, now_datetime, time_diff_in_seconds

from buildpro_saas import site_role
from buildpro_saas.control_plane.access import arguments
from buildpro_saas.licensing import delivery, signing, sync_tokens, usage_reports

HOUR = 3600
# PAUSE: seconds until a site asks again. REACHED_PAUSE: for a site on a bench that this admin site reaches. Such a site is sent what is
# new at once, and asks only in case that went wrong.
PAUSE, REACHED_PAUSE = HOUR, 6 * HOUR
# The most requests of one address in an hour: a bench of a thousand tenants, each with some tries. `buildpro_requests_per_hour` in
# site_config.json replaces it.
PER_HOUR = 10_000
KEYS = 8  # ids of keys that a site may name
KEY_LENGTH = 64
SAVEPOINT = "buildpro_usage"


def requests_per_hour() -> int:
	"""How many requests one IP address may make in an hour."""
	return int(frappe.conf.get("buildpro_requests_per_hour") or PER_HOUR)


@frappe.whitelist(allow_guest=True, methods=["POST"])
@rate_limit(limit=requests_per_hour, seconds=HOUR)
@arguments.checked
def pull(
	tenant: str = "",
	sequence: int | str = 0,
	keys: list | str | None = None,
	usage_batch: dict | str | None = None,
	lowest: int | str = 0,
) -> dict:
	"""The newest entitlement of `tenant`, whose token is in the header X-BuildPro-Token.

	sequence: the number of the statement in force on the site, 0 for none.
	keys: ids of the public keys that the site trusts.
	usage_batch: what it has used, as tenant_site.usage.to_send makes it.
	lowest: the number below which no statement counts there.

	Returns {"unchanged": True, "next_pull": seconds} when the site has the newest one and at least half of its time is left. Else it
	returns {"token": JWT, "catalogue", "next_pull"}. Both also have "now" (epoch seconds), and may have "sync_token": the token to use
	from then on. Raises frappe.AuthenticationError (HTTP 401) for anybody else.
	"""
	site_role.only_on_admin_site()
	name = sync_tokens.authenticate(tenant)
	if usage_batch:
		_take_usage(name, usage_batch)
	above = int(lowest) if re.fullmatch(r"[0-9]{1,18}", str(lowest)) else 0
	answer = {**_entitlement(name, sequence, _key_ids(keys), above), "now": int(time.time())}
	given = frappe.get_request_header(sync_tokens.HEADER)
	if sync_tokens.needs_renewal(name, given):
		if new := sync_tokens.renew(delivery.locked(name), given):
			answer["sync_token"] = new
	return answer


def _take_usage(name: str, batch: dict | str) -> None:
	"""Take what the site has used. A batch that is refused is logged; the tenant still gets its entitlement."""
	frappe.db.savepoint(SAVEPOINT)
	try:
		usage_reports.receive(name, _parsed(batch))
	except frappe.ValidationError:
		frappe.db.rollback(save_point=SAVEPOINT)
		frappe.clear_messages()
		frappe.log_error(title=f"The usage that {name} sent was refused")


def _entitlement(name: str, sequence: int | str, keys: list[str], above: int) -> dict:
	tenant = frappe.get_doc("Tenant", name)
	signing.trust(tenant, keys)
	if str(sequence) == tenant.entitlement_sequence and signing.is_current(tenant):
		return {"unchanged": True, "next_pull": _pause(tenant)}
	# what was read before the lock may be old, so it is read again; what was written is committed
	tenant = delivery.locked(name)
	return {**signing.sign(tenant, above), "next_pull": _pause(tenant)}


def _pause(tenant) -> int:
	"""Seconds until the site should ask again: before half of its statement's time is over."""
	is_reachable = frappe.get_cached_value("Bench", tenant.bench, "is_reachable")
	left = time_diff_in_seconds(get_datetime(tenant.entitlement_renew_at), now_datetime())
	return max(60, int(min(REACHED_PAUSE if is_reachable else PAUSE, left)))


def _key_ids(keys: list | str | None) -> list[str]:
	"""The key ids that a site says it trusts. They only choose which of this site's keys signs its next statement."""
	found = _parsed(keys) if keys else []
	if not isinstance(found, list) or len(found) > KEYS or not all(_is_key_id(each) for each in found):
		frappe.throw(_("The keys must be a list of key ids."), frappe.ValidationError)
	return found


def _parsed(value: object) -> object:
	"""The value of a form field that holds JSON; a value that came as JSON is left as it is.

	Raises frappe.ValidationError for text that is no JSON, or nested too deep.
	"""
	try:
		return json.loads(value) if isinstance(value, str) else value
	except (ValueError, RecursionError):
		frappe.throw(_("What was sent is no JSON that this site reads."), frappe.ValidationError)


def _is_key_id(value: object) -> bool:
	return isinstance(value, str) and len(value) <= KEY_LENGTH and value.isascii() and not value.isspace()
