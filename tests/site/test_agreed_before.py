"""What was agreed with a tenant, read back from the layers of a statement. tests/bench/test_adoption.py adopts real sites."""

import pytest

from buildpro_saas.entitlements.layers import plan_layer

NOW = 1_000_000


def agreed(frappe, *plans, plan: str | None = None):
	from buildpro_saas.control_plane.doctype.tenant.agreed_before import Agreed

	return Agreed.of({"plans": list(plans)}, NOW, plan)


def test_a_plan_that_is_still_to_come_is_the_tenants(frappe):
	"""The admin site's clock is behind, or the first period was left out."""
	found = agreed(
		frappe, plan_layer("Core", begins=NOW + 60, until=NOW + 120), plan_layer("Growth", begins=NOW + 120)
	)
	assert (found.fields["plan"], found.fields["next_plan"]) == ("Core", "Growth")
	assert found.notes  # another content than on record: there is none


def test_of_two_stays_with_a_plan_the_first_says_which_content_it_had(frappe):
	from buildpro_saas.licensing.entitlement_sources import Offer

	now = Offer().resolved("Core")
	first = plan_layer("Core", now["features"], now["limits"], until=NOW + 60)
	between = plan_layer("Growth", begins=NOW + 60, until=NOW + 120)
	found = agreed(frappe, plan_layer("Core", begins=NOW + 120), between, first)
	assert found.fields["plan"] == "Core" and not found.notes


def test_without_a_plan_that_is_in_force_one_has_to_be_named(frappe):
	over = plan_layer("Core", until=NOW - 1)
	with pytest.raises(frappe.ValidationError, match="name one with --plan"):
		agreed(frappe, over)
	assert agreed(frappe, over, plan="Growth").fields["plan"] == "Growth"
