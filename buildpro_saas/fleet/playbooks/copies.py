"""A site is copied into a shadow; a shadow takes the site's place."""

from buildpro_saas.fleet import shadows
from buildpro_saas.fleet.steps.reachable import CheckReachable
from buildpro_saas.fleet.steps.shadow import CheckRoom, CopyIntoShadow, SwapIn
from buildpro_saas.jobs.playbook import Playbook

COPY_SITE = Playbook(name=shadows.COPY, title="Copy site", steps=(CheckRoom(), CopyIntoShadow()))

SWAP_SITE = Playbook(name=shadows.SWAP, title="Swap site", steps=(SwapIn(), CheckReachable()), is_heavy=False)
