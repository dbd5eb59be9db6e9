"""Our playbooks. hooks.py lists them; apps add theirs in the same way (jobs/registry.py)."""

from buildpro_saas.domains.steps.tenant import (
	CheckAddress,
	DropNames,
	GetOwnCertificate,
	LeadNameHere,
	PublishOwn,
	WithdrawName,
)
from buildpro_saas.fleet import (
	admin_backup,
	admin_drill,
	adoption,
	backups,
	clones,
	drills,
	engaged,
	exports,
	finished_site,
	image_record,
	images,
	looks,
	migrations,
	offsite_copies,
	refreshes,
	rehearsals,
	shadows,
	site_operations,
	site_standing,
	standby,
	store_checks,
	taking_in,
	unread_backups,
)
from buildpro_saas.fleet.drill_rota import DrillTenant
from buildpro_saas.fleet.restores import RestoreLostTenant
from buildpro_saas.fleet.site_works import ClearCache, RunFunction, SetMaintenance, SetScheduler
from buildpro_saas.fleet.steps import closing, lost_site, removal, rename, unarchive
from buildpro_saas.fleet.steps.admin_drill import DrillAdminBackup
from buildpro_saas.fleet.steps.backup import (
	CheckAdminBackupRoom,
	CheckBackupRoom,
	ForgetBackups,
	TakeAdminBackup,
	TakeBackup,
)
from buildpro_saas.fleet.steps.clone import CheckClone, ConfigureClone, FillClone, JudgeClone, MakeOwn
from buildpro_saas.fleet.steps.closing import CloseSite, OpenSite
from buildpro_saas.fleet.steps.company import SetUpCompany
from buildpro_saas.fleet.steps.configuration import Configure
from buildpro_saas.fleet.steps.drill import (
	AskShadow,
	CompareFiles,
	DropDrilled,
	FetchToDrill,
	JudgeToDrill,
	LoadAndCompare,
	MigrateDry,
)
from buildpro_saas.fleet.steps.entitlement import SeedPlanSettings
from buildpro_saas.fleet.steps.export import WriteExport
from buildpro_saas.fleet.steps.fetch import FetchBackup, RemoveFetched
from buildpro_saas.fleet.steps.image import (
	FillStandby,
	InstallImageApps,
	MakeImageSite,
	PrepareCompany,
	RemoveImage,
	ReserveImage,
	SealImage,
)
from buildpro_saas.fleet.steps.look import LookAtSite
from buildpro_saas.fleet.steps.lost_site import JudgeLoss, JudgeLostSite, MakeRoom, TrashRemains
from buildpro_saas.fleet.steps.migrate import CheckMigrated, LookForMigrate, MigrateCopy, RehearseMigrate
from buildpro_saas.fleet.steps.migrate_in_place import MigrateInPlace
from buildpro_saas.fleet.steps.offsite import CopyOffsite, ForgetOffsite
from buildpro_saas.fleet.steps.owner import CreateOwner, InviteOwner
from buildpro_saas.fleet.steps.point_in_time import CheckLog, ReplayLog
from buildpro_saas.fleet.steps.reachable import CheckReachable
from buildpro_saas.fleet.steps.read_backups import ReadBackups
from buildpro_saas.fleet.steps.refresh import STEPS as STEPS_OF_REFRESH
from buildpro_saas.fleet.steps.removal import DropShadows, RemoveSite, TakeLastBackup, WriteCertificate
from buildpro_saas.fleet.steps.rename import (
	CheckNewName,
	LeadThere,
	MoveSite,
	RenameDatabase,
	RenameRecord,
	TellSite,
)
from buildpro_saas.fleet.steps.restore import (
	BringUpToDate,
	CheckShadow,
	JudgeBackup,
	LoadIntoShadow,
	ReleaseJobs,
)
from buildpro_saas.fleet.steps.shadow import CheckRoom, CopyIntoShadow, SwapIn
from buildpro_saas.fleet.steps.site import InstallApps, MakeSite, ReserveName
from buildpro_saas.fleet.steps.store_check import CheckStore, CompareStore
from buildpro_saas.fleet.steps.take_in import (
	CheckNew,
	CloseOldSite,
	ConfigureNew,
	EnsureOwner,
	FillShadow,
	InstallMissing,
	JudgeIntake,
	MigrateNew,
	TakePlace,
)
from buildpro_saas.fleet.steps.take_over import JudgeInPlace, TakeOver
from buildpro_saas.fleet.steps.unarchive import ForgetConfig, GiveConfig, OpenAgain, StandAgain
from buildpro_saas.jobs.batch_runner import for_many
from buildpro_saas.jobs.playbook import BenchUse, Needs, Playbook
from buildpro_saas.licensing import delivery
from buildpro_saas.licensing.send_entitlements import DeliverEntitlement, SendEntitlement

