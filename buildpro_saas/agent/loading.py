"""Loads a backup into a shadow: its dump, its files, its encryption key."""

from collections.abc import Callable

from buildpro_saas.agent import judgement, manifest
from buildpro_saas.agent.backup_folder import BackupFolder
from buildpro_saas.agent.compressed import opened
from buildpro_saas.agent.database_connection import Account
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.dump_load import DumpLoad
from buildpro_saas.agent.dump_statements import Statements
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Loaded
from buildpro_saas.agent.shadow import Shadow
from buildpro_saas.agent.site import FILES


class Loading:
	"""One backup on its way into a shadow that has been made, and is empty."""

	def __init__(self, backup: BackupFolder, shadow: Shadow):
		self.backup = backup
		self.shadow = shadow

	def run(self, password: str, checkpoint: Callable[[], None]) -> Loaded:
		"""Load all of it. password: the shadow's database user's. Raises AgentError where it cannot be, or is not what its manifest says."""
		self._load_database(password, checkpoint)
		for part in FILES:  # Frappe writes there, and makes no folder
			(self.shadow.folder.path / part / "files").mkdir(parents=True, exist_ok=True)
		files = {
			part: archive.put_into(self.shadow.folder.path / part, checkpoint).files
			for part, archive in self.backup.archives().items()
		}
		held = manifest.take(self.shadow.mariadb, self.shadow.database)
		expected = self.backup.manifest
		if expected and (told := manifest.differences(expected, held)):
			raise AgentError(
				f"What was loaded is not what the backup's manifest says. {' '.join(told)}",
				"The site is untouched. Take another copy of the backup, or another backup.",
			)
		return Loaded(held, files, is_compared=bool(expected))

	def _load_database(self, password: str, checkpoint: Callable[[], None]) -> None:
		known = judgement.known_collations(self.shadow.mariadb)
		of_bench, database = self.shadow.mariadb.account, self.shadow.database
		# as the shadow's own user: whatever a dump says, no other database is reached
		with (
			server(Account(of_bench.host, of_bench.port, database, password)) as own,
			opened(self.backup.dump) as stream,
		):
			statements = Statements(stream)
			DumpLoad(own, database, known).run(statements, checkpoint)
		if not statements.has_end_mark:
			raise AgentError(
				f"{self.backup.dump.name} is cut off.",
				"The site is untouched. Take another copy of the backup.",
			)
