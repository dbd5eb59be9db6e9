"""Uses of features on their way: memory, Redis, Feature Usage, the admin site; counted at most once, never in the way."""

import json
import os
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
import redis

USAGE = "Feature Usage"
TENANT = "su-acme"


def counts(frappe) -> dict:
	return {(row.feature, row.outcome): row["count"] for row in frappe.get_all(USAGE, fields=["*"])}


def count(usage, number: int, feature: str = "rfi", outcome: str = "ALLOWED") -> None:
	for _ in range(number):
		usage.count(feature, outcome)


def test_counting_asks_no_database(site, usage):
	asked = []
	site.frappe.db.sql, original = lambda *args, **kwargs: asked.append(args), site.frappe.db.sql
	try:
		count(usage, 3)
		usage.flush()
	finally:
		site.frappe.db.sql = original
	assert asked == []


def test_asking_counts_a_feature_once_a_request_with_what_shadow_mode_lets_through(site, usage, monkeypatch):
	site.apply(shadow=["bim"])
	site.gating.check_feature_access("rfi")
	assert not usage._waiting  # the admin site's own
	monkeypatch.setitem(site.frappe.local.conf, "buildpro_role", "tenant")
	for _request in range(2):
		site.frappe.local.cache.clear()
		for _ in range(3):
			assert site.gating.check_feature_access("rfi") and site.gating.check_feature_access("bim")
			assert not site.gating.get_feature_access("drones")
	usage.store()
	assert counts(site.frappe) == {("rfi", "ALLOWED"): 2, ("bim", "SHADOW"): 2, ("drones", "DENIED"): 2}


def test_what_is_counted_is_kept_by_day_and_added_up(site, usage):
	from buildpro_saas.tenant_site import utc_days

	count(usage, 3)
	count(usage, 2, "bim", "DENIED")
	usage.store()
	count(usage, 4)
	usage.store()
	usage.store()
	assert counts(site.frappe) == {("rfi", "ALLOWED"): 7, ("bim", "DENIED"): 2}
	assert {row.date for row in site.frappe.get_all(USAGE, fields=["date"])} == {utc_days.today()}


def test_a_request_hands_over_at_most_every_few_seconds(site, usage, monkeypatch):
	usage.flush()
	count(usage, 1)
	usage.flush_when_due()
	assert usage._waiting
	monkeypatch.setattr(usage, "_flushed_at", time.monotonic() - usage.FLUSH_SECONDS - 1)
	usage.flush_when_due()
	assert not usage._waiting


def test_clearing_the_cache_loses_nothing(site, usage):
	count(usage, 2)
	usage.flush()
	site.frappe.clear_cache()
	usage.store()
	assert counts(site.frappe) == {("rfi", "ALLOWED"): 2}


def test_what_a_crash_interrupts_is_not_counted_twice(site, usage, monkeypatch):
	count(usage, 2)
	usage.flush()
	with monkeypatch.context() as patch:
		patch.setattr(usage, "_add_row", lambda *row: 1 / 0)
		with pytest.raises(ZeroDivisionError):
			usage.store()
	site.frappe.db.rollback()
	count(usage, 5)
	usage.store()
	assert counts(site.frappe) == {("rfi", "ALLOWED"): 5}


def test_without_redis_counts_wait_in_memory_of_which_there_is_an_end(site, usage, monkeypatch):
	away = redis.Redis(port=1)
	with monkeypatch.context() as patch:
		patch.setattr(site.frappe, "cache", away)
		patch.setattr(usage, "MOST_WAITING", 2)
		count(usage, 3)
		count(usage, 1, "bim")
		count(usage, 1, "one too many")
		usage.flush()
		assert sorted(usage._waiting.values()) == [1, 3]
	usage.store()
	assert counts(site.frappe) == {("rfi", "ALLOWED"): 3, ("bim", "ALLOWED"): 1}


def test_a_connection_that_breaks_halfway_loses_rather_than_doubles(site, usage, monkeypatch):
	class Breaking:
		def ping(self):
			return True

		def pipeline(self, transaction):
			return SimpleNamespace(hincrby=lambda *a: None, expire=lambda *a: None, execute=self.breaks)

		def breaks(self):
			raise redis.exceptions.ConnectionError("gone")

	count(usage, 3)
	with monkeypatch.context() as patch:
		patch.setattr(site.frappe, "cache", Breaking())
		usage.flush()
	assert not usage._waiting


def test_a_forked_process_does_not_count_its_parents(usage):
	count(usage, 3)
	reading, writing = os.pipe()
	child = os.fork()
	if not child:
		os.write(writing, str(len(usage._waiting)).encode())
		os._exit(0)
	os.waitpid(child, 0)
	assert os.read(reading, 10) == b"0" and len(usage._waiting) == 1


