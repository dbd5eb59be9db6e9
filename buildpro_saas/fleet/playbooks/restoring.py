"""A backup takes the place of a site, or of one that is lost."""

from buildpro_saas.fleet import shadows, site_operations
from buildpro_saas.fleet.restores import RestoreLostTenant
from buildpro_saas.fleet.steps import lost_site
from buildpro_saas.fleet.steps.entitlement import SeedPlanSettings
from buildpro_saas.fleet.steps.fetch import FetchBackup, RemoveFetched
from buildpro_saas.fleet.steps.lost_site import JudgeLostSite, MakeRoom
from buildpro_saas.fleet.steps.point_in_time import CheckLog, ReplayLog
from buildpro_saas.fleet.steps.reachable import CheckReachable
from buildpro_saas.fleet.steps.restore import (
	BringUpToDate,
	CheckShadow,
	JudgeBackup,
	LoadIntoShadow,
	ReleaseJobs,
)
from buildpro_saas.fleet.steps.shadow import SwapIn
from buildpro_saas.fleet.steps.unarchive import ForgetConfig, GiveConfig, OpenAgain, StandAgain
from buildpro_saas.jobs.batch_runner import for_many
from buildpro_saas.jobs.playbook import Playbook

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
