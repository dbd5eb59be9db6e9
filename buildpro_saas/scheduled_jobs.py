"""What Frappe's scheduler starts, and when: on the admin site, and on tenants' sites. hooks.py tells Frappe of both."""

# Lost jobs and rows of batches are found, pools filled, images built, agreed dates followed, benches compared with the records, entitlements renewed.
ADMIN = {
	"* * * * *": (
		"buildpro_saas.jobs.lifecycle.recover_lost_jobs",
		"buildpro_saas.jobs.batches.recover_batches",
		"buildpro_saas.fleet.standby.fill_pools",
	),
	"*/5 * * * *": (
		"buildpro_saas.fleet.images.renew_images",
		"buildpro_saas.licensing.agreed_dates.follow_agreed_dates",
	),
	"*/10 * * * *": (
		"buildpro_saas.fleet.reconciliation.compare_benches",
		"buildpro_saas.licensing.renewal.renew_entitlements",
	),
}
MEASURE_LIMITS = "buildpro_saas.tenant_site.limits.measure_limits"
# Each site has a minute of its own (jobs/schedule.py).
PULL = "buildpro_saas.tenant_site.sync.pull_when_due"

ADMIN_JOBS = tuple(method for methods in ADMIN.values() for method in methods)
TENANT_JOBS = (MEASURE_LIMITS, PULL)