CREATE_TENANT = Playbook(
	name="create_tenant",
	title="Create tenant",
	steps=(
		ReserveName(),
		MakeSite(),
		InstallApps(),
		Configure(),
		SeedPlanSettings(),
		CreateOwner(),
		SetUpCompany(),
		LeadNameHere(),
		GetOwnCertificate(),
		PublishOwn(),
		CheckReachable(),
		CheckAddress(),
		InviteOwner(),
	),
	tenant_while_running="Provisioning",
	tenant_when_completed="Active",
	tenant_when_failed="Failed",
	tenant_when_cancelled="Draft",
	check_undo=finished_site.check_unused,
	find_finished=finished_site.find_finished,
	finish=finished_site.finish,
)


BUILD_IMAGE = Playbook(
	name=images.BUILD,
	title="Build image",
	steps=(ReserveImage(), MakeImageSite(), InstallImageApps(), PrepareCompany(), SealImage()),
	on_status=image_record.build_is,
)

PRUNE_IMAGE = Playbook(name=images.PRUNE, title="Prune image", steps=(RemoveImage(),), is_heavy=False)

FILL_STANDBY = Playbook(name=standby.FILL, title="Fill standby site", steps=(FillStandby(),))

SEND_ENTITLEMENTS = for_many(
	delivery.PLAYBOOK,
	"Send entitlements",
	SendEntitlement(make_ready=site_standing.make_ready),
	is_heavy=False,
	# each turn takes its own site, and two files there; a bench that is being updated must not keep a customer from what he has paid
	# for
	needs=Needs(bench=BenchUse.NONE),
	queue="short",
)

ADOPT_SITE = Playbook(
	name=adoption.PLAYBOOK,
	title="Adopt site",
	steps=(DeliverEntitlement(make_ready=site_standing.make_ready),),
	is_heavy=False,
	queue="short",
	finish=finished_site.finish,
)

COPY_SITE = Playbook(name=shadows.COPY, title="Copy site", steps=(CheckRoom(), CopyIntoShadow()))

SWAP_SITE = Playbook(name=shadows.SWAP, title="Swap site", steps=(SwapIn(), CheckReachable()), is_heavy=False)

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

# light work of moments, which must not wait behind heavy jobs
_QUICK = {"is_heavy": False, "queue": "short", "needs": Needs(bench=BenchUse.SHARED)}
CLEAR_CACHE = for_many(site_operations.CLEAR_CACHE, "Clear cache", ClearCache(), **_QUICK)
SET_MAINTENANCE = for_many(site_operations.MAINTENANCE, "Maintenance", SetMaintenance(), **_QUICK)
SET_SCHEDULER = for_many(site_operations.SCHEDULER, "Scheduler", SetScheduler(), **_QUICK)
RUN_FUNCTION = for_many(site_operations.FUNCTION, "Run function", RunFunction())

# they run in the turns of batches, whose runner has the slot (jobs/inline.py)
MIGRATE_SITE = Playbook(
	name=migrations.MIGRATE,
	title="Migrate site",
	steps=(LookForMigrate(), MigrateCopy(), MigrateInPlace(), CheckMigrated()),
	is_heavy=False,
	on_status=rehearsals.job_is,
)
REHEARSE_SITE = Playbook(
	name=migrations.REHEARSE,
	title="Rehearse migrate",
	steps=(LookForMigrate(is_rehearsal=True), RehearseMigrate()),
	is_heavy=False,
	on_status=rehearsals.job_is,
)
MIGRATE = for_many(site_operations.MIGRATE, "Migrate", migrations.MigrateTenant(migrations.MIGRATE))
REHEARSE = for_many(site_operations.REHEARSE, "Rehearse", migrations.MigrateTenant(migrations.REHEARSE))
BACK_UP_SITES = for_many(site_operations.BACK_UP, "Back up", refreshes.BackUpSite())
# its work is done by batches, and by other programs: it has no slot, and no worker while it waits for them
REFRESH = Playbook(
	name=refreshes.PLAYBOOK,
	title="Refresh",
	steps=STEPS_OF_REFRESH,
	is_heavy=False,
	queue="short",
	needs=Needs(bench=BenchUse.NONE),
)
RESTORE_SITE = Playbook(
	name=shadows.RESTORE,
	title="Restore site",
	steps=(
		CheckLog(),
		FetchBackup(),
		JudgeBackup(),
		LoadIntoShadow(),
		ReplayLog(),
		BringUpToDate(),
		CheckShadow(),
		RemoveFetched(),
		SwapIn(),
		ReleaseJobs(),
		CheckReachable(),
	),
)

