"""What a caller may send for a document of the admin site: the same for every one of them."""

import re

import pytest


@pytest.fixture
def settings(frappe):
	settings = frappe.get_single("SaaS Settings")
	assert settings.base_domain
	return settings


def test_settings_are_not_made_anew(frappe, settings):
	for fields in ({"x": 1}, {}, {"base_domain": "example.net"}):
		with pytest.raises(frappe.ValidationError):
			frappe.get_doc({"doctype": "SaaS Settings", **fields}).insert()
	assert frappe.get_single("SaaS Settings").base_domain == settings.base_domain


def test_a_field_that_the_settings_have_not_changes_nothing(frappe, settings):
	with pytest.raises(frappe.ValidationError, match="did you mean base_domain"):
		settings.update({"base_domian": "example.net"})


@pytest.mark.parametrize(
	("doctype", "field"),
	[("Plan", "plan_name"), ("Feature", "key"), ("Add-on", "addon_name"), ("Bench", "bench_name")],
)
def test_a_name_is_not_changed_by_its_field(frappe, doctype, field):
	name = frappe.get_all(doctype, pluck="name", limit=1)
	if not name:
		name = [
			frappe.get_doc({"doctype": doctype, field: "given-own", "features": [{"feature": "rfi"}]})
			.insert()
			.name
		]
	doc = frappe.get_doc(doctype, name[0])
	doc.set(field, "another")
	with pytest.raises(frappe.ValidationError, match="is fixed, since it is the record"):
		doc.save()


def test_a_name_that_nobody_can_read_is_refused_everywhere(frappe):
	for doctype, field in (("Plan", "plan_name"), ("Add-on", "addon_name"), ("Bench", "bench_name")):
		with pytest.raises(frappe.ValidationError, match="cannot be seen"):
			frappe.get_doc({"doctype": doctype, field: "Co\u202ere"}).insert()


@pytest.mark.parametrize(
	("doctype", "field", "value"),
	[
		("Bench", "max_sites", 2**31),
		("Bench", "max_sites", [1]),
		("Bench", "min_free_disk_gb", 1e300),
		("Plan", "is_active", 7),
		("Plan", "price", "cheap"),
		("Plan", "features", "rfi"),
		("Feature", "label", {"en": "x"}),
	],
)
def test_a_value_of_another_kind_is_one_sentence(frappe, doctype, field, value):
	label = frappe.get_meta(doctype).get_label(field)
	with pytest.raises(frappe.ValidationError, match=f"^{re.escape(label)} must be"):
		frappe.get_doc({"doctype": doctype, field: value})
