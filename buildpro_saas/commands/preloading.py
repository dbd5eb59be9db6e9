"""Imports, in a worker that starts, the modules that making a tenant needs.

A worker forks for each job, so a job has what the worker has imported. These are some 350 modules: a tenth of a second for which each
customer would wait. Frappe has no hook for a worker that starts, but it imports each app's commands.
"""

from importlib import import_module
from importlib.util import find_spec

COMMANDS = {"worker", "worker-pool"}
MODULES = (
	*("frappe.database.mariadb.database", "frappe.database.query", "frappe.model.db_query"),
	*("frappe.model.create_new", "frappe.utils.logger", "frappe.utils.synchronization"),
	*("frappe.utils.formatters", "frappe.realtime", "frappe.installer", "frappe.core.api.file"),
	*("frappe.desk.form.utils", "frappe.website.serve"),
	*("frappe.website.doctype.web_form.web_form", "frappe.website.doctype.web_page.web_page"),
	"frappe.website.doctype.website_settings.website_settings",
	*("frappe.core.doctype.user.user", "frappe.core.doctype.comment.comment"),
	*("frappe.core.doctype.docshare.docshare", "frappe.core.doctype.version.version"),
	"frappe.core.doctype.user_email.user_email",
	"frappe.core.doctype.user_social_login.user_social_login",
	*("frappe.core.doctype.has_role.has_role", "frappe.core.doctype.defaultvalue.defaultvalue"),
	"frappe.core.doctype.system_settings.system_settings",
	"frappe.core.doctype.user_permission.user_permission",
	*("frappe.core.doctype.docfield.docfield", "frappe.core.doctype.docperm.docperm"),
	*("frappe.core.doctype.doctype.doctype", "frappe.email.doctype.notification.notification"),
	"frappe.workflow.doctype.workflow_action.workflow_action",
	*("frappe.automation.doctype.assignment_rule.assignment_rule", "bleach", "sqlparse"),
	*("pytz", "_strptime"),
	*("buildpro_saas.licensing.plan_versions", "buildpro_saas.agent.installer"),
	"buildpro_saas.agent.operations.prepared",
	"buildpro_saas.control_plane.doctype.plan.plan",
	"buildpro_saas.control_plane.doctype.provisioning_job.provisioning_job",
	"buildpro_saas.control_plane.doctype.site_image.site_image",
	"buildpro_saas.control_plane.doctype.saas_settings.saas_settings",
	"buildpro_saas.tenant_site.prepared_company",
	"buildpro_saas.tenant_site.hidden_records",
	"buildpro_saas.tenant_site.doctype.nexelya_plan_settings.nexelya_plan_settings",
)


def load(arguments: list[str]) -> None:
	"""Import MODULES and our playbooks if the command line (`arguments`) is a worker's.

	A module that this framework does not have is left out.
	"""
	if COMMANDS.isdisjoint(arguments):
		return
	for name in (*MODULES, *modules_of_playbooks()):
		if _is_there(name):
			import_module(name)


def modules_of_playbooks() -> set[str]:
	"""Dotted names of the modules that have our playbooks: whoever looks for one playbook imports them all."""
	hooks = import_module("buildpro_saas.hooks")
	return {path.rpartition(".")[0] for path in hooks.buildpro_playbooks}


def _is_there(name: str) -> bool:
	try:
		return find_spec(name) is not None
	except ModuleNotFoundError:  # the package above it
		return False
