"""A drill: a backup is restored as for its site, held against what it must hold, and dropped again. The site is not touched."""

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Loaded, Manifest
from buildpro_saas.fleet import drills, shadows, unread_backups
from buildpro_saas.fleet.steps.fetch import FetchBackup
from buildpro_saas.fleet.steps.restore import (
	ON_SITE,
	SIGN_IN,
	BringUpToDate,
	JudgeBackup,
	LoadIntoShadow,
	OnShadow,
)
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

MINUTES = 60
TOLD = 5  # names that a sentence has
# A failed drill leaves no shadow. So whatever is tried again begins anew.
BEGIN = "fetch_to_drill"
THRICE = RetryPolicy(attempts=3)


class FetchToDrill(FetchBackup):
	"""Fetch the backup from its store. One whose record says nothing to compare is not fetched: that drill would prove nothing."""

	def run(self, context: Context) -> dict:
		"""As FetchBackup."""
		unread_backups.read(context, context.inputs["backup"])
		drills.manifest_on_record(context.inputs["backup"])
		shadows.set_filling(context.inputs["shadow"])  # a drill that failed has dropped it
		return super().run(context)


class JudgeToDrill(JudgeBackup):
	"""See whether the bench can take the backup, with room for it on both disks."""

	redo_from = BEGIN


class LoadAndCompare(LoadIntoShadow):
	"""Load it into a shadow: tables, rows and checksums are those of its manifest, and of its record."""

	title = "Load and compare"
	redo_from = BEGIN

	def run(self, context: Context) -> dict:
		"""Hands on {"compared": a piece of a sentence}."""
		loaded = self._load(context)
		check(loaded, drills.manifest_on_record(context.inputs["backup"]))
		rows = sum(rows for rows, _checksum in loaded.held.tables.values())
		return {"compared": f"{len(loaded.held.tables)} tables with {rows} rows as in its manifest"}


def check(loaded: Loaded, on_record: Manifest) -> None:
	"""Raise AgentError unless what was loaded was compared with the backup's own manifest, and is what the record says, too."""
	if not loaded.is_compared:
		raise AgentError(
			"The backup has no manifest of its own: there is nothing to compare.", drills.TAKE_ANOTHER
		)
	said, held = on_record.tables, loaded.held.tables
	other = sorted(
		name for name in said.keys() | held.keys() if list(said.get(name, ())) != list(held.get(name, ()))
	)
	if other or on_record.schema != loaded.held.schema:
		raise AgentError(
			f"The backup is not what its record says: {some(other) or 'columns or indexes'} differ.",
			"Somebody changed the record, or what lies in the store. Take another backup, and find out who.",
		)


class CompareFiles(OnShadow):
	"""Each File record has its file. Where the site itself has lost one, too, that is told."""

	title = "Compare files"
	timeout = 60 * MINUTES
	retry = THRICE
	redo_from = BEGIN

	def run(self, context: Context) -> dict:
		"""Hands on {"files": a piece of a sentence}."""
		found = self._call(context, f"{ON_SITE}.lost_files")
		context.log(f"{found['rows']} File records, {found['count']} without their file")
		if not found["count"]:
			return {"files": f"{found['rows']} File records with their files"}
		on_site = context.run_on_site(f"{ON_SITE}.lost_files", self.timeout, urls=found["urls"])
		if lost := sorted(set(found["urls"]) - set(on_site["urls"])):
			raise AgentError(
				f"The backup lacks files that the site has: {some(lost)}.",
				"Take another backup, and drill that.",
			)
		context.log(f"The site lacks them, too: {some(found['urls'])}")
		return {
			"files": f"{found['rows']} File records, of which {found['count']} have lost their file on the site, too"
		}


class MigrateDry(BringUpToDate):
	"""Migrate the shadow where its apps are older than the bench's, as a restore would. What patches ask for is not done."""

	title = "Migrate dry"
	retry = THRICE
	redo_from = BEGIN

	def run(self, context: Context) -> dict:
		"""Hands on {"jobs": []}: none is left to be done."""
		jobs = super().run(context)["jobs"]
		context.bench.do("forget_jobs", jobs=jobs)
		return {"jobs": []}


class AskShadow(OnShadow):
	"""Ask the shadow over HTTP, sign in there, and see that its passwords can be decrypted."""

	title = "Ask shadow"
	timeout = 10 * MINUTES
	retry = THRICE
	redo_from = BEGIN

	def run(self, context: Context) -> None:
		lost = self._call(context, f"{ON_SITE}.unreadable_secrets")
		if lost["count"]:
			self._check_lost(context, lost)
		answered = self._call(context, SIGN_IN)
		context.log(f"It answers, and a sign-in works: {', '.join(answered['pages'])}")

	def _check_lost(self, context: Context, lost: dict) -> None:
		on_site = context.run_on_site(f"{ON_SITE}.unreadable_secrets", self.timeout)
		if lost["count"] > on_site["count"]:
			raise AgentError(
				f"{lost['count']} passwords of the backup cannot be decrypted: {some(lost['told'])}.",
				"The encryption key in the site's site_config.json is not the one of the data. Put the right one back.",
			)
		context.log(f"{lost['count']} passwords cannot be decrypted, on the site neither")


class DropDrilled(Step):
	"""Drop the shadow, and what was fetched."""

	title = "Drop"

	def run(self, context: Context) -> dict:
		"""Hands on {"said": a sentence}."""
		shadows.forget_copy(context.inputs["shadow"])
		state, seconds = context.state, drills.seconds_to_recover(context.job)
		return {
			"said": f"{context.inputs['backup']} is good: {state['compared']}; {state['files']}; back in {seconds:.0f} s."
		}


def some(names: list[str]) -> str:
	"""The first of these names, and how many more there are."""
	more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
	return f"{', '.join(names[:TOLD])}{more}"
