"""What checks find in facts: plain data in, plain data out. The facts are as an operation and the records tell them."""

import copy
from datetime import datetime

import pytest

from buildpro_saas.agent import unattended_updates
from buildpro_saas.agent.health_facts import NO_FOLDER, NOT_ASKED, REFUSED
from buildpro_saas.monitoring import bench_parts, checks, excuses
from buildpro_saas.monitoring.checks.check import CRITICAL, INFO, WARNING

DAY, HOUR, GB = 24 * 3600, 3600, 10**9
NOW = 1_800_000_000.0
UP = {"kind": "", "status": 200, "is_itself": True, "error": "", "hint": "", "seconds": 0.01}
DISK = {"bytes": 100 * GB, "free_bytes": 50 * GB, "inodes": 10**6, "free_inodes": 9 * 10**5}
SITE = {
	"is_scheduler_enabled": 1,
	"scheduler_ran_at": NOW - 60,
	"seen_at": NOW - 60,
	"mails_failed": 0,
	"mails_waiting": 0,
}
READING = {
	"at": NOW,
	"machine": {"up_since": NOW - 30 * DAY, "disks": {"sites": DISK}},
	"mariadb": {"connections": 20, "connections_limit": 300, "is_read_only": 0},
	"redis": {
		"redis_cache": {"memory_bytes": GB, "memory_limit_bytes": GB, "write_errors": 0},
		"redis_queue": {"memory_bytes": 10**6, "memory_limit_bytes": 0, "write_errors": 0},
	},
	"queues": {"default": {"length": 0, "oldest_seconds": 0.0}, "long": {"length": 1, "oldest_seconds": 5.0}},
	"workers": [{"name": "w1", "queues": ["default", "long"], "is_dead": False}],
	"sites": {f"t{number}.example.com": SITE for number in range(4)},
}
TENANT = {
	**{"bench": "b1", "engaged": "", "closed": "", "closed_by_us": False, "paused": False},
	**{"backups_per_day": 1, "has_backup": True, "backup_age": HOUR, "drill_error": "", "drill_age": DAY},
	**{"delivery_failing": 0.0, "renewal_overdue": 0.0, "entitlement_left": 20 * DAY},
}


def facts() -> dict:
	"""Facts in which all is well, free to be changed."""
	return copy.deepcopy(
		{
			"site": "admin.example.com",
			"has_recovery_key": True,
			"own_backup": "",
			"own_drill": "",
			"tenants": {f"t{number}": {**TENANT, "site": f"t{number}.example.com"} for number in range(4)},
			**{"jobs": [], "stores": [], "certificates": [], "drift": {}, "security": {"b1": []}},
			"benches": {"b1": bench(READING)},
		}
	)


def bench(reading: dict, full_in: dict | None = None) -> dict:
	found = bench_parts.parts(reading, least=0.0, full_in=full_in or {})
	if "at" in found["machine"]:
		found["machine"]["clock"] = 0.0
	return {**found, "answers": {site: UP for site in READING["sites"]}, "proxied": {}, "quiet": ""}


def reading(**parts) -> dict:
	return {**copy.deepcopy(READING), **parts}


def found(of: dict) -> dict[str, str]:
	"""{identity: severity} of all that is found, without what something else brings about."""
	all_of = [finding for looked in checks.look(of) for finding in looked.findings]
	identities = {finding.identity for finding in all_of}
	for finding in all_of:
		assert finding.sentence and finding.advice, finding
		assert checks.OF.get(finding.check), finding.check
	return {finding.identity: finding.severity for finding in all_of if finding.cause not in identities}


def test_where_all_is_well_nothing_is_found():
	assert found(facts()) == {}
	assert all(looked.unseen == "" for looked in checks.look(facts()))


def answers(of: dict, **changes) -> dict:
	of["benches"]["b1"]["answers"] = {site: {**UP, **changes} for site in READING["sites"]}
	return of


