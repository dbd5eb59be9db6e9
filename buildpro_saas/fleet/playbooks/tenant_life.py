"""A tenant is renamed, archived, brought back, removed."""

from buildpro_saas.domains.steps.tenant import (
	CheckAddress,
	DropNames,
	GetOwnCertificate,
	LeadNameHere,
	PublishOwn,
	WithdrawName,
)
from buildpro_saas.fleet import engaged, shadows
from buildpro_saas.fleet.steps import closing, lost_site, removal, rename, unarchive
from buildpro_saas.fleet.steps.closing import CloseSite, OpenSite
from buildpro_saas.fleet.steps.entitlement import SeedPlanSettings
from buildpro_saas.fleet.steps.fetch import FetchBackup, RemoveFetched
from buildpro_saas.fleet.steps.lost_site import JudgeLoss, TrashRemains
from buildpro_saas.fleet.steps.reachable import CheckReachable
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
from buildpro_saas.fleet.steps.unarchive import ForgetConfig, GiveConfig, OpenAgain, StandAgain
from buildpro_saas.jobs.playbook import Playbook

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
		PublishOwn(),
		CheckAddress(),
		ForgetConfig(),
	),
	tenant_when_completed="Active",
	check_undo=unarchive.check_can_be_undone,
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
	steps=(JudgeLoss(), TrashRemains(keeps_config=True), WithdrawName()),
	tenant_when_completed="Archived",
	check_undo=lost_site.check_can_be_undone,
)

REMOVE_LOST_SITE = Playbook(
	name=engaged.REMOVE_LOST,
	title="Remove lost site",
	steps=(JudgeLoss(), TrashRemains(keeps_config=False), DropShadows(), DropNames(), WriteCertificate()),
	tenant_when_completed="Removed",
	check_undo=lost_site.check_can_be_undone,
)
