"""Sites are migrated and rehearsed; a bench is refreshed (`refresh.sh`)."""

from buildpro_saas.fleet import migrations, refreshes, rehearsals, site_operations
from buildpro_saas.fleet.steps.migrate import CheckMigrated, LookForMigrate, MigrateCopy, RehearseMigrate
from buildpro_saas.fleet.steps.migrate_in_place import MigrateInPlace
from buildpro_saas.fleet.steps.refresh import STEPS as STEPS_OF_REFRESH
from buildpro_saas.jobs.batch_runner import for_many
from buildpro_saas.jobs.playbook import BenchUse, Needs, Playbook

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
