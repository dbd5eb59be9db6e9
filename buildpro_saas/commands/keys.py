"""`saas rotate-key` on the admin site, `saas pull` on a tenant's."""

import click
import frappe

from buildpro_saas import site_role
from buildpro_saas.commands.admin_site import fail, on_admin_site, on_site
from buildpro_saas.licensing import delivery, signing_keys
from buildpro_saas.tenant_site import sync


@click.command("rotate-key")
@click.option(
	"--finish", is_flag=True, help="Withdraw the old key, once every tenant's site trusts the new one."
)
@click.option(
	"--force",
	is_flag=True,
	help="Withdraw it although some do not: those on benches that are not reached from here are cut off.",
)
@on_admin_site
def rotate_key(finish: bool, force: bool) -> None:
	"""Make a new key to sign entitlements with, beside the old one; or, with --finish, go on without the old one."""
	if not finish:
		kid = signing_keys.begin()
		delivery.send(None, "a new signing key")
		frappe.db.commit()
		click.echo(
			f"Made the key {kid}. Sites on the benches that are reached from here are told now, others when they ask."
		)
		click.echo("Both keys are valid. Run `saas rotate-key --finish` later to withdraw the old one.")
		return
	left = signing_keys.unconfirmed(delivery.WITH_SITE)
	if left and not force:
		fail(
			f"{len(left)} tenants do not trust the new key yet: {', '.join(left)}. Wait until their sites have asked, or withdraw the old"
			" key with --force."
		)
	kid = signing_keys.finish()
	delivery.send(None, "the old signing key was withdrawn")
	frappe.db.commit()
	click.echo(f"Withdrew the key {kid}.")


@click.command("pull")
@on_site
def pull() -> None:
	"""On a tenant's site: ask the admin site for the newest entitlement now."""
	if frappe.conf.get("buildpro_role") != site_role.TENANT:
		fail("Only a tenant's site asks for its entitlement; this is none.")
	try:
		answer = sync.pull_now()
	except sync.SyncError as error:
		fail(str(error))
	frappe.db.commit()
	click.echo(
		f"{'Nothing new' if answer['unchanged'] else 'A new entitlement is in force'} (number {answer['sequence']})."
	)
