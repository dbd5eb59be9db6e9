"""What the fleet is as a business: tenants by plan and state, trials, revenue, who is at a limit, what each costs. Records in, numbers out.

Money is reckoned with Decimal, apart by currency. A plan without a price, or without a currency, brings nothing in.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

PAYING = ("Active", "Past Due")
MONTHS = {"Monthly": 1, "Yearly": 12}
NEAR = 0.8  # of a limit


@dataclass(frozen=True)
class Price:
	"""What a plan or an add-on costs in a period. period: Monthly or Yearly; another one brings nothing in."""

	amount: Decimal = Decimal(0)
	currency: str = ""
	period: str = "Monthly"

	@property
	def a_month(self) -> Decimal:
		"""The amount for a month."""
		months = MONTHS.get(self.period)
		return self.amount / months if months and self.currency else Decimal(0)


@dataclass(frozen=True)
class Customer:
	"""A tenant as a business sees it. addons: {add-on: how many}, those that hold now. is_clone: a copy of another tenant's site.

	limits: {limit: (in use, what is allowed)}, those that are limited.
	"""

	name: str
	plan: str
	status: str
	trial_ends: datetime | None = None
	is_clone: bool = False
	addons: Mapping[str, int] = field(default_factory=dict)
	limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

	def is_in_trial(self, now: datetime) -> bool:
		"""Whether the tenant tries its plan out, and pays nothing."""
		return bool(self.trial_ends and self.trial_ends > now and self.status in PAYING)


def by_plan_and_status(customers: Iterable[Customer]) -> dict[tuple[str, str], int]:
	"""{(plan, status): how many tenants}"""
	return dict(Counter((each.plan, each.status) for each in customers))


def trials(customers: Iterable[Customer], now: datetime, days: int = 7) -> dict[str, int]:
	"""{"running": tenants in a trial, "ending": those whose trial ends within `days` days}"""
	ends = [each.trial_ends for each in customers if each.is_in_trial(now)]
	return {"running": len(ends), "ending": sum((end - now).total_seconds() <= days * 86400 for end in ends)}


def revenue_of(
	customer: Customer, now: datetime, plans: Mapping[str, Price], addons: Mapping[str, Price]
) -> dict:
	"""{currency: Decimal} that the tenant brings in a month. Nothing from a trial, a clone, or a status that pays nothing."""
	found: dict[str, Decimal] = defaultdict(Decimal)
	if customer.status not in PAYING or customer.is_clone or customer.is_in_trial(now):
		return {}
	parts = [(addons.get(name, Price()), number) for name, number in customer.addons.items()]
	for price, number in [(plans.get(customer.plan, Price()), 1), *parts]:
		if price.a_month:
			found[price.currency] += price.a_month * number
	return dict(found)


def monthly_revenue(
	customers: Iterable[Customer], now: datetime, plans: Mapping[str, Price], addons: Mapping[str, Price]
) -> dict[tuple[str, str], Decimal]:
	"""{(plan, currency): Decimal} that comes in a month, add-ons with the plan of their tenant; to the hundredth."""
	found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
	for customer in customers:
		for currency, amount in revenue_of(customer, now, plans, addons).items():
			found[customer.plan, currency] += amount
	return {key: amount.quantize(Decimal("0.01")) for key, amount in found.items()}


def at_limits(customers: Iterable[Customer], near: float = NEAR) -> dict[str, list[tuple[str, str, float]]]:
	"""{"over", "near": [(tenant, limit, share that is in use)]}, the fullest first: who should get a larger plan.

	over: the limit is reached. A limit of 0 that is in use counts as reached.
	"""
	found: dict[str, list] = {"over": [], "near": []}
	for customer in customers:
		if customer.status not in PAYING:
			continue
		for limit, (used, allowed) in customer.limits.items():
			share = used / allowed if allowed > 0 else float(bool(used))
			if share >= near and used:
				found["over" if share >= 1 else "near"].append((customer.name, limit, round(share, 3)))
	return {kind: sorted(rows, key=lambda row: (-row[2], row)) for kind, rows in found.items()}


def shares(use: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
	"""{tenant: its share of what a bench costs, 0 to 1}. use: {tenant: {kind of use: number}}, such as database seconds and bytes.

	Each kind counts alike: a tenant's share is the mean of its shares of the kinds that anybody uses.
	"""
	totals: dict[str, float] = defaultdict(float)
	for numbers in use.values():
		for kind, number in numbers.items():
			totals[kind] += max(number, 0)
	kinds = [kind for kind, total in totals.items() if total > 0]
	if not kinds:
		return dict.fromkeys(use, 0.0)
	return {
		name: sum(max(numbers.get(kind, 0), 0) / totals[kind] for kind in kinds) / len(kinds)
		for name, numbers in use.items()
	}