def test_nobody_writes_what_was_counted(site, usage):
	count(usage, 1)
	usage.store()
	doc = site.frappe.get_doc(USAGE, site.frappe.get_all(USAGE, pluck="name")[0])
	doc.set("count", 0)
	with pytest.raises(site.frappe.PermissionError):
		doc.save(ignore_permissions=True)
	with pytest.raises(site.frappe.PermissionError):
		doc.delete(ignore_permissions=True)


def test_counting_costs_next_to_nothing(usage):
	runs = 100_000
	fastest = min(_seconds(usage, runs) for _ in range(3)) / runs
	print(f"count: {fastest * 1e6:.3f} µs")
	assert fastest < 10e-6  # about 1 µs; ten, so that a busy machine does not matter


def _seconds(usage, runs: int) -> float:
	begin = time.perf_counter()
	for _ in range(runs):
		usage.count("rfi", "ALLOWED")
	return time.perf_counter() - begin


# -- to the admin site -----------------------------------------------------------------------------------------------


def test_a_batch_is_sent_until_it_has_arrived_and_only_news_thereafter(site, usage):
	count(usage, 3)
	first = usage.to_send()
	again = usage.to_send()
	assert [row["count"] for row in first["rows"]] == [row["count"] for row in again["rows"]] == [3]
	assert json.loads(json.dumps(first)) == first
	usage.sent(again["id"])
	assert usage.to_send() is None
	count(usage, 2)
	assert [row["count"] for row in usage.to_send()["rows"]] == [5]


def test_what_is_counted_while_a_batch_is_under_way_is_sent_with_the_next(site, usage):
	count(usage, 1)
	batch = usage.to_send()
	count(usage, 1)
	usage.store()
	usage.sent(batch["id"])
	assert [row["count"] for row in usage.to_send()["rows"]] == [2]


def test_levels_are_sent_when_they_change(site, usage):
	from buildpro_saas.tenant_site import declared_limits, limit_usage

	limit_usage.keep(declared_limits.declared()["max_storage_gb"], lambda: 1.2)
	batch = usage.to_send()
	assert batch["levels"] == {"max_storage_gb": 2} and batch["rows"] == []
	usage.sent(batch["id"])
	assert usage.to_send() is None


@pytest.fixture
def tenant(site, usage):
	"""A tenant of this admin site, on the plan Core, that no job is made for."""
	doc = site.frappe.get_doc(
		{
			"doctype": "Tenant",
			"name": TENANT,
			"subdomain": TENANT,
			"plan": "Core",
			"company": "Acme",
			"owner_name": "Olga",
			"owner_email": "olga@su-acme.example",
			"status": "Active",
		}
	)
	doc.db_insert()
	return TENANT


def batch(rows: list, levels: dict | None = None) -> dict:
	return {"id": "b1", "rows": rows, "levels": levels or {}}


def row(count: object = 3, feature: object = "rfi", outcome: object = "ALLOWED", days_ago: int = 0) -> dict:
	from buildpro_saas.tenant_site import utc_days

	date = str(utc_days.today() - timedelta(days=days_ago))
	return {"date": date, "feature": feature, "outcome": outcome, "count": count}


def kept(frappe) -> list[tuple]:
	rows = frappe.get_all("Tenant Usage", fields=["*"], order_by="feature, date")
	return [(each.feature, each.allowed, each.denied, each.shadow) for each in rows]


def test_the_admin_site_keeps_uses_by_tenant_feature_and_day(site, tenant):
	from buildpro_saas.licensing import usage_reports

	usage_reports.receive(
		tenant, batch([row(3), row(2, outcome="DENIED"), row(1, days_ago=1), row(4, "max_users", "DENIED")])
	)
	assert kept(site.frappe) == [("max_users", 0, 4, 0), ("rfi", 1, 0, 0), ("rfi", 3, 2, 0)]


def test_a_batch_that_comes_twice_or_late_changes_nothing(site, tenant):
	from buildpro_saas.licensing import usage_reports

	early, late = batch([row(3)]), batch([row(5)])
	for each in (early, early, late, late, early):
		usage_reports.receive(tenant, each)
	assert kept(site.frappe) == [("rfi", 5, 0, 0)]


def test_what_nobody_can_believe_is_left_out(site, tenant):
	from buildpro_saas.entitlements import layers
	from buildpro_saas.licensing import usage_reports

	rows = [
		*(
			row(feature="no_such_feature"),
			row(feature=["rfi"]),
			row(outcome="MAYBE"),
			row(outcome=["ALLOWED"]),
		),
		*(row(-1), row(True), row("3"), row(None), row(days_ago=100), row(days_ago=-3)),
		*({**row(), "date": "yesterday"}, {}, "rfi", None),
		row(10**30, "bim"),
	]
	usage_reports.receive(
		tenant, batch(rows, {"max_users": 10**30, "No Key": 1, "max_projects": -1, "x": "1"})
	)
	assert kept(site.frappe) == [("bim", layers.MOST, 0, 0)]
	levels = site.frappe.get_all("Tenant Limit Level", fields=["limit_key", "used", "value", "is_over"])
	assert [tuple(level.values()) for level in levels] == [("max_users", layers.MOST, 10, 1)]


