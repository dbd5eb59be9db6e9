"""Every fault that a diagnosis names, found by its name in facts as the looks bring them; and what is behind it."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.agent import errors
from buildpro_saas.entitlements import keys, layers, statement
from buildpro_saas.entitlements.statement import DAY
from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis import layers as order
from buildpro_saas.monitoring.diagnosis.diagnosing import judged
from buildpro_saas.monitoring.diagnosis.facts import Facts, Target
from buildpro_saas.monitoring.diagnosis.faults import Fault
from buildpro_saas.monitoring.diagnosis.seen import OK, UNKNOWN, WRONG, Diagnosis

NOW = 1_800_000_000.0
SITE = "acme.example.com"
KEY = keys.generate()
TARGET = Target(
	*("acme", SITE, "here", SITE, 8000), is_managed=True, is_asked=True, addresses=("203.0.113.7",)
)
GB = 10**9
DISK = {"bytes": 100 * GB, "free_bytes": 50 * GB, "inodes": 10**6, "free_inodes": 9 * 10**5}
QUEUE = {"waiting": 0, "of_site": 0, "oldest": 0.0, "next": None, "workers": 1, "busy": []}
JOB = {
	"id": f"{SITE}::1",
	"site": SITE,
	"what": "frappe.email.queue.flush",
	"seconds": 400.0,
	"queue": "long",
}
REDIS = {
	**{"place": "redis://127.0.0.1:13000", "says": "", "used": 10**6, "most": 10**8, "evicts": False},
	**{"is_loading": False, "is_replica": False, "cannot_save": []},
}
HELD_ROW = {"id": 7, "is_own": True, "seconds": 240, "is_idle": True, "statement": "", "changed": 1}
WAIT = {"seconds": 30, "statement": "update `tabItem` set `x` = ?", "by": HELD_ROW}


def token(valid_days=30.0, grace_days=7.0, ago=DAY, **data) -> str:
	given_data = {
		"tenant": "acme",
		"site": SITE,
		"layers": layers.single_plan("Growth", ["rfi"], {"max_users": {"value": 10, "is_hard": True}}),
	}
	times = {"valid_days": valid_days, "grace_days": grace_days, "sequence": 5, "now": NOW - ago}
	return statement.issue(KEY, given_data | data, **times)


def stages(**wrong: str) -> list[dict]:
	"""A walk as it went; wrong: {stage: its sentence}, after which nothing was asked."""
	found = []
	for name in ("DNS", "TCP", "TLS", "HTTP"):
		said = wrong.get(name)
		found.append(
			{
				**{
					"name": name,
					"is_ok": said is None,
					"sentence": said or f"{name} is fine.",
					"seconds": 0.1,
				},
				"addresses": ["203.0.113.7"],
			}
		)
		if said:
			break
	return found


def well() -> dict:
	"""Facts of a site with which nothing is wrong."""
	bench = {
		"folder": {
			**{
				"is_there": True,
				"config": "ok",
				"says": "",
				"apps": ["frappe", "buildpro_saas"],
				"assets": [],
			},
			"told": {
				**{"db_name": "_acme", "buildpro_sequence": 5, "buildpro_clock": NOW - 600},
				"buildpro_public_keys": {KEY["kid"]: KEY["public"]},
			},
			"entitlement": {"token": token(), "catalogue": None},
		},
		"web": {"port": 8000, "status": 200, "seconds": 0.02, "trouble": "", "says": ""},
		"mariadb": {
			"server": {
				**{
					"trouble": "",
					"says": "",
					"is_read_only": False,
					"connections": 9,
					"most_connections": 151,
				},
				**{"version": "10.11", "offset": 0.0, "disk": DISK, "counts_users": False},
			},
			"site": {"trouble": "", "says": "", "has_database": True},
			"locks": {"says": "", "waits": [], "tables": [], "open": []},
			"statements": [],
		},
		"tables": {
			"scheduler": {"is_enabled": True, "ran": 60.0, "active": 60.0, "dormant_days": 4, "stopped": 0},
			"mail": {"waiting": 0, "oldest": 0.0, "failed": 0, "why": "", "servers": []},
			"installed": ["frappe", "buildpro_saas"],
			"limits": {"max_users": 3.0},
			"errors": 0,
		},
		"migrate": {"reasons": []},
		"redis": {
			"servers": {name: dict(REDIS) for name in ("redis_cache", "redis_queue", "redis_socketio")}
		},
		"queues": {
			**{"says": "", "lost": [], "failed": 0},
			"queues": {name: dict(QUEUE) for name in ("short", "default", "long")},
		},
		"machine": {
			**{
				"disks": {"sites": dict(DISK)},
				"memory": 16000,
				"free": 9000,
				"swap": 0,
				"load": 0.5,
				"cpus": 4,
			},
			**{"kills": 0, "now": NOW, "schedulers": 1},
		},
		"proxy": {
			**{"mode": "own", "is_running": True, "release": "r1", "hosts": 3, "set_aside": {}, "reloads": 1},
			**{"dying_workers": 0, "problem": ""},
		},
	}
	for look in bench.values():
		look["fault"] = ""
	records = {
		**{"status": "Active", "why": "", "plan": "Growth", "sequence": "5", "delivery_failing": None},
		**{"limits": {}, "at_work": [], "failed": None, "changes": [], "last_backup": 3600.0, "offset": 0.0},
	}
	return {"way": stages(), "at_proxy": stages(), "bench": bench, "records": records}


def changed(facts: dict, path: str, value: object) -> dict:
	"""The facts with another value at a path such as bench.web.status."""
	facts = copy.deepcopy(facts)
	*parents, last = path.split("/")
	place = facts
	for name in parents:
		place = place[name]
	place[last] = value
	return facts


def diagnosis(facts: dict, target: Target = TARGET) -> Diagnosis:
	now = facts["bench"].get("machine", {}).get("now", NOW) if facts["bench"] else 0.0
	return Diagnosis(*("acme", SITE, SITE, 0.1), judged(Facts(target, **facts, now=now)))


def test_nothing_is_wrong():
	found = diagnosis(well())
	assert [(each.layer, each.sentence) for each in found.seen if each.state != OK] == []
	assert found.first is None and found.summary == f"Nothing wrong was found with {SITE}."
	assert list(dict.fromkeys(each.layer for each in found.seen)) == list(order.ORDER)


CONFIG, MAIL = "bench/folder/told", "bench/tables/mail"
# fault: (what is otherwise, as {path in the facts: value}; the layer that names it)
CASES: list[tuple[Fault, dict[str, object], str]] = [
	(faults.NAME_NOT_RESOLVED, {"way": stages(DNS="acme.example.com does not exist, says ns1.")}, order.DNS),
	(
		faults.WRONG_ADDRESS,
		{"way": [{**each, "addresses": ["198.51.100.1"]} for each in stages()]},
		order.DNS,
	),
	(
		faults.WRONG_ADDRESS,
		{
			"way": stages(
				DNS="acme.example.com has 10.0.0.1, an address of a private network: nobody reaches it."
			)
		},
		order.DNS,
	),
	(
		faults.PORT_CLOSED,
		{"way": stages(TCP="Port 443 of 203.0.113.7 does not answer (refused).")},
		order.TCP,
	),
	(
		faults.CERTIFICATE_WRONG,
		{"way": stages(TLS="203.0.113.7 shows a certificate of other names.")},
		order.TLS,
	),
	(faults.CERTIFICATE_EXPIRED, {"way": stages(TLS="… shows a certificate that has expired.")}, order.TLS),
	(faults.PROXY_DOWN, {"bench/proxy/is_running": False}, order.PROXY),
	(
		faults.PROXY_DOWN,
		{"at_proxy": stages(TCP="Port 443 of 127.0.0.1 does not answer (refused).")},
		order.PROXY,
	),
	(
		faults.NAME_NOT_SERVED,
		{"bench/proxy/set_aside": {SITE: "its certificate cannot be read."}},
		order.PROXY,
	),
	(faults.NAME_NOT_SERVED, {"at_proxy": stages(HTTP=f"https://{SITE}/api answers 404.")}, order.PROXY),
	(faults.CERTIFICATE_EXPIRED, {"at_proxy": stages(TLS="… a certificate that has expired.")}, order.PROXY),
	(faults.WEB_DOWN, {"bench/web/trouble": "refused", "bench/web/status": 0}, order.WEB),
	(faults.WEB_BUSY, {"bench/web/trouble": "late", "bench/web/status": 0}, order.WEB),
	(faults.FOLDER_MISSING, {"bench/folder/is_there": False, "bench/folder/config": "missing"}, order.SITE),
	(faults.CONFIG_MISSING, {"bench/folder/config": "missing"}, order.SITE),
	(
		faults.CONFIG_BROKEN,
		{"bench/folder/config": "damaged", "bench/folder/says": "It cannot be read."},
		order.SITE,
	),
	(faults.IN_MAINTENANCE, {f"{CONFIG}/maintenance_mode": 1}, order.SITE),
	(
		faults.HELD,
		{f"{CONFIG}/maintenance_mode": 1, f"{CONFIG}/buildpro_held_by": {"by": "PJ-1", "since": "today"}},
		order.SITE,
	),
	(faults.APP_MISSING, {"bench/tables/installed": ["frappe", "crm"]}, order.SITE),
	(faults.ASSETS_MISSING, {"bench/folder/assets": ["assets/frappe/dist/js/desk.bundle.X.js"]}, order.SITE),
	(faults.MIGRATE_PENDING, {"bench/migrate/reasons": ["patches: frappe.patches.v1"]}, order.SITE),
	(
		faults.DATABASE_DOWN,
		{"bench/mariadb/server": {"trouble": errors.AWAY, "says": "Can't connect"}},
		order.MARIADB,
	),
	(
		faults.DATABASE_DOWN,
		{"bench/mariadb/server": {"trouble": errors.LATE, "says": "timed out"}},
		order.MARIADB,
	),
	(faults.DATABASE_DOWN, {"bench/mariadb": {"fault": "not within 3 s", "is_late": True}}, order.MARIADB),
	(
		faults.NO_CONNECTIONS,
		{"bench/mariadb/server": {"trouble": errors.NO_CONNECTION, "says": "Too many connections"}},
		order.MARIADB,
	),
	(faults.NO_CONNECTIONS, {"bench/mariadb/server/connections": 150}, order.MARIADB),
	(faults.PASSWORD_WRONG, {"bench/mariadb/site/trouble": errors.DENIED}, order.MARIADB),
	(faults.DATABASE_MISSING, {"bench/mariadb/site/trouble": errors.NO_DATABASE}, order.MARIADB),
	(
		faults.DATABASE_MISSING,
		{"bench/mariadb/site/trouble": errors.DENIED, "bench/mariadb/site/has_database": False},
		order.MARIADB,
	),
	(faults.READ_ONLY, {"bench/mariadb/server/is_read_only": True}, order.MARIADB),
	(faults.DISK_FULL, {"bench/mariadb/server/disk": {**DISK, "free_bytes": 0}}, order.DISK),
	(faults.DATABASE_DISK_FULL, {"bench/mariadb/site/trouble": errors.FULL}, order.MARIADB),
	(faults.LOCK_HELD, {"bench/mariadb/locks/waits": [WAIT]}, order.MARIADB),
	(
		faults.LOCK_HELD,
		{
			"bench/mariadb/locks/tables": [
				{"seconds": 9.0, "state": "Waiting for table metadata lock", "statement": "alter table `x`"}
			]
		},
		order.MARIADB,
	),
	(
		faults.LOCK_HELD,
		{
			"bench/mariadb/locks/open": [
				{"id": 7, "seconds": 300, "command": "Sleep", "changed": 3, "statement": ""}
			]
		},
		order.MARIADB,
	),
	(
		faults.STATEMENT_SLOW,
		{"bench/mariadb/statements": [{"id": 3, "seconds": 40.0, "state": "", "statement": "select ?"}]},
		order.MARIADB,
	),
	*(
		(faults.REDIS_DOWN, {f"bench/redis/servers/{name}/says": "Connection refused"}, layer)
		for name, layer in (
			("redis_cache", order.REDIS_CACHE),
			("redis_queue", order.REDIS_QUEUE),
			("redis_socketio", order.REDIS_SOCKETIO),
		)
	),
	(faults.REDIS_FULL, {"bench/redis/servers/redis_queue/used": 10**8}, order.REDIS_QUEUE),
	(
		faults.REDIS_CANNOT_SAVE,
		{"bench/redis/servers/redis_queue/cannot_save": ["rdb_last_bgsave_status"]},
		order.REDIS_QUEUE,
	),
	(faults.REDIS_CANNOT_SAVE, {"bench/redis/servers/redis_cache/is_replica": True}, order.REDIS_CACHE),
	(faults.SCHEDULER_OFF, {"bench/tables/scheduler/is_enabled": False}, order.SCHEDULER),
	(faults.SCHEDULER_PAUSED, {f"{CONFIG}/pause_scheduler": 1}, order.SCHEDULER),
	(
		faults.SCHEDULER_DOWN,
		{"bench/machine/schedulers": 0, "bench/tables/scheduler/ran": 7200.0},
		order.SCHEDULER,
	),
	(faults.SCHEDULER_DORMANT, {"bench/tables/scheduler/active": 9 * DAY}, order.SCHEDULER),
	(faults.SCHEDULER_STUCK, {"bench/tables/scheduler/ran": 7200.0}, order.SCHEDULER),
	(faults.NO_WORKER, {"bench/queues/queues/short/workers": 0}, order.WORKERS),
	(
		faults.QUEUE_STUCK,
		{"bench/queues/queues/long": {**QUEUE, "waiting": 4, "oldest": 300.0, "busy": [JOB]}},
		order.WORKERS,
	),
	(
		faults.QUEUE_STUCK,
		{"bench/queues/queues/long": {**QUEUE, "waiting": 4, "oldest": 300.0}},
		order.WORKERS,
	),
	(faults.JOB_LOST, {"bench/queues/lost": [JOB]}, order.WORKERS),
	(
		faults.MAIL_BROKEN,
		{f"{MAIL}/servers": [{"place": "mail.example:25", "says": "Connection refused"}]},
		order.MAIL,
	),
	(faults.MAIL_FAILED, {f"{MAIL}/failed": 3, f"{MAIL}/why": "SMTPAuthenticationError"}, order.MAIL),
	(faults.MAIL_WAITS, {f"{MAIL}/waiting": 3, f"{MAIL}/oldest": 7200.0}, order.MAIL),
	(faults.DISK_FULL, {"bench/machine/disks/sites": {**DISK, "free_bytes": 4 * GB}}, order.DISK),
	(faults.INODES_GONE, {"bench/machine/disks/sites": {**DISK, "free_inodes": 12}}, order.DISK),
	(faults.MEMORY_LOW, {"bench/machine/free": 90}, order.MEMORY),
	(faults.CLOCK_OFF, {f"{CONFIG}/buildpro_clock": NOW + 3 * DAY}, order.CLOCK),
	(faults.CLOCK_OFF, {"bench/mariadb/server/offset": -90.0}, order.CLOCK),
	(faults.CLOCK_OFF, {"records/offset": 40.0}, order.CLOCK),
	(faults.ENTITLEMENT_EXPIRED, {"bench/folder/entitlement/token": token(ago=60 * DAY)}, order.ENTITLEMENT),
	(faults.ENTITLEMENT_IN_GRACE, {"bench/folder/entitlement/token": token(ago=32 * DAY)}, order.ENTITLEMENT),
	(faults.ENTITLEMENT_INVALID, {"bench/folder/entitlement": {}}, order.ENTITLEMENT),
	(faults.ENTITLEMENT_INVALID, {f"{CONFIG}/buildpro_sequence": 9}, order.ENTITLEMENT),
	(faults.NOT_DELIVERED, {"records/sequence": "8"}, order.ENTITLEMENT),
	(faults.NOT_DELIVERED, {"records/delivery_failing": 900.0}, order.ENTITLEMENT),
	(faults.SUSPENDED, {"records/status": "Suspended", "records/why": "not paid"}, order.ENTITLEMENT),
	(faults.SUSPENDED, {"bench/folder/entitlement/token": token(status="Suspended")}, order.ENTITLEMENT),
	(faults.NO_SITE, {"records/status": "Archived"}, order.ENTITLEMENT),
	(faults.LIMIT_REACHED, {"bench/tables/limits": {"max_users": 10.0}}, order.LIMITS),
	(
		faults.JOB_FAILED,
		{"records/failed": {"name": "PJ-1", "title": "Migrate: acme", "status": "Failed", "ago": 60.0}},
		order.JOBS,
	),
	(faults.ANSWERS_WRONG, {"bench/web/status": 500}, order.ANSWER),
	(faults.ANSWERS_WRONG, {"bench/web/status": 404}, order.ANSWER),
]


def with_changes(changes: dict[str, object]) -> dict:
	facts = well()
	for path, value in changes.items():
		facts = changed(facts, path, value)
	return facts


@pytest.mark.parametrize(
	("fault", "changes", "layer"), CASES, ids=[f"{fault.name}-{n}" for n, (fault, *_) in enumerate(CASES)]
)
def test_a_fault_is_found_by_its_name_and_is_the_first(fault, changes, layer):
	found = diagnosis(with_changes(changes))
	first = found.first
	assert first and (first.fault, first.layer, first.state) == (fault.name, layer, WRONG), found.as_dict()
	assert first.advice and "TENANT" not in first.advice and first.sentence.endswith((".", "!"))
	others = [each for each in found.seen if each.state == WRONG and not each.behind and each.layer != layer]
	assert others == []


def test_every_fault_has_a_case():
	known = {each.name for each in vars(faults).values() if isinstance(each, Fault)}
	assert known == {fault.name for fault, *_ in CASES}


def test_what_a_dead_server_makes_wrong_is_behind_it():
	facts = with_changes(
		{
			"bench/mariadb/server": {"trouble": errors.AWAY, "says": "Can't connect"},
			"bench/tables": {"fault": "Can't connect"},
			"bench/migrate": {"fault": "Can't connect"},
			"bench/web/status": 500,
			"bench/queues/queues/long": {**QUEUE, "waiting": 4, "oldest": 300.0, "busy": [JOB]},
		}
	)
	found = diagnosis(facts)
	assert found.first.fault == faults.DATABASE_DOWN.name
	assert found.behind_it == [order.WORKERS, order.ANSWER]
	assert found.summary.endswith(f"Behind it: {order.WORKERS}, {order.ANSWER}.")
	assert {each.layer for each in found.seen if each.state == UNKNOWN} == {
		order.SITE,
		order.SCHEDULER,
		order.MAIL,
	}


def test_what_only_hinders_is_told_after_what_stops():
	found = diagnosis(with_changes({"bench/migrate/reasons": ["patches: x"], "bench/web/trouble": "refused"}))
	assert found.first.fault == faults.WEB_DOWN.name
	found = diagnosis(
		with_changes({"bench/migrate/reasons": ["patches: x"], "bench/mariadb/server/is_read_only": True})
	)
	assert found.first.fault == faults.READ_ONLY.name and faults.MIGRATE_PENDING.name in found.faults


def test_the_scheduler_of_a_closed_site_rests_behind_it():
	found = diagnosis(with_changes({f"{CONFIG}/maintenance_mode": 1, "bench/web/status": 503}))
	assert found.first.fault == faults.IN_MAINTENANCE.name
	assert found.behind_it == [order.SCHEDULER, order.ANSWER]


def test_a_name_of_this_machine_alone_is_not_asked_for():
	target = Target("acme", "acme.localhost", "here", "acme.localhost", 8000)
	found = diagnosis({**well(), "way": [], "at_proxy": []}, target)
	ours = [each for each in found.seen if each.layer in (order.DNS, order.TCP, order.TLS, order.PROXY)]
	assert [each.state for each in ours] == [OK] * 4


def test_a_bench_that_does_not_answer_leaves_what_the_records_and_the_dns_say():
	facts = {**well(), "bench": {}, "bench_fault": "The bench does not answer."}
	found = diagnosis(facts)
	assert {each.layer for each in found.seen if each.state == OK} == {
		order.DNS,
		order.TCP,
		order.TLS,
		order.JOBS,
	}
	assert found.first is None and "Not looked at: Proxy, Web workers" in found.summary


def test_without_records_all_else_is_told():
	facts = {**well(), "records": {}, "records_fault": "MariaDB says no."}
	found = diagnosis(facts)
	assert [each.layer for each in found.seen if each.state != OK] == [order.JOBS]
	assert found.first is None


@given(st.data())
def test_whatever_looks_fail_all_layers_are_told(data):
	"""It stops nowhere: each look may have failed by itself, and several things may be wrong at once."""
	facts = well()
	for changes in data.draw(st.lists(st.sampled_from([case[1] for case in CASES]), max_size=4)):
		for path, value in changes.items():
			try:
				facts = changed(facts, path, value)
			except (KeyError, TypeError):  # an earlier change took its place away
				continue
	for look in data.draw(st.lists(st.sampled_from(sorted(facts["bench"])), unique=True, max_size=9)):
		facts["bench"][look] = {"fault": "It failed.", "is_late": data.draw(st.booleans())}
	found = diagnosis(facts)
	told = {each.layer for each in found.seen}
	redis = {order.REDIS_CACHE, order.REDIS_QUEUE, order.REDIS_SOCKETIO}
	assert told >= set(order.ORDER) - redis
	assert all(each.fault and each.advice for each in found.seen if each.state == WRONG)
	assert found.as_dict()["summary"]
