"""What an operator should change on a bench before it hurts."""

from dataclasses import dataclass

import frappe

from buildpro_saas.agent import door
from buildpro_saas.agent.facts import Setting

ROOT = "root"


@dataclass(frozen=True)
class UnixUsers:
	"""Whose the admin site's secrets are, and as whom the tenants' web processes run; web is empty where that cannot be told."""

	secrets: str
	web: frozenset[str]

	@property
	def is_separate(self) -> bool:
		"""Whether it is sure that no web process can read the admin site's key and database account."""
		return bool(self.web) and not self.web & {self.secrets, ROOT}

	def __str__(self) -> str:
		kept = f"The admin site's signing key and database account belong to the Unix user {self.secrets}"
		if not self.web:
			return f"{kept}; as whom the tenants' web processes run cannot be told, for none listens on the Bench's web port."
		users = ", ".join(sorted(self.web))
		if self.is_separate:
			return f"{kept}, the tenants' web processes run as {users}: they cannot read them."
		return (
			f"{kept}, and the tenants' web processes run as {users}: whoever gets out of a tenant's site can read both. A Unix user of the"
			" control plane's own keeps them apart (docs/security.md)."
		)


def separation(web_port: int) -> UnixUsers:
	"""The users of this admin site and of the web processes on a port of this machine."""
	found = door.here().do("unix_users_of", site=frappe.local.site, port=web_port)
	return UnixUsers(found["secrets"], frozenset(found["web"]))


def redis_complaints() -> list[str]:
	"""A sentence for each Redis server of this bench that takes commands without a password."""
	return door.here().do("redis_complaints")


def database_settings() -> list[Setting]:
	"""MariaDB's settings beside what this bench's sites, and those that wait, need."""
	waiting = frappe.db.count("Standby Site", {"status": ("in", ("Ready", "Filling"))})
	return door.here().do("database_settings", sites=waiting, tables=_tables_of_a_site())


def _tables_of_a_site() -> int:
	"""Of the largest image; without one, of this site."""
	largest = frappe.get_all(
		"Site Image", {"status": "Ready"}, pluck="tables", order_by="tables desc", limit=1
	)
	return largest[0] if largest else len(frappe.db.get_tables(cached=False))