def test_one_site_that_does_not_answer():
	for answer in (
		{"status": 0, "is_itself": False, "error": "there was no answer."},
		{"status": 500, "is_itself": False},
		{"status": 200, "is_itself": False},
		{
			"kind": NO_FOLDER,
			"status": 0,
			"is_itself": False,
			"error": "There is no site.",
			"hint": "Restore it.",
		},
	):
		of = facts()
		of["benches"]["b1"]["answers"]["t1.example.com"] = {**UP, **answer}
		assert found(of) == {"site.down|t1": CRITICAL}


def test_what_all_sites_need_is_the_cause():
	nothing = {"kind": REFUSED, "status": 0, "is_itself": False, "error": "nothing listens there."}
	assert found(answers(facts(), **nothing)) == {"web.down|Web server of b1": CRITICAL}
	broken = {"status": 500, "is_itself": False}
	of = facts()
	of["benches"]["b1"] = bench(reading(mariadb={"error": "It refused."}))
	assert found(answers(of, **broken)) == {"mariadb.down|MariaDB of b1": CRITICAL}
	of = facts()
	of["benches"]["b1"] = bench(reading(redis={**READING["redis"], "redis_cache": {"error": "It refused."}}))
	assert found(answers(of, **broken)) == {"redis.down|redis_cache of b1": CRITICAL}
	# and nothing is blamed that is not known to be down
	assert len(found(answers(facts(), **broken))) == 4


def test_a_bench_that_does_not_answer_is_one_finding_and_missing_data_says_so():
	of = facts()
	of["benches"]["b1"] = {"missed": "Its Python is gone.", "advice": ""}
	assert found(of) == {"bench.unseen|b1": CRITICAL}
	of = facts()
	of["benches"]["b1"]["machine"] = {"missed": "It may not be read."}
	assert found(of) == {"bench.blind|b1: machine": WARNING}
	excused = excuses.of(of, checks.look(of))
	assert excused.why("disk.room", "b1", "") and not excused.why("workers.missing", "b1", "t1")


def test_queues_and_workers():
	dead = {"name": "w2", "queues": ["long"], "is_dead": True}
	assert found_in(reading(workers=[*READING["workers"], dead])) == {"workers.dead|b1": INFO}
	assert found_in(reading(workers=[dead])) == {
		"workers.dead|b1": INFO,
		"workers.missing|Queue default of b1": CRITICAL,
		"workers.missing|Queue long of b1": CRITICAL,
	}
	waiting = {**READING["queues"], "long": {"length": 7, "oldest_seconds": 3600.0}}
	assert found_in(reading(queues=waiting)) == {"workers.waiting|Queue long of b1": WARNING}
	# Redis is away, and is told: that the queues were not seen is no news
	away = {
		"redis": {**READING["redis"], "redis_queue": {"error": "It refused."}},
		"queues_error": "It refused.",
	}
	assert found_in(reading(**away)) == {"redis.down|redis_queue of b1": CRITICAL}


def found_in(of: dict, **how) -> dict[str, str]:
	whole = facts()
	whole["benches"]["b1"] = bench(of, **how)
	return found(whole)


@pytest.mark.parametrize(
	("disk", "expected"),
	[
		({"free_bytes": 9 * GB}, {"disk.room|b1: sites": WARNING}),
		({"free_bytes": 3 * GB}, {"disk.room|b1: sites": CRITICAL}),
		({"free_inodes": 10}, {"disk.inodes|b1: sites": CRITICAL}),
		({"inodes": 0, "free_inodes": 0}, {}),  # a file system without
	],
)
def test_disks(disk, expected):
	machine = {**READING["machine"], "disks": {"sites": {**DISK, **disk}}}
	assert found_in(reading(machine=machine)) == expected


def test_a_disk_that_will_be_full():
	assert found_in(READING, full_in={("sites", "bytes"): 3.0}) == {"disk.forecast|b1: sites": WARNING}
	assert found_in(READING, full_in={("sites", "bytes"): 30.0}) == {}


