"""A Tenant after it was inserted: its statuses, what only jobs write, what is fixed, and its entitlement."""

import re
import time

import pytest


@pytest.fixture
def frappe(admin_site):
	admin_site.get_doc(
		{"doctype": "Plan", "plan_name": "ST Plan", "features": [{"feature": "rfi"}], "rank": -1}
	).insert()
	return admin_site


@pytest.fixture
def tenant(frappe):
	return frappe.get_doc(
		{
			"doctype": "Tenant",
			"subdomain": "st-acme",
			"company": "ST Acme",
			"owner_name": "Olga Owner",
			"owner_email": "olga@st-acme.example",
			"plan": "ST Plan",
			"country": "Germany",
		}
	).insert()


@pytest.mark.parametrize(
	"way",
	[
		["Active", "Past Due", "Active", "Suspended", "Active", "Suspended", "Archived", "Removed"],
		["Failed", "Provisioning", "Active", "Past Due", "Archived", "Active", "Removed"],
		["Draft", "Provisioning", "Failed", "Draft"],
	],
)
def test_ways_there_are(frappe, tenant, way):
	for status in way:
		tenant.set_status(status)
		assert frappe.db.get_value("Tenant", tenant.name, "status") == status


@pytest.mark.parametrize(
	"old, new", [("Draft", "Active"), ("Active", "Draft"), ("Removed", "Active"), ("Active", "Sleeping")]
)
def test_ways_there_are_not(frappe, tenant, old, new):
	tenant.db_set("status", old)
	with pytest.raises(frappe.ValidationError, match=f"st-acme is {old} and cannot become {new}"):
		tenant.set_status(new)


def test_every_status_of_the_doctype_has_its_ways(frappe):
	from buildpro_saas.tenant_status import TRANSITIONS

	assert list(TRANSITIONS) and set(TRANSITIONS) == set(
		frappe.get_meta("Tenant").get_field("status").options.split("\n")
	)
	assert set().union(*TRANSITIONS.values()) <= TRANSITIONS.keys()


def test_active_since_is_the_first_time(frappe, tenant):
	tenant.set_status("Active")
	first = frappe.db.get_value("Tenant", tenant.name, "active_since")
	assert first
	tenant.set_status("Suspended")
	tenant.set_status("Active")
	assert frappe.db.get_value("Tenant", tenant.name, "active_since") == first


def test_a_change_of_status_is_on_record(frappe, tenant):
	tenant.set_status("Active")
	versions = frappe.get_all("Version", {"ref_doctype": "Tenant", "docname": tenant.name}, pluck="data")
	assert any('"Provisioning"' in data and '"Active"' in data for data in versions)


def test_facts_are_kept(frappe, tenant):
	apps = [
		{"app": "frappe", "version": "1.2", "branch": "x"},
		{"app": "own", "version": "0.1", "commit": "abc"},
	]
	tenant.record_facts({"database": "st_db", "apps": apps, "created_in": 12.5, "other": 1})
	kept = frappe.get_doc("Tenant", tenant.name)
	on_bench = {row.app: row.commit for row in frappe.get_doc("Bench", tenant.bench).apps}
	assert (kept.database, kept.created_in) == ("st_db", 12.5)
	assert [(row.app, row.version, row.commit) for row in kept.apps] == [
		("frappe", "1.2", on_bench["frappe"]),
		("own", "0.1", "abc"),
	]
	tenant.record_facts({"created_in": 3})
	assert frappe.db.get_value("Tenant", tenant.name, "database") == "st_db"
	assert frappe.db.count("Tenant App", {"parent": tenant.name}) == 2


def test_facts_can_be_kept_though_the_plan_went_meanwhile(frappe, tenant):
	frappe.db.set_value("Plan", "ST Plan", "is_active", 0)
	tenant.record_facts({"created_in": 3})
	tenant.set_status("Active")


@pytest.mark.parametrize(
	"field, value",
	[
		("status", "Active"),
		("database", "mysql"),
		("site", "other.example"),
		("created_in", 1),
		("active_since", "2026-01-01"),
	],
)
def test_what_jobs_write_is_not_entered(frappe, tenant, field, value):
	"""As Frappe's REST API changes a document: it is loaded, updated with what was sent, and saved."""
	before = frappe.db.get_value("Tenant", tenant.name, field)
	doc = frappe.get_doc("Tenant", tenant.name)
	doc.update({field: value, "customisations": "special"})
	with pytest.raises(
		frappe.ValidationError, match=f"The {re.escape(doc.meta.get_label(field))} of st-acme is not entered"
	):
		doc.save()
	assert frappe.db.get_value("Tenant", tenant.name, field) == before
	doc = frappe.get_doc("Tenant", tenant.name)
	doc.append("apps", {"app": "mine"})
	with pytest.raises(frappe.ValidationError, match="apps of st-acme are those that its site has"):
		doc.save()


