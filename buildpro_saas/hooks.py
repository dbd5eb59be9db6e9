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

# Runs on the admin site only (install.py stops it on tenant sites): a job that its worker or Redis lost is found here.
scheduler_events = {
	"cron": {
		"* * * * *": ["buildpro_saas.provisioning.jobs.look_after"],
	},
}

# Dotted names of Playbook objects; any app may add its own.
buildpro_playbooks = ["buildpro_saas.provisioning.playbooks.CREATE_TENANT"]

# One guard for the admin doctypes: refused and empty on tenant sites, whatever roles a tenant's user gives himself.
ADMIN_DOCTYPES = ("Feature", "Plan", "Bench", "Tenant", "Provisioning Job", "SaaS Settings")
ADMIN_TABLES = ("Plan Feature", "Plan Limit", "Plan App", "Bench App", "Tenant App", "Provisioning Job Step")
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

# A tenant that is Draft or Removed may be deleted; what its jobs did stays on record.
ignore_links_on_delete = ["Provisioning Job"]
