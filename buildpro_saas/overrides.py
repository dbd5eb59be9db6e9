"""Classes of Frappe's doctypes that more than one room of this app extends: Frappe takes one class for each."""

from buildpro_saas.jobs.schedule import PromptScheduledJobType
from buildpro_saas.tenant_site.overrides import PausingScheduledJobType


class ScheduledJobType(PausingScheduledJobType, PromptScheduledJobType):
	"""A scheduled job: in a queue of its own on the admin site; it waits on a tenant's site that is restricted."""
