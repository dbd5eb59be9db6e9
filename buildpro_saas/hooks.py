from pathlib import Path

# A process that has read these hooks finds the app on every tenant's site (tenant_site/installed_apps_guard.py).
import buildpro_saas.tenant_site  # noqa: F401
from buildpro_saas import scheduled_jobs as _scheduled

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
after_migrate = ["buildpro_saas.install.after_migrate", "buildpro_saas.agent.pending_migration.note"]
before_uninstall = "buildpro_saas.install.before_uninstall"
after_uninstall = "buildpro_saas.install.after_uninstall"

clear_cache = [
	"buildpro_saas.tenant_site.entitlement.forget",
	"buildpro_saas.tenant_site.sandbox.format_strings.forget_unjudged",
]
setup_wizard_exception = ["buildpro_saas.tenant_site.onboarding.remember_wizard_failure"]

# On tenants' sites: uses of features are counted in memory, and go to Redis when a request or job ends. Calls with an API key are
# counted, and refused above the plan's limit. Room below a limit that was reserved, and is not committed, is given back.
after_request = [
	"buildpro_saas.tenant_site.limit_meters.give_back",
	"buildpro_saas.tenant_site.restriction.explain",
	"buildpro_saas.tenant_site.closed_for_now.tell_when",
	"buildpro_saas.tenant_site.clone_mark.on_response",
	"buildpro_saas.tenant_site.usage.flush_when_due",
]
after_job = [
	"buildpro_saas.tenant_site.limit_meters.give_back",
	"buildpro_saas.tenant_site.usage.flush",
	"buildpro_saas.tenant_site.sandbox.acting.forget_job",
]
auth_hooks = ["buildpro_saas.site_role.hide_tracebacks", "buildpro_saas.tenant_site.limits.check_api_call"]

# What can be limited; any app may declare more (tenant_site/declared_limits.py says how).
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
		"size": "buildpro_saas.tenant_site.limit_measures.file_gb",
		"count": "buildpro_saas.tenant_site.limit_measures.storage_gb",
		"measured": 1,
	},
	"emails_per_day": {
		"label": "E-mails today",
		"doctype": "Email Queue",
		"size": "buildpro_saas.tenant_site.limit_measures.recipients",
		"count": "buildpro_saas.tenant_site.limit_measures.emails_today",
		"measured": 1,
		"period": "day",
	},
	"api_calls_per_day": {"label": "API calls today", "period": "day"},
	# counted on the admin site, which prepares them; a plan without it has none
	"exports_per_day": {"label": "Exports of all data a day"},
	# kept by the proxy, where that is managed from the admin site: of one client
	"requests_per_second": {"label": "Requests a second"},
}

# Each runs on sites of one role: install.py stops the others.
scheduler_events = {
	"hourly_long": [_scheduled.MEASURE_LIMITS],
	"cron": {
		**{minutes: list(methods) for minutes, methods in _scheduled.ADMIN.items()},
		"0 * * * *": [_scheduled.PULL],
	},
}

# Frappe takes one class for each doctype. ScheduledJobType gives the admin site's jobs a queue of their own: they must not wait behind
# what hundreds of tenants' sites put into the default queue at each full hour. The other classes guard tenants' sites.
override_doctype_class = {
	"Scheduled Job Type": "buildpro_saas.overrides.ScheduledJobType",
	"Report": "buildpro_saas.tenant_site.overrides.GatedReport",
	"Page": "buildpro_saas.tenant_site.overrides.GatedPage",
	"RQ Job": "buildpro_saas.tenant_site.bench_views.OwnRQJob",
	"RQ Worker": "buildpro_saas.tenant_site.bench_views.NoRQWorker",
	"System Health Report": "buildpro_saas.tenant_site.health_report.NoSystemHealthReport",
	"File": "buildpro_saas.tenant_site.named_file.NamedFile",
	"LDAP Settings": "buildpro_saas.tenant_site.sandbox.ldap_filters.JudgedLDAPSettings",
	"Package Import": "buildpro_saas.tenant_site.packages.NoPackageImport",
	"Package Release": "buildpro_saas.tenant_site.packages.NoPackageRelease",
}

