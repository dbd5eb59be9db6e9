"""How a tenant comes to be: made, cloned, made of a site that was nobody's, or put on record again."""

from buildpro_saas.domains.steps.tenant import CheckAddress, GetOwnCertificate, LeadNameHere, PublishOwn
from buildpro_saas.fleet import adoption, clones, finished_site, looks, site_standing, taking_in
from buildpro_saas.fleet.steps.clone import CheckClone, ConfigureClone, FillClone, JudgeClone, MakeOwn
from buildpro_saas.fleet.steps.company import SetUpCompany
from buildpro_saas.fleet.steps.configuration import Configure
from buildpro_saas.fleet.steps.entitlement import SeedPlanSettings
from buildpro_saas.fleet.steps.look import LookAtSite
from buildpro_saas.fleet.steps.owner import CreateOwner, InviteOwner
from buildpro_saas.fleet.steps.reachable import CheckReachable
from buildpro_saas.fleet.steps.site import InstallApps, MakeSite, ReserveName
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
from buildpro_saas.jobs.playbook import Needs, Playbook
from buildpro_saas.licensing.send_entitlements import DeliverEntitlement

# what becomes of a tenant that has no site of its own yet
_NEW_TENANT = {
	"tenant_while_running": "Provisioning",
	"tenant_when_completed": "Active",
	"tenant_when_failed": "Failed",
	"tenant_when_cancelled": "Draft",
	"find_finished": finished_site.find_finished,
}

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
	check_undo=finished_site.check_unused,
	finish=finished_site.finish,
	**_NEW_TENANT,
)

ADOPT_SITE = Playbook(
	name=adoption.PLAYBOOK,
	title="Adopt site",
	steps=(DeliverEntitlement(make_ready=site_standing.make_ready),),
	is_heavy=False,
	queue="short",
	finish=finished_site.finish,
)

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
	check_undo=taking_in.check_undo,
	finish=taking_in.finish,
	**_NEW_TENANT,
)

TAKE_OVER_SITE = Playbook(
	name=taking_in.IN_PLACE,
	title="Take over site",
	steps=(JudgeInPlace(), TakeOver(), SeedPlanSettings(), EnsureOwner(), CheckReachable()),
	check_undo=taking_in.check_undo,
	finish=taking_in.finish,
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
	check_undo=taking_in.check_undo,
	finish=clones.finish,
	**_NEW_TENANT,
)
