"""The fleet as a business, reckoned from records."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from buildpro_saas.monitoring import business
from buildpro_saas.monitoring.business import Customer, Price

NOW = datetime(2026, 11, 27, 12)
PLANS = {
	"Core": Price(Decimal(100), "EUR"),
	"Growth": Price(Decimal(1200), "EUR", "Yearly"),
	"Free": Price(),
	"No Currency": Price(Decimal(5)),
}
ADDONS = {"BIM": Price(Decimal("19.99"), "USD"), "Users": Price(Decimal(10), "EUR")}


def customer(name="acme", plan="Core", status="Active", **values) -> Customer:
	return Customer(name, plan, status, **values)


def revenue(*customers: Customer) -> dict:
	return business.monthly_revenue(customers, NOW, PLANS, ADDONS)


def test_revenue_is_by_plan_and_currency_and_a_year_is_twelve_months():
	found = revenue(
		customer(),
		customer("b", status="Past Due", addons={"BIM": 2, "Users": 3}),
		customer("c", plan="Growth"),
	)
	assert found == {
		("Core", "EUR"): Decimal("230.00"),
		("Core", "USD"): Decimal("39.98"),
		("Growth", "EUR"): Decimal("100.00"),
	}


@pytest.mark.parametrize(
	"who",
	[
		customer(status="Suspended"),
		customer(status="Archived"),
		customer(trial_ends=NOW + timedelta(days=1), addons={"BIM": 1}),
		customer(is_clone=True),
		customer(plan="Free"),
		customer(plan="No Currency"),
		customer(plan="Gone", addons={"Gone": 1}),
	],
	ids=[
		"suspended",
		"archived",
		"in its trial",
		"a clone",
		"free",
		"without a currency",
		"a plan that is gone",
	],
)
def test_who_brings_nothing_in(who):
	assert revenue(who) == {}


def test_who_pays_since_the_trial_is_over():
	assert revenue(customer(trial_ends=NOW)) == {("Core", "EUR"): Decimal("100.00")}


def test_trials_and_those_that_end_soon():
	found = business.trials(
		[
			customer("a", trial_ends=NOW + timedelta(days=7)),
			customer("b", trial_ends=NOW + timedelta(days=8)),
			customer("c", trial_ends=NOW - timedelta(days=1)),
			customer("d", trial_ends=NOW + timedelta(days=1), status="Suspended"),
			customer("e"),
		],
		NOW,
	)
	assert found == {"running": 2, "ending": 1}


def test_tenants_are_counted_by_plan_and_status():
	found = business.by_plan_and_status([customer(), customer("b"), customer("c", status="Suspended")])
	assert found == {("Core", "Active"): 2, ("Core", "Suspended"): 1}


def test_who_is_at_a_limit_or_near_it():
	found = business.at_limits(
		[
			customer("a", limits={"max_users": (10, 10), "max_storage": (79, 100)}),
			customer("b", limits={"max_users": (12, 10), "max_projects": (80, 100)}),
			customer("c", limits={"max_users": (0, 0), "max_projects": (1, 0)}),
			customer("d", status="Suspended", limits={"max_users": (9, 9)}),
		]
	)
	assert found == {
		"over": [("b", "max_users", 1.2), ("a", "max_users", 1.0), ("c", "max_projects", 1.0)],
		"near": [("b", "max_projects", 0.8)],
	}


def test_shares_of_what_a_bench_costs_add_up():
	found = business.shares({"a": {"seconds": 30, "bytes": 0}, "b": {"seconds": 10, "bytes": 100}, "c": {}})
	assert found == {"a": pytest.approx(0.375), "b": pytest.approx(0.625), "c": 0}
	assert business.shares({"a": {"seconds": 0}, "b": {}}) == {"a": 0, "b": 0}
