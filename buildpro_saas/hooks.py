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

# On tenant sites: uses of features are counted in memory, and go to Redis when a request or job ends; calls with an API key are
# counted, and refused above the plan's limit.
after_request = ["buildpro_saas.tenant_site.usage.flush_when_due"]
after_job = ["buildpro_saas.tenant_site.usage.flush"]
auth_hooks = ["buildpro_saas.tenant_site.limits.check_api_call"]

# What can be limited; any app may declare more (tenant_site/limits.py says how).
buildpro_limits = {
	"max_users": {
		"label": "Users",
		"doctype": "User",
		"filters": [
			["enabled", "=", 1],
			["user_type", "=", "System User"],
			["name", "not in", ["Administrator", "Guest"]],
		],
	},
	"max_companies": {"label": "Companies", "doctype": "Company"},
	"max_projects": {"label": "Projects", "doctype": "Project"},
	"max_storage_gb": {
		"label": "Storage",
		"unit": "GB",
		"doctype": "File",
		"size": "buildpro_saas.tenant_site.levels.file_gb",
		"count": "buildpro_saas.tenant_site.levels.storage_gb",
		"measured": 1,
	},
	"emails_per_day": {
		"label": "E-mails today",
		"doctype": "Email Queue",
		"size": "buildpro_saas.tenant_site.levels.recipients",
		"count": "buildpro_saas.tenant_site.levels.emails_today",
		"measured": 1,
		"period": "day",
	},
	"api_calls_per_day": {
		"label": "API calls today",
		"count": "buildpro_saas.tenant_site.levels.calls_today",
		"period": "day",
	},
}

# Those of provisioning run on the admin site only (install.py stops them on tenant sites): lost jobs are found, images built, pools
# filled, benches compared with the records. Those of tenant_site run on tenant sites only.
scheduler_events = {
	"hourly_long": ["buildpro_saas.tenant_site.limits.look_after"],
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
	"Scheduled Job Type": "buildpro_saas.provisioning.schedule.PromptScheduledJobType",
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
	*("Site Image", "Standby Site", "Drift Finding", "Tenant Usage", "Tenant Limit Level"),
)
ADMIN_TABLES = (
	*("Plan Feature", "Plan Limit", "Plan App", "Bench App", "Tenant App", "Provisioning Job Step"),
	*("Site Image App", "Standby Pool"),
)
has_permission = {
	doctype: "buildpro_saas.control_plane.permissions.has_permission" for doctype in ADMIN_DOCTYPES
}
permission_query_conditions = {
	doctype: "buildpro_saas.control_plane.permissions.query_conditions"
	for doctype in ADMIN_DOCTYPES + ADMIN_TABLES
}
doc_events = {
	doctype: {"before_validate": "buildpro_saas.control_plane.permissions.refuse_off_admin_site"}
	for doctype in ADMIN_DOCTYPES
}
doc_events["*"] = {
	"before_validate": "buildpro_saas.tenant_site.limits.hold",
	"validate": "buildpro_saas.tenant_site.limits.check_growth",
}

# A tenant that is Draft or Removed may be deleted, an image pruned, a bench given up; what was done and seen stays on record.
ignore_links_on_delete = [
	*("Provisioning Job", "Standby Site", "Drift Finding", "Tenant Usage", "Tenant Limit Level"),
]