# Dotted names of Playbook objects; any app may add its own.
buildpro_playbooks = [
	"buildpro_saas.fleet.playbooks.new_tenants.CREATE_TENANT",
	"buildpro_saas.fleet.playbooks.images.BUILD_IMAGE",
	"buildpro_saas.fleet.playbooks.images.PRUNE_IMAGE",
	"buildpro_saas.fleet.playbooks.images.FILL_STANDBY",
	"buildpro_saas.fleet.playbooks.entitlements.SEND_ENTITLEMENTS",
	"buildpro_saas.fleet.playbooks.new_tenants.ADOPT_SITE",
	"buildpro_saas.fleet.playbooks.copies.COPY_SITE",
	"buildpro_saas.fleet.playbooks.copies.SWAP_SITE",
	"buildpro_saas.fleet.playbooks.backups.BACK_UP",
	"buildpro_saas.fleet.playbooks.backups.BACK_UP_ADMIN_SITE",
	"buildpro_saas.fleet.playbooks.backups.DRILL_ADMIN_BACKUP",
	"buildpro_saas.fleet.playbooks.backups.EXPORT_FOR_TENANT",
	"buildpro_saas.fleet.playbooks.backups.COPY_OFFSITE",
	"buildpro_saas.fleet.playbooks.backups.CHECK_STORE",
	"buildpro_saas.fleet.playbooks.backups.READ_BACKUPS",
	"buildpro_saas.fleet.playbooks.site_operations.CLEAR_CACHE",
	"buildpro_saas.fleet.playbooks.site_operations.SET_MAINTENANCE",
	"buildpro_saas.fleet.playbooks.site_operations.SET_SCHEDULER",
	"buildpro_saas.fleet.playbooks.site_operations.RUN_FUNCTION",
	"buildpro_saas.fleet.playbooks.migrating.MIGRATE_SITE",
	"buildpro_saas.fleet.playbooks.migrating.REHEARSE_SITE",
	"buildpro_saas.fleet.playbooks.migrating.MIGRATE",
	"buildpro_saas.fleet.playbooks.migrating.REHEARSE",
	"buildpro_saas.fleet.playbooks.restoring.RESTORE_SITE",
	"buildpro_saas.fleet.playbooks.restoring.RESTORE_LOST_SITE",
	"buildpro_saas.fleet.playbooks.restoring.RESTORE_LOST",
	"buildpro_saas.fleet.playbooks.backups.DRILL_BACKUP",
	"buildpro_saas.fleet.playbooks.backups.DRILL",
	"buildpro_saas.fleet.playbooks.migrating.BACK_UP_SITES",
	"buildpro_saas.fleet.playbooks.migrating.REFRESH",
	"buildpro_saas.fleet.playbooks.tenant_life.RENAME_SITE",
	"buildpro_saas.fleet.playbooks.tenant_life.ARCHIVE_SITE",
	"buildpro_saas.fleet.playbooks.tenant_life.UNARCHIVE_SITE",
	"buildpro_saas.fleet.playbooks.tenant_life.REMOVE_SITE",
	"buildpro_saas.fleet.playbooks.tenant_life.ARCHIVE_LOST_SITE",
	"buildpro_saas.fleet.playbooks.tenant_life.REMOVE_LOST_SITE",
	"buildpro_saas.fleet.playbooks.new_tenants.LOOK_AT_SITE",
	"buildpro_saas.fleet.playbooks.new_tenants.TAKE_IN_SITE",
	"buildpro_saas.fleet.playbooks.new_tenants.TAKE_OVER_SITE",
	"buildpro_saas.fleet.playbooks.new_tenants.CLONE_TENANT",
	"buildpro_saas.domains.playbooks.BRING_DOMAIN",
	"buildpro_saas.domains.playbooks.REMOVE_DOMAIN",
	"buildpro_saas.domains.playbooks.RENEW_CERTIFICATE",
	"buildpro_saas.domains.playbooks.ASK_RENEWALS",
	"buildpro_saas.domains.playbooks.PUBLISH_PROXY",
	"buildpro_saas.domains.playbooks.CHECK_DOMAINS",
]

# One guard for the admin doctypes: refused and empty on tenant sites, whatever roles a tenant's user gives himself.
ADMIN_DOCTYPES = (
	*("Feature", "Plan", "Bench", "Tenant", "Provisioning Job", "SaaS Settings"),
	*("Site Image", "Standby Site", "Drift Finding", "Tenant Usage", "Tenant Limit Level"),
	*("Add-on", "Kill Switch", "Plan Version", "Batch", "Batch Row", "Site Shadow"),
	*("Backup", "Backup Store", "Former Name", "Site Intake"),
	*("Site Domain", "Site Certificate", "DNS Provider"),
	"Monitoring Alert",
	"Metric Series",
)
ADMIN_TABLES = (
	*("Plan Feature", "Plan Limit", "Plan App", "Bench App", "Tenant App", "Provisioning Job Step"),
	*("Site Image App", "Standby Pool"),
	*("Add-on Feature", "Add-on Limit", "Tenant Add-on", "Tenant Override", "Feature Gate"),
)
has_permission = {
	doctype: "buildpro_saas.control_plane.access.permissions.has_permission" for doctype in ADMIN_DOCTYPES
}
# The doctypes that show a tenant its own plan have nothing to show on the admin site.
for _doctype in ("Nexelya Plan Settings", "Feature Usage", "Limit Level"):
	has_permission[_doctype] = "buildpro_saas.tenant_site.permissions.has_permission"
