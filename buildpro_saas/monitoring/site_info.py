"""All that is known of one site, for people and programs: the guide's `site-info`."""

from datetime import datetime, timezone
from typing import Any

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import records
from buildpro_saas.entitlements import acceptance, statement
from buildpro_saas.fleet import refreshes, site_list
from buildpro_saas.fleet.site_operations import Whom
from buildpro_saas.jobs.bench_door import door_of


def of(site: str) -> dict[str, Any]:
	"""A row of site_list.sites, and "users": {"enabled", "active"}, "entitlement": {"number", "plan", "until"}, "domains": [{"host", "state", "is_primary"}].

	Parts of a site that cannot be looked at are None. Raises frappe.ValidationError where no
	tenant has the site.
	"""
	(row,) = site_list.sites(Whom([refreshes.of_site(site)]))
	names = [
		{"host": name.host, "state": name.state, "is_primary": bool(name.is_primary)}
		for name in records.of_tenant(row["tenant"])
	]
	return {**row, "users": _users(row), "entitlement": _entitlement(row), "domains": names}


def told(found: dict[str, Any]) -> list[tuple[str, str]]:
	"""The same for people: (what, value) of each."""
	users, entitlement = found["users"], found["entitlement"]
	names = [
		f"{name['host']} ({name['state']}{', primary' if name['is_primary'] else ''})"
		for name in found["domains"]
	]
	return [
		*site_list.told(found),
		(
			"Users",
			f"{users['enabled']} enabled, {users['active']} active in the last day" if users else "unknown",
		),
		(
			"Entitlement",
			f"{entitlement['plan']}, number {entitlement['number']}, until {entitlement['until']}"
			if entitlement
			else "none",
		),
		("Domains", ", ".join(names) or "its own name alone"),
	]


def _users(row: dict[str, Any]) -> dict[str, int] | None:
	try:
		return door_of(row["bench"]).do("users_of_site", site=row["site"])
	except (AgentError, OSError):
		return None


def _entitlement(row: dict[str, Any]) -> dict[str, Any] | None:
	"""What the statement in the site's folder says, whether it counts or not."""
	try:
		stored = door_of(row["bench"]).site(row["site"]).json_file(acceptance.FILE)
	except AgentError:
		return None
	if not (found := statement.read(str(stored.get("token") or ""))):
		return None
	until = datetime.fromtimestamp(found.expires, timezone.utc)
	return {"number": found.sequence, "plan": found.grants().plan, "until": f"{until:%Y-%m-%d %H:%M} UTC"}
