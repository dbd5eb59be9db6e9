"""Our playbooks. hooks.py names them; apps add theirs the same way (registry.py)."""

from buildpro_saas.fleet import adoption, finished_site, image_record, images, site_standing, standby
from buildpro_saas.fleet.steps.company import SetUpCompany
from buildpro_saas.fleet.steps.configuration import Configure
from buildpro_saas.fleet.steps.entitlement import SeedPlanSettings
from buildpro_saas.fleet.steps.image import (
	FillStandby,
	InstallImageApps,
	MakeImageSite,
	PrepareCompany,
	RemoveImage,
	ReserveImage,
	SealImage,
)
from buildpro_saas.fleet.steps.owner import CreateOwner, InviteOwner
from buildpro_saas.fleet.steps.reachable import CheckReachable
from buildpro_saas.fleet.steps.site import InstallApps, MakeSite, ReserveName
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
		# DNS record, certificate and proxy have their place here
		CheckReachable(),
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
	# it takes each site by itself, and two files of it: a bench that is being updated does not keep a customer from what he has paid for
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