def test_what_was_shown_may_be_sent_back(frappe, tenant):
	"""As Desk does with all of a document, and whoever changes what was read over REST."""
	tenant.set_status("Active")
	tenant.record_facts(
		{"database": "_x", "created_in": 12.3456, "apps": [{"app": "frappe", "version": "15"}]}
	)
	shown = frappe.parse_json(frappe.as_json(frappe.get_doc("Tenant", tenant.name).as_dict()))
	frappe.db.set_value("Tenant", tenant.name, "entitlement_sequence", "77", update_modified=False)
	shown["customisations"] = "special"
	frappe.get_doc(shown).save()
	kept = frappe.get_doc("Tenant", tenant.name)
	assert (kept.status, kept.database, kept.customisations) == ("Active", "_x", "special")
	assert kept.entitlement_sequence == "77"


@pytest.mark.parametrize(
	"field, value", [("plan", "Core"), ("database_name", "st_other_db"), ("owner_email", "x@y.example")]
)
def test_what_the_site_is_made_from_is_fixed(frappe, tenant, field, value):
	tenant.reload()
	tenant.set(field, value)
	with pytest.raises(frappe.ValidationError, match="is fixed"):
		tenant.save()


def test_in_draft_it_can_be_changed_and_provisioned_again(frappe, tenant):
	tenant.set_status("Draft")
	tenant.update({"plan": "ST Plan", "database_name": "st_other_db", "owner_email": "x@y.example"})
	tenant.save()
	first = tenant.latest_job().name
	job = tenant.provision()
	assert job != first
	assert frappe.db.get_value("Tenant", tenant.name, ["status", "database_name"]) == (
		"Provisioning",
		"st_other_db",
	)
	with pytest.raises(frappe.ValidationError, match="only a tenant that is Draft"):
		tenant.provision()


def test_provisioning_again_is_checked_like_a_new_tenant(frappe, tenant):
	tenant.set_status("Draft")
	frappe.db.set_value("Plan", "ST Plan", "is_active", 0)
	with pytest.raises(frappe.ValidationError, match="is not active"):
		tenant.provision()
	assert frappe.db.get_value("Tenant", tenant.name, "status") == "Draft"


def test_the_site_keeps_its_name_when_the_domain_changes(frappe, tenant):
	before = tenant.site_name
	frappe.db.set_value("Bench", tenant.bench, "base_domain", "elsewhere.example")
	assert frappe.get_doc("Tenant", tenant.name).site_name == before


def test_only_without_a_site_it_can_be_deleted(frappe, tenant):
	tenant.set_status("Active")
	with pytest.raises(frappe.ValidationError, match="only a tenant that is Draft or Removed"):
		frappe.delete_doc("Tenant", tenant.name)
	tenant.db_set("status", "Removed")
	frappe.delete_doc("Tenant", tenant.name)
	assert not frappe.db.exists("Tenant", tenant.name)
	assert frappe.db.exists("Provisioning Job", {"tenant": tenant.name})


def test_whoever_has_the_name_next_begins_with_no_use(frappe, tenant):
	kept = {
		"Tenant Usage": {"tenant": tenant.name, "date": "2026-01-31", "feature": "rfi", "allowed": 5},
		"Tenant Limit Level": {"tenant": tenant.name, "limit_key": "max_users", "used": 5},
	}
	for doctype, values in kept.items():
		frappe.get_doc({"doctype": doctype, "name": f"{tenant.name} x", **values}).db_insert()
	tenant.db_set("status", "Removed")
	frappe.delete_doc("Tenant", tenant.name)
	assert not any(frappe.db.exists(doctype, {"tenant": tenant.name}) for doctype in kept)


def test_the_buttons_take_nothing_from_the_browsers_copy(frappe, tenant):
	"""run_doc_method may get the document from the client: status and bench in it must not count."""
	forged = frappe.get_doc({**tenant.as_dict(), "status": "Draft", "bench": "other"})
	with pytest.raises(frappe.ValidationError, match="only a tenant that is Draft"):
		forged.provision()


def test_its_layers(frappe, tenant):
	plan = frappe.get_doc("Plan", tenant.plan).resolved()
	(layer,) = tenant.layers()["plans"]
	assert (layer["plan"], layer["features"], layer["limits"]) == (
		tenant.plan,
		plan["features"],
		plan["limits"],
	)


def test_a_statement_is_newer_than_all_that_the_site_has_had(frappe, tenant):
	"""Also where a clock was ahead, and the admin site's records are from before that; a number that cannot be is not followed."""
	from buildpro_saas.entitlements import statement

	def number(above: int) -> int:
		token = tenant.sign_entitlement(above)["token"]
		return statement.verify(token, frappe.conf.buildpro_public_keys, tenant.site_name).sequence

	ahead = int(time.time()) + 60 * 24 * 3600
	assert number(ahead) == ahead + 1
	assert number(10**17) == ahead + 2


def test_a_signed_statement_for_its_site(frappe, tenant):
	from buildpro_saas.entitlements import catalogue, statement

	signed = [tenant.sign_entitlement() for _ in range(2)]
	first, second = (
		statement.verify(each["token"], frappe.conf.buildpro_public_keys, tenant.site_name) for each in signed
	)
	assert first.tenant == tenant.name and first.sequence < second.sequence
	assert second.catalogue_digest == catalogue.digest(signed[1]["catalogue"])
	assert set(signed[0]["catalogue"]["features"]) == set(frappe.get_all("Feature", pluck="name"))
