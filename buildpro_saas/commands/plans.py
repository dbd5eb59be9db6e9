"""`saas set-plan-apps`, `saas set-plan`."""

import click
import frappe

from buildpro_saas.commands.admin_site import fail, on_admin_site
from buildpro_saas.jobs import AgentError


@click.command("set-plan-apps")
@click.argument("plan")
@click.argument("apps", nargs=-1)
@click.option("--none", "is_none", is_flag=True, help="The plan installs no app of its own.")
@on_admin_site
def set_plan_apps(plan: str, apps: tuple[str, ...], is_none: bool) -> None:
	"""Have PLAN install these APPS, in this order, besides those of the plans that it includes."""
	if bool(apps) == is_none:
		raise click.UsageError("Name the apps, or give --none.")
	_refresh_other_benches()
	doc = frappe.get_doc("Plan", plan)
	doc.set("apps", [{"app": app} for app in apps])
	doc.flags.needs_its_apps = True
	doc.save()
	frappe.db.commit()
	click.echo(f"{plan} installs {', '.join(doc.resolved()['apps']) or 'no app'}.")


def _refresh_other_benches() -> None:
	"""Bring the records of the other benches up to date: saving a plan goes by these, and an app may have come there a moment ago."""
	for name in frappe.get_all("Bench", {"is_reachable": 1, "is_local": 0}, pluck="name", order_by="name"):
		try:
			frappe.get_doc("Bench", name).refresh_facts()
		except AgentError as error:
			click.echo(f"{name} was not asked for its apps: {error} {error.hint}", err=True)
		frappe.db.commit()


@click.command("set-plan")
@click.argument("tenant")
@click.argument("plan")
@click.option("--at", help="Change then and not now, such as 2026-12-31 or '2026-12-31 18:00'.")
@click.option("--trial-until", help="The plan is on trial until then; needs --then.")
@click.option("--then", help="The plan after the trial.")
@on_admin_site
def set_plan(tenant: str, plan: str, at: str | None, trial_until: str | None, then: str | None) -> None:
	"""Give TENANT the PLAN: now, at a date, or on trial. Dates are in the admin site's time zone."""
	doc = frappe.get_doc("Tenant", tenant)
	doc.set_plan(plan, at, trial_until, then)
	frappe.db.commit()
	if doc.warning:
		fail(doc.warning)
	click.echo(f"Tenant {doc.name}: {doc.describe_plan()}.")
