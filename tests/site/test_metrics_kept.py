"""What is measured is kept: as readings, five minutes and hours; what follows from it and from the records."""

import io
import time

import pytest
from rich.console import Console

SECONDS = 60
TENANT = "metrics-acme"


@pytest.fixture
def tenant(frappe, bench_record, admin_site_name):
	"""A record of a tenant whose site is the admin site itself: what is read of it is real."""
	row = frappe.get_doc(
		{
			"doctype": "Tenant",
			**{"name": TENANT, "subdomain": TENANT, "company": "Acme Metrics", "status": "Active"},
			**{"site": admin_site_name, "bench": bench_record, "plan": "Core", "owner_name": "Ada"},
		}
	)
	row.db_insert()
	yield TENANT
	frappe.db.rollback()


# -- kept --------------------------------------------------------------------------------------------------------------


def test_what_is_collected_is_the_latest(series, tenant, bench_record):
	from buildpro_saas.monitoring import collecting

	sample = collecting.collect(bench_record)
	series.keep(sample)
	assert (
		series.latest(tenant=tenant)["users_enabled"]
		== sample.of_sites[sample.tenants[tenant]]["users_enabled"]
	)
	assert series.latest(bench=bench_record)["cpus"] == sample.of_bench["cpus"]
	assert series.latest_of_all()["Tenant", tenant][0] == sample.at
	assert series.latest(tenant="nobody") == {}


def sample_at(bench_record, at: int, number: int):
	from buildpro_saas.monitoring.samples import Sample

	of_site = {"requests": number, "users_enabled": 4}
	return Sample(bench_record, at, {"load_1": number / 10}, {"site": of_site}, {TENANT: "site"})


def test_an_hour_that_is_over_is_added_to_its_day_and_its_month_once(frappe, series, tenant, bench_record):
	from buildpro_saas.monitoring.spans import AN_HOUR, begin_of

	begin = begin_of("Hour", time.time() - 10 * AN_HOUR)
	for minute in range(60):
		series.keep(sample_at(bench_record, begin + minute * 60, minute))
	next_hour = begin + AN_HOUR
	for _again in range(2):
		series.keep(sample_at(bench_record, next_hour, 60))
	rows = frappe.get_all(
		series.SERIES, {"tenant": tenant}, ["span", "is_open", "points"], order_by="span, begins"
	)
	assert {(row.span, row.is_open, row.points) for row in rows} == {
		("Hour", 0, 60),
		("Hour", 1, 1),
		("Day", 0, 12),
		("Month", 0, 1),
	}
	readings = series.points("requests", begin, next_hour, tenant=tenant)
	assert readings == [*((begin + minute * 60, minute) for minute in range(60)), (next_hour, 60)]
	# where the readings are gone, a point for five minutes, and then one for the hour
	frappe.db.delete(series.SERIES, {"span": "Hour", "is_open": 0})
	thinned = series.points("requests", begin, next_hour, tenant=tenant)
	assert thinned == [*((begin + minute * 60, minute) for minute in range(4, 60, 5)), (next_hour, 60)]
	frappe.db.delete(series.SERIES, {"span": "Day"})
	long_ago = begin - 8 * 24 * AN_HOUR
	assert series.points("requests", long_ago, next_hour, tenant=tenant)[0] == (begin + 59 * 60, 59)
	assert series.points("load_1", long_ago, next_hour, bench=bench_record)[0] == (begin + 59 * 60, 2.95)


def test_what_many_tenants_did_lately_is_told_at_once(series, tenant, bench_record):
	now = int(time.time())
	for seconds in (1800, 120, 60):
		series.keep(sample_at(bench_record, now - seconds, seconds))
	found = series.recent([tenant, "nobody"], now - 900)
	assert {at: of["requests"] for at, of in found[tenant].items()} == {now - 120: 120, now - 60: 60}
	assert found["nobody"] == {} and series.recent([], now) == {}


def test_what_is_old_goes_and_what_is_not_yet_added_stays(frappe, series, tenant, bench_record):
	from buildpro_saas.monitoring.spans import KEPT_FOR

	old = int(time.time()) - KEPT_FOR["Hour"] - 7200
	series.keep(sample_at(bench_record, old, 1))
	series.prune()
	assert frappe.db.count(series.SERIES, {"span": "Hour"}) == 2
	now = int(time.time())
	series.keep(sample_at(bench_record, now, 2))
	series.prune()
	assert frappe.db.count(series.SERIES, {"span": "Hour"}) == 2
	assert series.points("requests", old - 1, tenant=tenant) == [(old, 1), (now, 2)]


def test_who_gets_the_name_of_a_tenant_that_is_gone_gets_nothing_of_its_numbers(
	frappe, series, tenant, bench_record
):
	series.keep(sample_at(bench_record, int(time.time()), 7))
	frappe.db.delete("Tenant", {"name": tenant})
	series.prune()
	assert series.latest(tenant=tenant) == {} and series.latest(bench=bench_record)["load_1"] == 0.7