def test_the_limits_of_servers():
	assert found_in(reading(mariadb={**READING["mariadb"], "connections": 250})) == {
		"mariadb.connections|MariaDB of b1": WARNING
	}
	assert found_in(reading(mariadb={**READING["mariadb"], "is_read_only": 1})) == {
		"mariadb.read_only|MariaDB of b1": CRITICAL
	}
	queue = {"memory_bytes": 95, "memory_limit_bytes": 100, "write_errors": 1}
	assert found_in(reading(redis={**READING["redis"], "redis_queue": queue})) == {
		"redis.memory|redis_queue of b1": WARNING,
		"redis.persistence|redis_queue of b1": WARNING,
	}


def test_schedulers_and_mail():
	sites = {site: dict(SITE) for site in READING["sites"]}
	sites["t0.example.com"]["scheduler_ran_at"] = NOW - 5 * HOUR
	sites["t1.example.com"] |= {
		"scheduler_ran_at": NOW - 5 * HOUR,
		"seen_at": NOW - 10 * DAY,
	}  # nobody is there
	sites["t2.example.com"]["is_scheduler_enabled"] = 0
	sites["t3.example.com"]["mails_failed"] = 50
	assert found_in(reading(sites=sites)) == {
		"site.scheduler|t0": WARNING,
		"site.scheduler|t2": WARNING,
		"site.mail|t3": WARNING,
	}
	stale = {site: {**SITE, "scheduler_ran_at": NOW - 5 * HOUR} for site in READING["sites"]}
	assert found_in(reading(sites=stale)) == {"scheduler.down|Scheduler of b1": CRITICAL}


def test_a_site_that_is_closed_is_told_by_who_closed_it():
	of = facts()
	of["benches"]["b1"]["answers"]["t1.example.com"] = {**UP, "status": 503, "is_itself": False}
	of["tenants"]["t1"] |= {"closed": "In maintenance by somebody in a shell.", "paused": True}
	assert found(of) == {"site.closed|t1": WARNING}
	of["tenants"]["t1"]["closed_by_us"] = True
	assert found(of) == {"site.closed|t1": INFO}


def test_sites_through_the_proxy():
	of = facts()
	broken = {**UP, "status": 502, "is_itself": False}
	of["benches"]["b1"]["proxied"] = {site: UP for site in READING["sites"]}
	of["benches"]["b1"]["proxied"]["t1.example.com"] = broken
	of["benches"]["b1"]["proxied"]["t2.example.com"] = {**UP, "status": 301, "is_itself": False}
	assert found(of) == {"site.proxy|t1": CRITICAL}
	of["benches"]["b1"]["proxied"] = {site: broken for site in READING["sites"]}
	assert found(of) == {"proxy.down|Proxy of b1": CRITICAL}


def test_sites_for_which_no_time_was_left_are_not_said_to_be_down():
	of = facts()
	left = {"kind": NOT_ASKED, "status": 0, "is_itself": False, "error": "No time was left to ask it."}
	of["benches"]["b1"]["answers"]["t1.example.com"] = {**UP, **left}
	assert found(of) == {"site.unasked|b1": WARNING}


def test_backups_drills_and_stores():
	of = facts()
	of["tenants"]["t0"]["backup_age"] = 2.5 * DAY
	of["tenants"]["t1"] |= {"has_backup": False, "backup_age": 3 * DAY}
	of["tenants"]["t2"]["drill_error"] = "tabNote differs"
	of["tenants"]["t3"] |= {"backups_per_day": 0, "has_backup": False, "backup_age": 99 * DAY}
	of["stores"] = [store("t0", check_error="a pack is gone"), store("t1", offsite_error="no key")]
	assert found(of) == {
		"backup.late|t0": CRITICAL,
		"backup.late|t1": CRITICAL,
		"backup.drill|t2": CRITICAL,
		"backup.store|Backups of t0": CRITICAL,
		"backup.offsite|Offsite backups of t1": WARNING,
	}
	of = facts()
	of["stores"] = [store(f"t{number}", offsite_error="The bucket is gone") for number in range(3)]
	assert found(of) == {"backup.offsite.all|Offsite backups": WARNING}
	of = {**facts(), "has_recovery_key": False}
	assert found(of) == {"backup.key|Recovery key": CRITICAL}


def store(tenant: str, **errors) -> dict:
	row = {"whose": tenant, "tenant": tenant, "bench": "b1", "check_error": "", "offsite_error": ""}
	return {**row, **errors}


