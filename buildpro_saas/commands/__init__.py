"""The bench CLI group `saas`: `bench --site ADMIN saas …`; each command calls what Desk's buttons call."""

import sys

import click

from buildpro_saas.commands import preloading
from buildpro_saas.commands.batches import batch, batches
from buildpro_saas.commands.benches import add_bench
from buildpro_saas.commands.doctor import doctor
from buildpro_saas.commands.drift import drift
from buildpro_saas.commands.explain import explain
from buildpro_saas.commands.images import images, pool, set_pool
from buildpro_saas.commands.jobs import cancel, job, jobs, retry
from buildpro_saas.commands.keys import pull, rotate_key
from buildpro_saas.commands.plans import set_plan, set_plan_apps
from buildpro_saas.commands.setup import setup
from buildpro_saas.commands.tenants import (
	adopt,
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
	"""Run the control plane of BuildPro SaaS; every command but `explain` and `pull` needs the admin site as --site."""


for command in (
	*(setup, add_bench, create_tenant, adopt, tenants, owner_link, jobs, job, retry, cancel),
	*(batches, batch),
	*(set_plan, suspend, past_due, resume),
	*(set_plan_apps, images, pool, set_pool, drift, trash, put_back, doctor),
	*(explain, rotate_key, pull),
):
	saas.add_command(command)

commands = [saas]
preloading.load(sys.argv)
