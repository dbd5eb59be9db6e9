"""Statements are sent to tenants' sites."""

from buildpro_saas.fleet import site_standing
from buildpro_saas.jobs.batch_runner import for_many
from buildpro_saas.jobs.playbook import BenchUse, Needs
from buildpro_saas.licensing import delivery
from buildpro_saas.licensing.send_entitlements import SendEntitlement

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
