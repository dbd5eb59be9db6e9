"""What Frappe's scheduler starts, and when: on the admin site, and on tenants' sites. hooks.py tells Frappe of both."""

# They find lost jobs and rows of batches, let go of sites that a lost job held, fill pools, build images, follow agreed dates, compare
# benches with the records, renew entitlements, take backups, copy them offsite, drill them, check their stores, let former names be
# free, and destroy keys of removed tenants' backups, suspend clones whose time is over, look after host
# names, their certificates and proxies, and measure benches and sites.
ADMIN = {
	"* * * * *": (
		"buildpro_saas.jobs.lifecycle.recover_lost_jobs",
		"buildpro_saas.jobs.batches.recover_batches",
		"buildpro_saas.fleet.standby.fill_pools",
		"buildpro_saas.fleet.holds.let_go_of_forgotten",
		"buildpro_saas.domains.flow.start_due_looks",
		"buildpro_saas.monitoring.watching.look_each_minute",
		"buildpro_saas.monitoring.collecting.collect_all",
	),
	"*/5 * * * *": (
		"buildpro_saas.fleet.images.renew_images",
		"buildpro_saas.licensing.agreed_dates.follow_agreed_dates",
	),
	"*/10 * * * *": (
		"buildpro_saas.fleet.reconciliation.compare_benches",
		"buildpro_saas.licensing.renewal.renew_entitlements",
		"buildpro_saas.fleet.shadows.drop_old_shadows",
		"buildpro_saas.fleet.admin_backup.take_due_backup",
		"buildpro_saas.fleet.admin_drill.start_due_drill",
		"buildpro_saas.fleet.clones.suspend_expired_clones",
		"buildpro_saas.fleet.backup_schedule.take_due_backups",
		"buildpro_saas.fleet.backup_schedule.remove_destroyed_stores",
		"buildpro_saas.fleet.drill_rota.start_due_drills",
		"buildpro_saas.fleet.exports.remove_expired",
		"buildpro_saas.fleet.renames.free_former_names",
		"buildpro_saas.fleet.removals.destroy_due_keys",
		"buildpro_saas.fleet.offsite_copies.copy_due_backups",
		"buildpro_saas.fleet.store_checks.check_due_stores",
		"buildpro_saas.domains.flow.renew_due",
		"buildpro_saas.domains.own_names.withdraw_left",
		"buildpro_saas.domains.own_names.remove_left_certificates",
	),
	"7 * * * *": (
		"buildpro_saas.domains.publishing.publish_all",
		"buildpro_saas.domains.flow.ask_due",
		"buildpro_saas.domains.served.look_at_served",
	),
	"0 7 * * *": ("buildpro_saas.monitoring.telling.send_digest",),
}
MEASURE_LIMITS = "buildpro_saas.tenant_site.limits.measure_limits"
# Each site has a minute of its own (jobs/schedule.py).
PULL = "buildpro_saas.tenant_site.sync.pull_when_due"

ADMIN_JOBS = tuple(method for methods in ADMIN.values() for method in methods)
TENANT_JOBS = (MEASURE_LIMITS, PULL)
