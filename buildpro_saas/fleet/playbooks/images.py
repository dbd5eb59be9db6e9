"""Images are built and pruned; standby sites are filled."""

from buildpro_saas.fleet import image_record, images, standby
from buildpro_saas.fleet.steps.image import (
	FillStandby,
	InstallImageApps,
	MakeImageSite,
	PrepareCompany,
	RemoveImage,
	ReserveImage,
	SealImage,
)
from buildpro_saas.jobs.playbook import Playbook

BUILD_IMAGE = Playbook(
	name=images.BUILD,
	title="Build image",
	steps=(ReserveImage(), MakeImageSite(), InstallImageApps(), PrepareCompany(), SealImage()),
	on_status=image_record.build_is,
)

PRUNE_IMAGE = Playbook(name=images.PRUNE, title="Prune image", steps=(RemoveImage(),), is_heavy=False)

FILL_STANDBY = Playbook(name=standby.FILL, title="Fill standby site", steps=(FillStandby(),))
