"""The bench CLI group `saas`: `bench --site ADMIN saas …`; each command calls what Desk's buttons call."""

import sys

import click

from buildpro_saas.commands import preloading
from buildpro_saas.commands.admin_backup import admin_backups, backup_admin, drill_admin, recover_admin_site
from buildpro_saas.commands.adoption import adopt, customisations
from buildpro_saas.commands.alerts import alert, alerts
from buildpro_saas.commands.backups import backup, backup_export, backups, open_backup_key, recovery_key
from buildpro_saas.commands.batches import batch, batches
from buildpro_saas.commands.benches import add_bench
from buildpro_saas.commands.clones import clone, keep_clone
from buildpro_saas.commands.diagnosis import (
	diagnose,
	disk_usage,
	end_job,
	end_statement,
	slow,
	support_bundle,
)
from buildpro_saas.commands.doctor import doctor
from buildpro_saas.commands.domains import certificates, domains
from buildpro_saas.commands.drift import drift
from buildpro_saas.commands.explain import explain
from buildpro_saas.commands.health import full, health
from buildpro_saas.commands.images import images, pool, set_pool
from buildpro_saas.commands.jobs import cancel, job, jobs, retry
from buildpro_saas.commands.keys import pull, rotate_key
from buildpro_saas.commands.metrics import disk_space, metrics
from buildpro_saas.commands.plans import set_plan, set_plan_apps
from buildpro_saas.commands.proxy import proxy, setup_proxy
from buildpro_saas.commands.refresh import refresh
from buildpro_saas.commands.restores import restore
from buildpro_saas.commands.security import security, setup_firewall
from buildpro_saas.commands.setup import setup
from buildpro_saas.commands.shadows import copy_site, drop_shadow, shadows, swap_back
from buildpro_saas.commands.sites import (
	clear_cache,
	console,
	drill,
	maintenance,
	migrate,
	rehearse,
	restore_lost,
	run_function,
	scheduler,
	site_info,
	sites,
)
from buildpro_saas.commands.stores import check_backups, copy_offsite
from buildpro_saas.commands.tenant_life import archive, remove, rename, unarchive
from buildpro_saas.commands.tenants import (
	create_tenant,
	owner_link,
	past_due,
	resume,
	suspend,
	tenants,
)
from buildpro_saas.commands.trash import put_back, trash


@click.group("saas")
def saas():
	"""Run the control plane of BuildPro SaaS; every command but `explain`, `pull`, `open-backup-key`, `recover-admin-site`, `setup-firewall` and `setup-proxy` needs the admin site as --site."""


for command in (
	*(
		setup,
		add_bench,
		create_tenant,
		adopt,
		customisations,
		clone,
		keep_clone,
		tenants,
		owner_link,
		jobs,
		job,
		retry,
		cancel,
	),
	*(batches, batch),
	*(backup, backups, backup_export, recovery_key, open_backup_key, check_backups, copy_offsite),
	*(backup_admin, admin_backups, drill_admin, recover_admin_site, refresh),
	*(
		sites,
		site_info,
		migrate,
		rehearse,
		drill,
		restore_lost,
		clear_cache,
		maintenance,
		scheduler,
		run_function,
		console,
	),
	*(copy_site, shadows, swap_back, drop_shadow, restore),
	*(set_plan, suspend, past_due, resume),
	*(rename, archive, unarchive, remove),
	*(domains, certificates),
	*(set_plan_apps, images, pool, set_pool, drift, trash, put_back, doctor),
	*(diagnose, slow, end_statement, end_job, disk_usage, support_bundle),
	*(security, setup_firewall, metrics, disk_space),
	*(health, full, alerts, alert),
	*(setup_proxy, proxy),
	*(explain, rotate_key, pull),
):
	saas.add_command(command)

commands = [saas]
preloading.load(sys.argv)
