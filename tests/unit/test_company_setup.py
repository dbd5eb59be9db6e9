"""The answers given to ERPNext's part of the set-up wizard."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.company_name import abbreviation
from buildpro_saas.tenant_site.company_setup import FISCAL_YEAR_STARTS, fiscal_year

countries = st.sampled_from([*FISCAL_YEAR_STARTS, "Germany", "United States", "Nowhere"])


@given(country=countries, today=st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_today_lies_in_a_fiscal_year_of_twelve_months(country, today):
	first_day, last_day = fiscal_year(country, today)
	assert first_day <= today <= last_day
	assert (first_day.month, first_day.day) == FISCAL_YEAR_STARTS.get(country, (1, 1))
	next_year = last_day + timedelta(days=1)
	assert (next_year.year, next_year.month, next_year.day) == (
		first_day.year + 1,
		first_day.month,
		first_day.day,
	)


@pytest.mark.parametrize(
	("country", "today", "expected"),
	[
		("Germany", date(2024, 1, 1), (date(2024, 1, 1), date(2024, 12, 31))),
		("India", date(2024, 3, 31), (date(2023, 4, 1), date(2024, 3, 31))),
		("India", date(2024, 4, 1), (date(2024, 4, 1), date(2025, 3, 31))),
		("South Africa", date(2024, 2, 29), (date(2023, 3, 1), date(2024, 2, 29))),
	],
)
def test_known_fiscal_years(country, today, expected):
	assert fiscal_year(country, today) == expected


@pytest.mark.parametrize(
	("company", "expected"),
	[
		("Acme", "A"),
		("acme builders inc", "ABI"),
		("Acme & Sons (Builders) Ltd.", "ASBL"),
		("a b c d e f g h i j k l", "ABCDEFGHIJ"),
		("Öl und Gas", "ÖUG"),
		("«»", "C"),
	],
)
def test_abbreviations(company, expected):
	assert abbreviation(company) == expected


@given(company=st.text(min_size=1, max_size=140))
def test_an_abbreviation_is_never_empty_and_never_too_long(company):
	assert 1 <= len(abbreviation(company).strip()) and len(abbreviation(company)) <= 30