def test_records_of_other_kinds():
	of = facts()
	of["certificates"] = [
		{
			"names": "a.example",
			"level": level,
			"sentence": "It ends.",
			"error": "",
			"bench": "b1",
			"tenant": "",
		}
		for level in ("Notice", "Expired")
	]
	of["certificates"][1]["names"] = "b.example"
	of["tenants"]["t0"] |= {"renewal_overdue": 2.0 * DAY, "entitlement_left": 2.0 * DAY}
	of["tenants"]["t1"]["delivery_failing"] = 2.0 * HOUR
	job = {"title": "Migrate: t2", "tenant": "t2", "bench": "b1", "error": "It broke.", "hint": ""}
	of["jobs"] = [
		{**job, "name": "PJ-1", "state": "failed"},
		{**job, "name": "PJ-2", "state": "stuck", "says": "has waited for 2.0 hours."},
	]
	of["drift"] = {"b1": {"count": 2, "first": "A folder is nobody's."}}
	of["security"] = {"b1": ["Redis is open."]}
	assert found(of) == {
		"certificate|Certificate of a.example": INFO,
		"certificate|Certificate of b.example": CRITICAL,
		"entitlement|t0": CRITICAL,
		"entitlement|t1": WARNING,
		"jobs.failed|PJ-1": WARNING,
		"jobs.stuck|PJ-2": WARNING,
		"drift|b1": WARNING,
		"security|b1": WARNING,
	}


def test_what_was_not_looked_at_is_no_sign_that_all_is_well():
	of = {**facts(), "security": None}
	looked = checks.look(of)
	(security,) = (each for each in looked if each.check.key == "security")
	assert security.unseen and not security.findings
	assert excuses.of(of, looked).why("security", "b1", "")


def test_our_own_jobs_are_no_alarm():
	of = facts()
	of["tenants"]["t1"]["engaged"] = "PJ-1 (Migrate: t1) is at work on it."
	of["benches"]["b1"]["quiet"] = ""
	excused = excuses.of(of, checks.look(of))
	assert excused.why("site.down", "b1", "t1") and not excused.why("site.down", "b1", "t2")
	assert not excused.why("backup.late", "b1", "t1")  # that has nothing to do with it
	of["benches"]["b1"]["quiet"] = "PJ-2 (Refresh) is at work on it."
	excused = excuses.of(of, checks.look(of))
	assert excused.why("site.down", "b1", "t2") and excused.why("workers.missing", "b1", "")
	assert not excused.why("disk.room", "b1", "")


def test_every_check_is_told_once_and_by_names_of_its_own():
	keys = [key for check in checks.ALL for key in check.keys]
	assert len(keys) == len(set(keys)) == len(checks.OF)
	assert all(check.looks >= 1 and check.title for check in checks.ALL)


@pytest.mark.parametrize(
	("booted", "windows", "expected"),
	[(60, [120], True), (60, [3 * HOUR], False), (60, [], False), (2 * HOUR, [2 * HOUR], False)],
	ids=["just now", "not in its window", "no window", "long ago"],
)
def test_a_machine_that_restarts_in_its_window_is_no_alarm(booted, windows, expected):
	assert excuses.is_restarting(NOW, NOW - booted, [NOW - each for each in windows]) is expected


def test_windows_are_read_from_what_was_set_up(tmp_path):
	wanted = ["Sun 03:30", "Mon,Fri 04:00", "02:15"]
	(timer,) = (file for file in unattended_updates.files(wanted) if file.path == unattended_updates.TIMER)
	path = tmp_path / timer.path
	path.parent.mkdir(parents=True)
	path.write_text(timer.content)
	friday = datetime(2026, 11, 27, 12)
	began = unattended_updates.last_restarts(tmp_path, friday.timestamp())
	assert [f"{datetime.fromtimestamp(at):%a %H:%M}" for at in began] == [
		"Sun 03:30",
		"Fri 04:00",
		"Fri 02:15",
	]
	assert unattended_updates.last_restarts(tmp_path / "nowhere", friday.timestamp()) == []