def test_a_tenants_numbers_go_with_it_when_it_is_renamed(frappe, series, tenant, bench_record):
	from frappe.model.rename_doc import rename_doc

	now = int(time.time())
	series.keep(sample_at(bench_record, now, 7))
	rename_doc("Tenant", tenant, "metrics-renamed", force=True, show_alert=False)
	assert series.latest(tenant="metrics-renamed")["requests"] == 7
	assert series.latest(tenant=tenant) == {}


def test_a_disk_that_fills_up_is_told(series, bench_record):
	from buildpro_saas.monitoring import outlook
	from buildpro_saas.monitoring.samples import Sample

	now, gb = int(time.time()), 10**9
	for turn in range(120):
		numbers = {"disk_free_bytes.sites": 200 * gb - turn * gb, "disk_free_inodes.sites": 1000}
		series.keep(Sample(bench_record, now - (119 - turn) * 60, numbers, {}))
	(found,) = outlook.full_in_days(bench_record).items()
	# 81 GB at 1 GB a minute
	assert found == (("sites", "bytes"), pytest.approx(81 / 1440, rel=0.05))


def test_an_operator_sees_each_tenant_in_a_row(series, tenant, bench_record, admin_site_name):
	from buildpro_saas.commands.metrics import shown, shown_rooms
	from buildpro_saas.monitoring import collecting, overview

	series.keep(collecting.collect(bench_record))
	found = overview.of_bench(bench_record)
	(row,) = [row for row in found["tenants"] if row["tenant"] == tenant]
	assert row["site"] == admin_site_name and row["numbers"]["database_bytes"] > 0
	row |= {"a_minute": {"requests": 12.5}, "latency": {"p50": 0.02, "p95": 1.5, "p99": 2.0}}
	told = as_text(shown([found]))
	assert all(words in told for words in (tenant, "12.5", "20 ms", "1500 ms"))
	room = overview.disk_space(bench_record)
	assert [row["tenant"] for row in room["sites"] if row["site"] == admin_site_name] == [tenant]
	assert tenant in as_text(shown_rooms([room]))


def as_text(tables) -> str:
	console = Console(width=300, file=io.StringIO())
	console.print(tables)
	return console.file.getvalue()


def test_rates_are_told_by_the_minute():
	from buildpro_saas.monitoring import overview

	points = [(0, {"requests": 100, "users_enabled": 1}), (60, {"requests": 104}), (120, {"requests": 3})]
	assert overview.a_minute(points) == {"requests": 3.5}
	assert overview.a_minute(points[:1]) == overview.a_minute([]) == {}


def test_nobody_writes_what_was_measured(frappe, series):
	with pytest.raises(frappe.PermissionError, match="by hand"):
		frappe.get_doc({"doctype": series.SERIES, "span": "Hour"}).insert()


def test_the_scheduler_measures_each_minute(frappe, series, bench_record):
	from buildpro_saas.monitoring import collecting
	from buildpro_saas.scheduled_jobs import ADMIN

	assert "buildpro_saas.monitoring.collecting.collect_all" in ADMIN["* * * * *"]
	try:
		collecting.collect_all()
		assert series.latest(bench=bench_record)["sites"] >= 1
	finally:
		frappe.db.delete(series.SERIES)
		frappe.db.commit()


# -- records -----------------------------------------------------------------------------------------------------------


def test_business_numbers_come_from_the_records(frappe, tenant):
	from buildpro_saas.monitoring import recorded

	before = _families(recorded)
	frappe.db.set_value("Plan", "Core", {"price": 50, "currency": "EUR", "billing_period": "Monthly"})
	frappe.get_doc(
		{
			"doctype": "Tenant Limit Level",
			"tenant": tenant,
			"limit_key": "max_users",
			"used": 9,
			"is_limited": 1,
			"value": 10,
		}
	).db_insert()
	frappe.get_doc(
		{"doctype": "Backup", "tenant": tenant, "status": "Kept", "taken_at": frappe.utils.now_datetime()}
	).db_insert()
	after = _families(recorded)
	assert before["tenants"]["Core", "Active"] == after["tenants"]["Core", "Active"] >= 1
	assert after["monthly_revenue"]["Core", "EUR"] >= 50
	assert (
		after["tenant_limit_used"][tenant, "max_users"] == 9
		and after["tenant_limit"][tenant, "max_users"] == 10
	)
	assert after["tenants_at_limit"]["near",] == before["tenants_at_limit"]["near",] + 1
	assert abs(after["tenant_backup_timestamp_seconds"][tenant,] - time.time()) < SECONDS


def _families(recorded) -> dict[str, dict]:
	return {name: dict(rows) for name, _help, _labels, rows in recorded.families()}
