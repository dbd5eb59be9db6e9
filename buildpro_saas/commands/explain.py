"""`saas explain`: on a tenant's site what its statement says, on the admin site what a tenant's would say now."""

from datetime import datetime, timezone

import click
import frappe
from frappe.utils.commands import render_table

from buildpro_saas import site_role
from buildpro_saas.commands.admin_site import fail, on_site, print_json
from buildpro_saas.control_plane.doctype.tenant.tenant import Tenant
from buildpro_saas.datetimes import YEARS
from buildpro_saas.entitlements import explain as explaining
from buildpro_saas.entitlements import statement
from buildpro_saas.entitlements.explain import Explanation
from buildpro_saas.entitlements.unknown import UnknownFeatureError
from buildpro_saas.licensing import signing
from buildpro_saas.licensing.catalogue import catalogue_for_tenants
from buildpro_saas.tenant_site import clock, entitlement


@click.command("explain")
@click.argument("key")
@click.option(
	"--at", metavar="DATE", help="As of then: 2027-01-31 or 2027-01-31T18:00+01:00; UTC without an offset."
)
@click.option("--tenant", help="On the admin site: the tenant that is asked about.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@on_site
def explain(key: str, at: str | None, tenant: str | None, is_json: bool) -> None:
	"""Say how the answer about the feature or limit KEY comes about, layer by layer."""
	moment = at and _moment(at)
	try:
		found = (
			_of_tenant(key, tenant, moment) if site_role.is_admin_site() else _of_site(key, tenant, moment)
		)
	except UnknownFeatureError as error:
		fail(str(error))
	if is_json:
		print_json(found.as_dict())
		return
	render_table([["Layer", "", "What it says"], *_rows(found)])


def _of_site(key: str, tenant: str | None, at: float | None) -> Explanation:
	if tenant:
		fail("--tenant is for the admin site; this site has one entitlement, its own.")
	token, catalogue = entitlement.stored()
	return explaining.explain(
		key,
		token,
		entitlement.public_keys(),
		frappe.local.site,
		catalogue=catalogue,
		lowest_sequence=entitlement.lowest_sequence(),
		at=clock.trusted_now() if at is None else at,
	)


def _of_tenant(key: str, tenant: str | None, at: float | None) -> Explanation:
	if not tenant or not frappe.db.exists("Tenant", tenant):
		fail(f"There is no tenant {tenant}." if tenant else "Say whose: --tenant NAME.")
	doc: Tenant = frappe.get_doc("Tenant", tenant)
	settings = frappe.get_cached_doc("SaaS Settings")
	unsigned = statement.unsigned(
		signing.statement_data(doc),
		valid_days=settings.entitlement_valid_days,
		grace_days=settings.entitlement_grace_days,
	)
	return explaining.explain_statement(key, unsigned, catalogue=catalogue_for_tenants(), at=at)


def _moment(text: str) -> float:
	try:
		moment = datetime.fromisoformat(text)
	except ValueError:
		fail(f"{text} is no date such as 2027-01-31 or 2027-01-31T18:00+01:00.")
	if moment.year not in YEARS:
		fail(f"{text} is too far away: give a date of the years {YEARS[0]} to {YEARS[-1]}.")
	return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _rows(found: Explanation) -> list[list[str]]:
	rows = [[line.layer, "" if line.counts else "(no effect)", line.text] for line in found.lines]
	changes = [
		["later", "", f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d %H:%M} UTC: {text}"]
		for at, text in found.changes
	]
	return rows + changes