permission_query_conditions = {
	doctype: "buildpro_saas.control_plane.access.permissions.query_conditions"
	for doctype in ADMIN_DOCTYPES + ADMIN_TABLES
}
# On a tenant's site, records of any doctype are out of sight while the site lacks the feature that they belong to.
has_permission["*"] = "buildpro_saas.tenant_site.hidden_records.has_permission"
permission_query_conditions["*"] = "buildpro_saas.tenant_site.hidden_records.conditions"
doc_events = {
	doctype: {
		"before_validate": [
			"buildpro_saas.control_plane.access.permissions.refuse_off_admin_site",
			"buildpro_saas.control_plane.access.document.check_names",
		]
	}
	for doctype in ADMIN_DOCTYPES
}
# On tenants' sites only: what the plan lacks is refused, growth beyond its limits too, and an expired or suspended site is restricted.
_GATED_EVENTS = (
	"before_validate",
	"before_cancel",
	"before_update_after_submit",
	"before_discard",
	"before_rename",
	"on_trash",
)
# A tenant cannot change what makes an app's doctypes what they are.
doc_events |= {
	doctype: dict.fromkeys(
		("before_validate", "before_rename", "on_trash"),
		"buildpro_saas.tenant_site.app_doctypes.refuse_change",
	)
	for doctype in ("DocType", "DocField", "Property Setter", "Module Def")
}
doc_events["Communication"] = {"validate": "buildpro_saas.tenant_site.left_out.note_in_mail"}
doc_events["LDAP Settings"] = {
	"before_validate": "buildpro_saas.tenant_site.sandbox.certificates.check_ldap_settings"
}
doc_events["Workflow"] = {"before_validate": "buildpro_saas.tenant_site.gates.check_workflow"}
doc_events["Translation"] = {"validate": "buildpro_saas.tenant_site.sandbox.format_strings.check_translation"}
doc_events["Payroll Settings"] = {
	"validate": "buildpro_saas.tenant_site.sandbox.format_strings.check_payroll_settings"
}
doc_events["Email Queue"] = {"before_validate": "buildpro_saas.tenant_site.queued_mail.check"}
doc_events["Email Queue Recipient"] = {"before_validate": "buildpro_saas.tenant_site.queued_mail.check_row"}
doc_events["Role"] = {"validate": "buildpro_saas.tenant_site.desk_access.check"}
doc_events["*"] = {
	**dict.fromkeys(_GATED_EVENTS, "buildpro_saas.tenant_site.gates.on_event"),
	"after_delete": "buildpro_saas.tenant_site.limits.note_deletion",
}
before_request = [
	"buildpro_saas.api.bearer_token.keep",
	"buildpro_saas.site_role.hide_tracebacks",
	"buildpro_saas.tenant_site.strict_names.on_request",
	"buildpro_saas.tenant_site.file_names.keep",
	"buildpro_saas.tenant_site.restriction.on_request",
	"buildpro_saas.tenant_site.methods.refuse_gated",
	"buildpro_saas.tenant_site.sandbox.budget.on_request",
	"buildpro_saas.tenant_site.sandbox.late.on_request",
]
page_renderer = ["buildpro_saas.tenant_site.page_elsewhere.PageElsewhere"]
before_job = [
	"buildpro_saas.tenant_site.closed_for_now.on_job",
	"buildpro_saas.tenant_site.restriction.on_job",
	"buildpro_saas.tenant_site.sandbox.acting.note_job",
	"buildpro_saas.tenant_site.file_names.keep",
	"buildpro_saas.tenant_site.sandbox.late.on_job",
	"buildpro_saas.jobs.queue.refuse_tenants_jobs",
]
override_whitelisted_methods = {
	"frappe.desk.desktop.get_desktop_page": "buildpro_saas.tenant_site.workspaces.get_desktop_page",
	"frappe.desk.desktop.get_workspace_sidebar_items": "buildpro_saas.tenant_site.workspaces.get_workspace_sidebar_items",
	"frappe.utils.global_search.search": "buildpro_saas.tenant_site.search.search",
	"frappe.desk.search.search_link": "buildpro_saas.tenant_site.search.search_link",
	"frappe.desk.search.search_widget": "buildpro_saas.tenant_site.search.search_widget",
}
extend_bootinfo = ["buildpro_saas.tenant_site.boot.extend"]
# Web servers let browsers keep what is under /assets for long: a newer file is another address.
_script = Path(__file__).parent / "public/js/buildpro.js"
app_include_js = [f"/assets/buildpro_saas/js/{_script.name}?v={int(_script.stat().st_mtime)}"]
jinja = {"methods": ["buildpro_saas.feature_gating.has_feature"]}

# A tenant that is Draft or Removed may be deleted, an image pruned, a bench given up. Records of what was done and seen stay.
# A plan's versions and a kill switch do not keep a plan or a feature from being deleted, either.
ignore_links_on_delete = [
	*("Provisioning Job", "Standby Site", "Drift Finding", "Tenant Usage", "Tenant Limit Level"),
	*("Plan Version", "Kill Switch", "Batch Row", "Site Shadow"),
	*("Backup", "Backup Store", "Former Name", "Site Intake"),
	*("Site Domain", "Site Certificate"),
	"Monitoring Alert",
	"Metric Series",
]
