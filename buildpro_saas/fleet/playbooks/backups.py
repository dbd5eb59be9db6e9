"""Backups are taken, exported, copied offsite, checked, and tried out (drills)."""

from buildpro_saas.fleet import (
	admin_backup,
	admin_drill,
	backups,
	drills,
	exports,
	offsite_copies,
	shadows,
	site_operations,
	store_checks,
	unread_backups,
)
from buildpro_saas.fleet.drill_rota import DrillTenant
from buildpro_saas.fleet.steps.admin_drill import DrillAdminBackup
from buildpro_saas.fleet.steps.backup import (
	CheckAdminBackupRoom,
	CheckBackupRoom,
	ForgetBackups,
	TakeAdminBackup,
	TakeBackup,
)
from buildpro_saas.fleet.steps.drill import (
	AskShadow,
	CompareFiles,
	DropDrilled,
	FetchToDrill,
	JudgeToDrill,
	LoadAndCompare,
	MigrateDry,
)
from buildpro_saas.fleet.steps.export import WriteExport
from buildpro_saas.fleet.steps.offsite import CopyOffsite, ForgetOffsite
from buildpro_saas.fleet.steps.read_backups import ReadBackups
from buildpro_saas.fleet.steps.store_check import CheckStore, CompareStore
from buildpro_saas.jobs.batch_runner import for_many
from buildpro_saas.jobs.playbook import Needs, Playbook

BACK_UP = Playbook(
	name=backups.PLAYBOOK,
	title="Back up",
	steps=(CheckBackupRoom(), TakeBackup(), ForgetBackups()),
	on_status=backups.job_is,
)

BACK_UP_ADMIN_SITE = Playbook(
	name=admin_backup.PLAYBOOK,
	title="Back up admin site",
	steps=(CheckAdminBackupRoom(), TakeAdminBackup(), ForgetBackups()),
	# it is small, and must not wait behind what is done to tenants' sites
	is_heavy=False,
	on_status=backups.job_is,
)

DRILL_ADMIN_BACKUP = Playbook(
	name=admin_drill.PLAYBOOK,
	title="Drill admin site's backup",
	steps=(DrillAdminBackup(),),
	is_heavy=False,
	on_status=admin_drill.job_is,
)

EXPORT_FOR_TENANT = Playbook(
	name=exports.PLAYBOOK,
	title="Export for tenant",
	steps=(CheckBackupRoom(), TakeBackup(), WriteExport(), ForgetBackups()),
	on_status=exports.job_is,
)

# they leave the tenant's site alone; a first copy may take a day, in which everything else goes on
_OF_STORES = {"is_heavy": False, "needs": Needs(site=False)}
COPY_OFFSITE = Playbook(
	name=offsite_copies.PLAYBOOK,
	title="Copy offsite",
	steps=(CopyOffsite(), ForgetOffsite()),
	on_status=offsite_copies.job_is,
	**_OF_STORES,
)

CHECK_STORE = Playbook(
	name=store_checks.PLAYBOOK, title="Check store", steps=(CheckStore(), CompareStore()), **_OF_STORES
)

READ_BACKUPS = Playbook(
	name=unread_backups.PLAYBOOK, title="Read backups", steps=(ReadBackups(),), **_OF_STORES
)

# in the turns of batches; the site goes on meanwhile, with whatever is done there
DRILL_BACKUP = Playbook(
	name=shadows.DRILL,
	title="Drill",
	steps=(
		FetchToDrill(),
		JudgeToDrill(),
		LoadAndCompare(),
		CompareFiles(),
		MigrateDry(),
		AskShadow(),
		DropDrilled(),
	),
	is_heavy=False,
	needs=Needs(site=False),
	on_status=drills.job_is,
	after_run=drills.drop_what_failed,
)

DRILL = for_many(site_operations.DRILL, "Drill", DrillTenant())
