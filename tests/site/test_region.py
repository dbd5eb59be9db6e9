"""A tenant's currency and time zone follow from its country, as both are today, by every entrance."""

import pytest

GOOD = {
	"doctype": "Tenant",
	"subdomain": "sv-region",
	"company": "SV Region Construction",
	"owner_name": "Olga Owner",
	"owner_email": "olga@sv-region.example",
	"plan": "SV Plan",
	"country": "Germany",
}
GONE = {"CYP", "HRK", "LTL", "LVL", "MRO", "SLL", "STD", "TMM", "VEF", "BGN", "ANG", "ZWL"}
WITHOUT_CURRENCY = {"AQ"}
UNINHABITED = {"BV", "HM"}  # the tz database has no zone of them


@pytest.fixture
def frappe(admin_site):
	admin_site.get_doc({"doctype": "Plan", "plan_name": "SV Plan"}).insert()
	return admin_site


@pytest.fixture
def here(frappe):
	"""This site is in the United States, keeps its books in US dollars and has New York's time."""

	def move(country: str, time_zone: str, currency: str = "USD") -> None:
		for field, value in {"country": country, "time_zone": time_zone}.items():
			frappe.db.set_single_value("System Settings", field, value)
		frappe.db.set_default("country", country)
		frappe.db.set_default("currency", currency)
		frappe.clear_document_cache("System Settings", "System Settings")
		frappe.cache.delete_value("time_zone")  # where the framework keeps it
		frappe.local.new_doc_templates.clear()

	move("United States", "America/New_York")
	yield move
	frappe.cache.delete_value("time_zone")
	frappe.local.new_doc_templates.clear()


def over_desk(frappe, **fields):
	"""As Desk's form saves a new record whose currency and time zone are left empty."""
	new = {"__islocal": 1, "__unsaved": 1, "name": "new-tenant-1", "currency": "", "time_zone": ""}
	return frappe.get_doc({**GOOD, **new, **fields}).save()


def over_rest(frappe, **fields):
	"""POST /api/resource/Tenant, as newer frameworks do it."""
	values = {key: value for key, value in (GOOD | fields).items() if key != "doctype"}
	return frappe.new_doc("Tenant").update(values).insert()


def over_the_clients_method(frappe, **fields):
	from frappe.client import insert

	return frappe.get_doc("Tenant", insert({**GOOD, **fields}).name)


def over_our_api(frappe, **fields):
	from buildpro_saas.api import tenants

	values = {key: value for key, value in (GOOD | fields).items() if key != "doctype"}
	return frappe.get_doc("Tenant", tenants.create(**values)["tenant"])


def in_code(frappe, **fields):
	"""What the shell's command does."""
	return frappe.get_doc({**GOOD, **fields}).insert()


ENTRANCES = [over_desk, over_rest, over_the_clients_method, over_our_api, in_code]
entrances = pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda entrance: entrance.__name__)


def test_each_country_has_a_present_currency_and_a_time_zone_or_several(frappe):
	from frappe.geo.country_info import get_all

	from buildpro_saas import region

	accepted = region.accepted_zones()
	for country in get_all():
		code = region.code_of(country)
		currency, choice = region.currency(code), region.choice(code)
		if code in WITHOUT_CURRENCY:
			assert currency is None
		else:
			assert currency not in GONE and frappe.db.exists("Currency", currency), (country, currency)
		assert bool(choice) != (code in UNINHABITED), country
		assert set(choice) <= set(region.zones(code)) <= accepted, country
		# none by an older name, where the framework knows today's
		assert [region.accepted_name(zone) for zone in choice] == list(choice), country


def test_a_currency_that_the_framework_has_not_heard_of_is_made_as_it_is(frappe):
	from buildpro_saas import region

	frappe.db.delete("Currency", {"name": "VES"})
	region.make_currency("VES")
	region.make_currency("ABC")
	made = frappe.get_doc("Currency", "VES")
	assert (made.fraction_units, made.number_format) == (100, "#,###.##") and made.symbol
	assert not frappe.db.exists("Currency", "ABC")


