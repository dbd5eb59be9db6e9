"""What a site image holds, by name."""

import pytest

from buildpro_saas.fleet.image_spec import ImageKind, suiting

APPS = ("buildpro_saas", "erpnext")
KOREA = {"country": "Korea, Republic of", "currency": "KRW", "language": "ko"}


@pytest.mark.parametrize(
	"kind", (ImageKind(("buildpro_saas",)), ImageKind(APPS), ImageKind(APPS, *KOREA.values()))
)
def test_a_kind_is_told_from_its_name(kind):
	assert ImageKind.from_name(kind.name) == kind


def test_a_kind_without_a_company_sorts_before_those_that_are_made_from_it():
	kind = ImageKind(APPS, *KOREA.values())
	assert sorted([kind.name, kind.without_company.name])[0] == "buildpro_saas, erpnext"
	assert not kind.without_company.company and kind.company == KOREA


def test_a_company_of_the_tenants_own_country_comes_first():
	assert suiting(list(APPS), {**KOREA, "company": "Han"}) == [
		ImageKind(APPS, *KOREA.values()),
		ImageKind(APPS),
	]


@pytest.mark.parametrize("tenant", ({}, {**KOREA, "currency": None}))
def test_without_country_currency_and_language_there_is_no_company_to_suit(tenant):
	assert suiting(list(APPS), tenant) == [ImageKind(APPS)]
