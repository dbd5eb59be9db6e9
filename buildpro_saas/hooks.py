from pathlib import Path

app_name = "buildpro_saas"
app_title = "BuildPro SaaS"
app_publisher = "BuildPro"
app_description = (
	"Runs BuildPro, construction management on ERPNext, as a service: one Frappe site for each customer."
)
app_email = "hello@nexelya.com"
app_license = "MIT"

after_install = "buildpro_saas.install.after_install"
after_sync = "buildpro_saas.install.after_sync"
after_migrate = "buildpro_saas.install.after_migrate"
before_uninstall = "buildpro_saas.install.before_uninstall"
after_uninstall = "buildpro_saas.install.after_uninstall"

clear_cache = ["buildpro_saas.tenant_site.entitlement.forget"]
setup_wizard_exception = ["buildpro_saas.tenant_site.onboarding.remember_wizard_failure"]

# Run on the admin site only (install.py stops them on tenant sites): lost jobs are found, images built, pools
# filled, benches compared with the records.
scheduler_events = {
	"cron": {
		"* * * * *": [
			"buildpro_saas.provisioning.jobs.look_after",
			"buildpro_saas.provisioning.standby.look_after",
		],
		"*/5 * * * *": ["buildpro_saas.provisioning.images.look_after"],
		"*/10 * * * *": ["buildpro_saas.provisioning.reconciliation.look_after"],
	},
}

# Those jobs must not wait behind what hundreds of tenants' sites put into the default queue at each full hour.
override_doctype_class = {
	"Scheduled Job Type": "buildpro_saas.overrides.ScheduledJobType",
	"Report": "buildpro_saas.tenant_site.overrides.GatedReport",
	"Page": "buildpro_saas.tenant_site.overrides.GatedPage",
}

# Dotted names of Playbook objects; any app may add its own.
buildpro_playbooks = [
	"buildpro_saas.provisioning.playbooks.CREATE_TENANT",
	"buildpro_saas.provisioning.playbooks.BUILD_IMAGE",
	"buildpro_saas.provisioning.playbooks.PRUNE_IMAGE",
	"buildpro_saas.provisioning.playbooks.FILL_STANDBY",
]

# One guard for the admin doctypes: refused and empty on tenant sites, whatever roles a tenant's user gives himself.
ADMIN_DOCTYPES = (
	*("Feature", "Plan", "Bench", "Tenant", "Provisioning Job", "SaaS Settings"),
	*("Site Image", "Standby Site", "Drift Finding"),
)
ADMIN_TABLES = (
	*("Plan Feature", "Plan Limit", "Plan App", "Bench App", "Tenant App", "Provisioning Job Step"),
	*("Site Image App", "Standby Pool"),
)
_has_permission = {
	doctype: "buildpro_saas.control_plane.permissions.has_permission" for doctype in ADMIN_DOCTYPES
}
_permission_query_conditions = {
	doctype: "buildpro_saas.control_plane.permissions.query_conditions"
	for doctype in ADMIN_DOCTYPES + ADMIN_TABLES
}
doc_events = {
	doctype: {"before_validate": "buildpro_saas.control_plane.permissions.refuse_off_admin_site"}
	for doctype in ADMIN_DOCTYPES
}

# What a tenant's plan lacks is refused, and an expired or suspended site restricted: on tenants' sites only.
doc_events["*"] = dict.fromkeys(
	(
		*("before_insert", "before_validate", "before_cancel", "before_update_after_submit"),
		*("before_rename", "on_trash"),
	),
	"buildpro_saas.tenant_site.gates.on_event",
)
before_request = [
	"buildpro_saas.tenant_site.restriction.on_request",
	"buildpro_saas.tenant_site.methods.refuse_gated",
]
after_request = ["buildpro_saas.tenant_site.restriction.explain"]
before_job = ["buildpro_saas.tenant_site.restriction.on_job"]
override_whitelisted_methods = {
	f"frappe.desk.desktop.{method}": f"buildpro_saas.tenant_site.workspaces.{method}"
	for method in ("get_desktop_page", "get_workspace_sidebar_items")
}
extend_bootinfo = ["buildpro_saas.tenant_site.boot.extend"]
# Web servers let browsers keep what is under /assets for long: a newer file is another address.
_script = Path(__file__).parent / "public/js/buildpro.js"
app_include_js = [f"/assets/buildpro_saas/js/{_script.name}?v={int(_script.stat().st_mtime)}"]
jinja = {"methods": ["buildpro_saas.feature_gating.has_feature"]}


def __getattr__(name):
	"""has_permission and permission_query_conditions, made for the site that asks when Frappe collects its hooks.

	Which doctypes a tenant may have out of sight follows from the operator's catalogue, and Frappe of 2023 knows no hook for all.
	"""
	if name not in _PER_SITE:
		raise AttributeError(f"module {__name__} has no attribute {name}")
	from buildpro_saas.tenant_site import hidden

	permissions, conditions = hidden.hooks()
	if name == "has_permission":
		return {**permissions, **_has_permission}
	return {**conditions, **_permission_query_conditions}


def __dir__():
	return [*globals(), *_PER_SITE]


_PER_SITE = ("has_permission", "permission_query_conditions")

# A tenant that is Draft or Removed may be deleted, an image pruned, a bench given up; what was done and seen stays on record.
ignore_links_on_delete = ["Provisioning Job", "Standby Site", "Drift Finding"]