def test_what_a_tenant_gets_is_its_countrys_and_never_this_sites(frappe, here):
	from buildpro_saas.control_plane.doctype.tenant.tenant_region import propose

	for country, currency, time_zone in (
		("Germany", "EUR", "Europe/Berlin"),
		("Spain", "EUR", "Europe/Madrid"),
		("Croatia", "EUR", "Europe/Zagreb"),
		("Réunion", "EUR", "Indian/Reunion"),
		("Korea, Republic of", "KRW", "Asia/Seoul"),
		("Argentina", "ARS", "America/Argentina/Buenos_Aires"),
		("Namibia", "NAD", "Africa/Windhoek"),
		("Mauritania", "MRU", "Africa/Nouakchott"),
		("Brazil", "BRL", None),
		("Russian Federation", "RUB", None),
		("Antarctica", None, None),
		("United States", "USD", "America/New_York"),
	):
		proposed = propose(country)
		assert (proposed["currency"], proposed["time_zone"]) == (currency, time_zone), country
	here("United States", "Etc/UTC")
	assert propose("United States")["time_zone"] == "Etc/UTC"
	here("Austria", "Etc/UTC")  # a server's clock is no country's that has one of its own
	assert propose("Austria")["time_zone"] == "Europe/Vienna"
	assert propose("United States")["time_zone"] is None


@entrances
def test_by_every_entrance_the_country_decides(frappe, here, entrance):
	"""This site keeps its books in US dollars; that is no reason for others."""
	with pytest.raises(frappe.ValidationError, match=r"choose one of .*America/Sao_Paulo"):
		entrance(frappe, country="Brazil")
	assert not frappe.db.exists("Tenant", GOOD["subdomain"])
	tenant = entrance(frappe, country="Mauritania")
	assert (tenant.currency, tenant.time_zone) == ("MRU", "Africa/Nouakchott")
	chosen = {"country": "Brazil", "currency": "USD", "time_zone": "America/Manaus"}
	tenant = entrance(frappe, subdomain="sv-chosen", **chosen)
	assert {field: tenant.get(field) for field in chosen} == chosen


@pytest.mark.parametrize(
	("country", "sentence"),
	[
		("Russian Federation", "has several time zones: choose one of .*Europe/Moscow"),
		("Antarctica", "Antarctica has no currency of its own: choose one"),
		("Bouvet Island", "No time zone is known of Bouvet Island: choose one"),
	],
)
def test_what_cannot_be_known_is_asked_for(frappe, here, country, sentence):
	with pytest.raises(frappe.ValidationError, match=sentence):
		in_code(frappe, country=country)


def test_without_a_country_it_is_this_sites(frappe, here):
	tenant = in_code(frappe, country=None)
	assert (tenant.country, tenant.currency, tenant.time_zone) == ("United States", "USD", "America/New_York")


def test_an_older_name_of_a_time_zone_becomes_todays(frappe):
	from buildpro_saas import region

	names = {
		"Asia/Calcutta": "Asia/Kolkata",
		"US/Eastern": "America/New_York",
		"Asia/Saigon": "Asia/Ho_Chi_Minh",
		"Etc/UTC": "Etc/UTC",
		"Europe/Berlin": "Europe/Berlin",
	}
	assert {given: region.accepted_name(given) for given in names} == names
	assert in_code(frappe, time_zone="Europe/Kiev").time_zone == "Europe/Kyiv"


def test_another_country_takes_its_currency_and_time_zone_along(frappe):
	tenant = in_code(frappe)
	tenant.db_set("status", "Failed")
	tenant = frappe.get_doc("Tenant", tenant.name)
	tenant.country = "Japan"
	tenant.save()
	assert (tenant.currency, tenant.time_zone) == ("JPY", "Asia/Tokyo")
	tenant.update({"country": "Switzerland", "currency": "EUR"})
	tenant.save()
	assert (tenant.currency, tenant.time_zone) == ("EUR", "Europe/Zurich")


def test_staff_are_told_beforehand_what_a_country_brings(frappe, here):
	from buildpro_saas.api import tenants

	japan = tenants.region("Japan")
	assert japan == {"currency": "JPY", "time_zone": "Asia/Tokyo", "time_zones": ["Asia/Tokyo"]}
	brazil = tenants.region("Brazil")
	assert (brazil["currency"], brazil["time_zone"]) == ("BRL", None)
	assert "America/Sao_Paulo" in brazil["time_zones"]


def test_a_pool_has_the_currency_of_its_countrys_tenants(frappe):
	from buildpro_saas.fleet.image_spec import ImageKind

	pool = frappe.get_doc({"doctype": "Standby Pool", "plan": "SV Plan", "company_country": "Croatia"})
	assert ImageKind.of_pool(pool).currency == "EUR"
