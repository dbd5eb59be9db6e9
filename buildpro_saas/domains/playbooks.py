"""The playbooks of host names and certificates. hooks.py lists them."""

from buildpro_saas.domains import flow, publishing
from buildpro_saas.domains.steps.names import (
	AskWhenToRenew,
	ForgetName,
	GetCertificate,
	LookAtDns,
	PublishAgain,
	PublishProxy,
	RenewCertificate,
	SeeName,
	TellSite,
)
from buildpro_saas.jobs.batch_runner import for_many
from buildpro_saas.jobs.playbook import BenchUse, Needs, Playbook

# light work beside whatever is done with the site: a name must not wait for a backup, nor a backup for the DNS
_BESIDE = {"is_heavy": False, "queue": "short", "needs": Needs(site=False, bench=BenchUse.NONE)}

BRING_DOMAIN = Playbook(
	name=flow.BRING,
	title="Bring host name",
	steps=(LookAtDns(), GetCertificate(), PublishProxy(), SeeName(), PublishAgain(), TellSite()),
	**_BESIDE,
)
REMOVE_DOMAIN = Playbook(
	name=flow.REMOVE, title="Remove host name", steps=(PublishProxy(), ForgetName(), TellSite()), **_BESIDE
)
RENEW_CERTIFICATE = Playbook(
	name=flow.RENEW, title="Renew certificate", steps=(RenewCertificate(), PublishProxy()), **_BESIDE
)
ASK_RENEWALS = Playbook(name=flow.ASK, title="Ask when to renew", steps=(AskWhenToRenew(),), **_BESIDE)
PUBLISH_PROXY = Playbook(name=publishing.PLAYBOOK, title="Publish proxy", steps=(PublishProxy(),), **_BESIDE)
CHECK_DOMAINS = for_many(flow.CHECK, "Check host names", flow.CheckDomains(), **_BESIDE)
