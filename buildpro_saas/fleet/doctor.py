"""What an operator should change on a bench before it hurts."""

from dataclasses import dataclass

import frappe

from buildpro_saas.agent import door
from buildpro_saas.agent.facts import Setting
from buildpro_saas.jobs.bench_door import door_of, reached

ROOT = "root"


@dataclass(frozen=True)
class UnixUsers:
	"""The Unix users of the admin site's secrets and of the tenants' web processes.

	web: empty where it cannot be told.
	"""

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


def missing_for_backups(bench: str) -> list[str]:
	"""A sentence for each Debian package that backups of the bench's sites need, and that its machine lacks; one for an old restic."""
	there = door_of(bench)
	told = [
		f"Bench {bench}: no backups are taken without `apt-get install {package}`."
		for package in there.do("missing_backup_programs")
	]
	if there.do("is_store_program_old"):
		told.append(f"Bench {bench}: its restic is too old for backups: install 0.14 or newer.")
	return told


def redis_complaints(bench: str) -> list[str]:
	"""A sentence for each Redis server of the bench that takes commands without a password."""
	return [f"Bench {bench}: {sentence}" for sentence in door_of(bench).do("redis_complaints")]


def database_settings(bench: str) -> list[Setting]:
	"""The settings of the bench's MariaDB, and what its sites and standby sites need, with those of other benches on the same server.

	Raises AgentError where a bench has no account, or does not answer.
	"""
	others = _others_on_its_server(bench)
	of = {"bench": ("in", [bench, *others])}
	waiting = frappe.db.count("Standby Site", {**of, "status": ("in", ("Ready", "Filling"))})
	elsewhere = sum(len(door_of(other).do("site_names")) for other in others)
	return door_of(bench).do("database_settings", sites=waiting + elsewhere, tables=_tables_of_a_site(of))


def _others_on_its_server(bench: str) -> list[str]:
	server = frappe.db.get_value("Bench", bench, "database_server")
	return [other for other in reached(database_server=server) if other != bench] if server else []


def _tables_of_a_site(of: dict) -> int:
	"""How many tables a site has: as many as the largest image of these benches; without an image, as many as this site."""
	largest = frappe.get_all(
		"Site Image", {**of, "status": "Ready"}, pluck="tables", order_by="tables desc", limit=1
	)
	return largest[0] if largest else len(frappe.db.get_tables(cached=False))
