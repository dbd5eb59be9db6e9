"""`saas set-plan-apps`."""

import click
import frappe

from buildpro_saas.commands.admin_site import on_admin_site


@click.command("set-plan-apps")
@click.argument("plan")
@click.argument("apps", nargs=-1)
@click.option("--none", "is_none", is_flag=True, help="The plan installs no app of its own.")
@on_admin_site
def set_plan_apps(plan: str, apps: tuple[str, ...], is_none: bool) -> None:
	"""Have PLAN install these APPS, in this order, besides those of the plans that it includes."""
	if bool(apps) == is_none:
		raise click.UsageError("Name the apps, or give --none.")
	doc = frappe.get_doc("Plan", plan)
	doc.set("apps", [{"app": app} for app in apps])
	doc.save()
	frappe.db.commit()
	click.echo(f"{plan} installs {', '.join(doc.resolved()['apps']) or 'no app'}.")
