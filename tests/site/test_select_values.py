"""What a caller gives for a Select of the admin doctypes: one of its options, or nothing."""

import re

import pytest


def test_what_a_select_does_not_offer_is_told_before_all_else(admin_site):
	from buildpro_saas.hooks import ADMIN_DOCTYPES

	selects = [
		(doctype, df)
		for doctype in ADMIN_DOCTYPES
		for df in admin_site.get_meta(doctype).get_select_fields()
		if not df.read_only
	]
	assert {"Plan", "SaaS Settings", "Bench", "Site Intake"} <= {doctype for doctype, _df in selects}
	for doctype, df in selects:
		told = re.escape(f"{df.label} cannot be Nonsense: choose one of ")
		with pytest.raises(admin_site.ValidationError, match=told):
			admin_site.get_doc({"doctype": doctype, df.fieldname: "Nonsense"})
		for offered in (None, "", df.options.split("\n")[-1]):
			assert (
				admin_site.get_doc({"doctype": doctype, df.fieldname: offered}).get(df.fieldname) == offered
			)


@pytest.mark.parametrize(
	("doctype", "table", "row", "told"),
	[
		("Tenant", "overrides", {"kind": "limits", "limit_key": "max_users"}, "Feature, Limit"),
		("Feature", "gates", {"kind": "Doctype", "target": "RFI"}, "DocType, Report"),
	],
)
def test_a_row_of_no_known_kind_does_not_become_one_of_another(admin_site, doctype, table, row, told):
	with pytest.raises(
		admin_site.ValidationError, match=f"Row 2 of .*: Kind cannot be {row['kind']}: choose one of {told}"
	):
		admin_site.get_doc({"doctype": doctype, table: [{}, row]})