@pytest.mark.parametrize(
	"bad",
	[None, [], {}, {"id": 1, "rows": []}, {"id": "b", "rows": {}}, {"id": "b", "rows": [], "levels": []}],
)
def test_another_shape_is_refused(site, tenant, bad):
	from buildpro_saas.licensing import usage_reports

	with pytest.raises(site.frappe.ValidationError, match="no batch of usage"):
		usage_reports.receive(tenant, bad)


def test_a_flood_is_refused(site, tenant):
	from buildpro_saas.licensing import usage_reports

	with pytest.raises(site.frappe.ValidationError, match="at most"):
		usage_reports.receive(tenant, batch([row()] * 1001))
	with pytest.raises(site.frappe.ValidationError, match="at most"):
		usage_reports.receive(tenant, batch([], {f"limit_{number}": 1 for number in range(101)}))
	usage_reports.receive(tenant, batch([], {f"limit_{number}": 1 for number in range(80)}))
	assert site.frappe.db.count("Tenant Limit Level") == 0, "limits that nobody has were kept"


def test_what_an_app_of_the_bench_declares_is_kept_though_no_plan_has_it(site, tenant, monkeypatch):
	from buildpro_saas.licensing import usage_reports

	assert "construction_demo" not in site.frappe.get_installed_apps()
	declared = {"max_models": {"doctype": "BIM Model"}}
	monkeypatch.setattr("construction_demo.hooks.buildpro_limits", declared, raising=False)
	usage_reports.receive(tenant, batch([row(2, "max_models", "DENIED")], {"max_models": 7, "made_up": 1}))
	assert site.frappe.get_all("Tenant Limit Level", ["limit_key", "used", "is_limited"], as_list=True) == (
		("max_models", 7, 0),
	)
	assert kept(site.frappe) == [("max_models", 0, 2, 0)]


def test_an_app_without_code_on_the_bench_keeps_no_use_from_being_received(site, tenant, monkeypatch):
	from buildpro_saas.agent import door
	from buildpro_saas.licensing import usage_reports

	monkeypatch.setattr(door.Door, "app_names", lambda _bench: ["frappe", "no_such_app", "buildpro_saas"])
	usage_reports.receive(tenant, batch([], {"max_storage_gb": 2, "emails_per_day": 3}))
	assert site.frappe.db.count("Tenant Limit Level") == 2


def test_a_stranger_is_refused(site, tenant):
	from buildpro_saas.licensing import usage_reports

	with pytest.raises(site.frappe.ValidationError, match="There is no tenant"):
		usage_reports.receive("su-nobody", batch([row()]))


def test_levels_say_who_is_over(site, tenant):
	from buildpro_saas.licensing import usage_reports

	usage_reports.receive(tenant, batch([], {"max_users": 12, "max_companies": 1, "max_projects": 40}))
	rows = site.frappe.get_all("Tenant Limit Level", fields=["*"], order_by="limit_key")
	assert [
		(each.limit_key, each.used, each.value if each.is_limited else None, each.is_over) for each in rows
	] == [
		("max_companies", 1, 1, 0),
		("max_projects", 40, None, 0),
		("max_users", 12, 10, 1),
	]
	usage_reports.receive(tenant, batch([], {"max_users": 9}))
	assert site.frappe.db.get_value(
		"Tenant Limit Level", {"limit_key": "max_users"}, ["used", "is_over"]
	) == (9, 0)


def test_the_report_sums_up(site, tenant):
	from buildpro_saas.control_plane.report.feature_usage_by_tenant.feature_usage_by_tenant import execute
	from buildpro_saas.licensing import usage_reports

	usage_reports.receive(
		tenant, batch([row(3), row(4, days_ago=1), row(2, "bim", "DENIED"), row(9, days_ago=50)])
	)
	_columns, rows = execute({"tenant": tenant})
	assert [(each.plan, each.feature, each.allowed, each.denied) for each in rows] == [
		("Core", "bim", 0, 2),
		("Core", "rfi", 7, 0),
	]
	assert execute({"tenant": tenant, "feature": "bim", "plan": "Growth"})[1] == []


def test_only_jobs_write_what_sites_told(site, tenant):
	with pytest.raises(site.frappe.PermissionError):
		site.frappe.get_doc(
			{"doctype": "Tenant Usage", "tenant": tenant, "date": "2026-01-01", "feature": "rfi"}
		).insert()
