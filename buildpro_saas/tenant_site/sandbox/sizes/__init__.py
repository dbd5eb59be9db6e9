"""Judges what one call, filter or operator of a user's text would make, before it makes it.

Most make no more than they are given; for these budget.py is enough. Here are the others: those that take a width, a count or a
power, that multiply a text by a list, that walk what a list leads to, or that search by regexes that go back and forth. While
such code of C runs, no other thread of the process does, so it cannot be stopped. tests/site/test_sandbox_costs.py lists all that
a text reaches.
"""

from buildpro_saas.tenant_site.sandbox.sizes.bounds import MOST_JUDGED
from buildpro_saas.tenant_site.sandbox.sizes.filters import (
	COMPARING_TESTS,
	FILTERS,
	LIGHT_FILTERS,
	filter_rule,
	judge_filter,
)
from buildpro_saas.tenant_site.sandbox.sizes.functions import FUNCTIONS, before_call, function, of_document
from buildpro_saas.tenant_site.sandbox.sizes.methods import METHODS, method
from buildpro_saas.tenant_site.sandbox.sizes.operators import before_operator, format_spec

__all__ = [
	"COMPARING_TESTS",
	"FILTERS",
	"FUNCTIONS",
	"LIGHT_FILTERS",
	"METHODS",
	"MOST_JUDGED",
	"before_call",
	"before_operator",
	"filter_rule",
	"format_spec",
	"function",
	"judge_filter",
	"method",
	"of_document",
]