RESTORE_LOST_SITE = Playbook(
	name=shadows.RESTORE_LOST,
	title="Restore lost site",
	steps=(
		JudgeLostSite(),
		CheckLog(),
		FetchBackup(),
		JudgeBackup(),
		LoadIntoShadow(),
		ReplayLog(),
		GiveConfig(),
		BringUpToDate(),
		CheckShadow(),
		RemoveFetched(),
		MakeRoom(),
		StandAgain(),
		SeedPlanSettings(),
		OpenAgain(),
		ReleaseJobs(),
		CheckReachable(),
		ForgetConfig(),
	),
	# also in the turns of a batch, whose runner has the slot; and a customer without a site waits for nobody's slot
	is_heavy=False,
	check_undo=lost_site.check_restore_can_be_undone,
)
RESTORE_LOST = for_many(site_operations.RESTORE_LOST, "Restore lost sites", RestoreLostTenant())
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
RENAME_SITE = Playbook(
	name=engaged.RENAME,
	title="Rename site",
	steps=(
		CheckNewName(),
		CloseSite(),
		RenameRecord(),
		MoveSite(),
		RenameDatabase(),
		LeadThere(),
		TellSite(),
		OpenSite(),
		CheckReachable(),
		LeadNameHere(),
		GetOwnCertificate(),
		PublishOwn(),
		CheckAddress(),
	),
	is_heavy=False,
	check_undo=rename.check_can_be_undone,
	on_status=closing.open_again,
)
ARCHIVE_SITE = Playbook(
	name=engaged.ARCHIVE,
	title="Archive site",
	steps=(CloseSite(), TakeLastBackup(), RemoveSite(keeps_config=True), WithdrawName()),
	tenant_when_completed="Archived",
	check_undo=removal.check_can_be_undone,
	on_status=closing.open_again,
)
REMOVE_SITE = Playbook(
	name=engaged.REMOVE,
	title="Remove site",
	steps=(
		CloseSite(),
		TakeLastBackup(),
		RemoveSite(keeps_config=False),
		DropShadows(),
		DropNames(),
		WriteCertificate(),
	),
	tenant_when_completed="Removed",
	check_undo=removal.check_can_be_undone,
	on_status=closing.open_again,
)
ARCHIVE_LOST_SITE = Playbook(
	name=engaged.ARCHIVE_LOST,
	title="Archive lost site",
	steps=(JudgeLoss(), TrashRemains(keeps_config=True)),
	tenant_when_completed="Archived",
	check_undo=lost_site.check_can_be_undone,
)
REMOVE_LOST_SITE = Playbook(
	name=engaged.REMOVE_LOST,
	title="Remove lost site",
	steps=(JudgeLoss(), TrashRemains(keeps_config=False), DropShadows(), WriteCertificate()),
	tenant_when_completed="Removed",
	check_undo=lost_site.check_can_be_undone,
)
UNARCHIVE_SITE = Playbook(
	name=shadows.UNARCHIVE,
	title="Unarchive site",
	steps=(
		FetchBackup(),
		JudgeBackup(),
		LoadIntoShadow(),
		GiveConfig(),
		BringUpToDate(),
		CheckShadow(),
		RemoveFetched(),
		StandAgain(),
		SeedPlanSettings(),
		OpenAgain(),
		ReleaseJobs(),
		CheckReachable(),
		LeadNameHere(),
		GetOwnCertificate(),
		ForgetConfig(),
	),
	tenant_when_completed="Active",
	check_undo=unarchive.check_can_be_undone,
)

# what makes a tenant of a site that was none: its statuses, and until when it can be taken back
_NEW_TENANT = {
	"tenant_while_running": "Provisioning",
	"tenant_when_completed": "Active",
	"tenant_when_failed": "Failed",
	"tenant_when_cancelled": "Draft",
	"check_undo": taking_in.check_undo,
	"find_finished": finished_site.find_finished,
	"finish": taking_in.finish,
}
LOOK_AT_SITE = Playbook(
	name=looks.PLAYBOOK,
	title="Look at site",
	steps=(LookAtSite(),),
	# it only reads, and staff wait for it
	is_heavy=False,
	needs=Needs(site=False),
	on_status=looks.job_is,
)
TAKE_IN_SITE = Playbook(
	name=taking_in.PLAYBOOK,
	title="Take in site",
	steps=(
		JudgeIntake(),
		CloseOldSite(),
		FillShadow(),
		MigrateNew(),
		InstallMissing(),
		CheckNew(),
		TakePlace(),
		ConfigureNew(),
		SeedPlanSettings(),
		EnsureOwner(),
		CheckReachable(),
	),
	**_NEW_TENANT,
)
TAKE_OVER_SITE = Playbook(
	name=taking_in.IN_PLACE,
	title="Take over site",
	steps=(JudgeInPlace(), TakeOver(), SeedPlanSettings(), EnsureOwner(), CheckReachable()),
	**_NEW_TENANT,
)
CLONE_TENANT = Playbook(
	name=clones.PLAYBOOK,
	title="Clone",
	steps=(
		JudgeClone(),
		FillClone(),
		MakeOwn(),
		CheckClone(),
		TakePlace(),
		ConfigureClone(),
		SeedPlanSettings(),
		CheckReachable(),
	),
	**{**_NEW_TENANT, "finish": clones.finish},
)
