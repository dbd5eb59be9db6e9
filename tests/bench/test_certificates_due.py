"""Certificates that are due, with real authorities: six failures and a heal, a second authority, and two hundred at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from domains_world import SECONDS
from due_world import A_SECOND, DUE, FILE_MB, FRESH, DueWorld
from loopback_ports import free_ports

NOWHERE = "127.0.0.9"  # nothing listens there
RENEWED, ILL, NEW = 145, 5, 50  # due at once: two hundred
# New certificates of one domain a week, as domains/authority_limits.py has it, and what jobs that look at once may add.
OF_DOMAIN, LEFT_TO_RACES = 45, 4
ALL_SECONDS = 1500


@pytest.fixture(scope="module")
def world(module_bench, tmp_path_factory):
	world = DueWorld(module_bench, tmp_path_factory.mktemp("due"))
	try:
		world.start()
		yield world
	finally:
		world.end()


@pytest.fixture(scope="module")
def second(world):
	"""The second authority."""
	world.add_second_authority()
	return world.second


def test_six_failures_at_two_authorities_and_then_it_heals(module_bench, world, second):
	from buildpro_saas.domains import renewal, served

	frappe, host = module_bench.frappe, f"ill.{DUE}"
	name = world.have([host])[host]
	world.publish()
	old = world.row(name).serial
	assert world.presented(host)[host].serial == old

	def alarm() -> tuple[str, str]:
		served.look_at_served()
		row = world.row(name)
		return row.alarmed, row.alarm_says

	told = alarm()
	assert told[0] == "Critical" and host in told[1]
	world.set_record(host, "A", NOWHERE)  # the customer leads it elsewhere
	for failures in range(1, 7):
		began = frappe.utils.now_datetime()
		world.scheduler_looks()
		row = world.row(name)
		assert (row.failures, row.status, row.serial) == (failures, "Valid", old)
		assert f"could not prove {host}" in row.last_error
		pause = renewal.LADDER[failures - 1]
		assert row.next_try >= began + timedelta(seconds=pause)
		longest = timedelta(seconds=pause * (1 + renewal.JITTER))
		assert row.next_try <= frappe.utils.now_datetime() + longest
		world.scheduler_looks()  # nobody is asked before its time
		assert world.row(name).failures == failures
		world.let_time_pass(name)
	# by turns, so that no authority saw more failures within the hour than it takes
	failed = [world.asked_of(who, "failed") for who in (world.pebble, second)]
	assert [sum(host in each.names for each in of_one) for of_one in failed] == [3, 3]
	assert world.presented(host)[host].serial == old, "what was there is served on"
	assert alarm() == told, "it is the same one"

	world.set_record(host, "A", None)
	world.scheduler_looks()
	row = world.row(name)
	assert (row.failures, row.last_error, row.next_try, row.alarmed) == (0, "", None, "")
	assert row.authority == world.pebble.authority.directory and row.serial != old
	found = world.presented(host)[host]
	assert (found.serial, found.fault) == (row.serial, "")
	assert alarm() == ("", ""), "the alarm is over"
	world.scheduler_looks()
	assert world.row(name).serial == row.serial, "it is not due any more"


def test_the_second_authority_issues_while_the_first_is_away(module_bench, world, second):
	from buildpro_saas.domains import issuing

	frappe, host = module_bench.frappe, f"moved.{DUE}"
	name = world.have([host])[host]
	world.publish()
	first = frappe.db.get_single_value("SaaS Settings", "acme_directory")
	(port,) = free_ports(1)
	frappe.db.set_single_value("SaaS Settings", "acme_directory", f"https://localhost:{port}/dir")
	try:
		for failures in range(1, 4):
			world.scheduler_looks()
			row = world.row(name)
			assert row.failures == failures and "cannot be asked" in row.last_error
			world.let_time_pass(name)
		world.scheduler_looks()
		row = world.row(name)
		assert (row.failures, row.last_error) == (0, "") and row.authority == second.authority.directory
		assert world.presented(host)[host].serial == row.serial
		assert not issuing.is_due(row)
	finally:
		frappe.db.set_single_value("SaaS Settings", "acme_directory", first)
		frappe.db.commit()


def test_while_nginx_is_down_it_is_tried_again_and_heals(module_bench, world):
	"""The authority finds nobody who answers it, and the proxy cannot be told; afterwards all is as ever."""
	from buildpro_saas.domains import flow

	host = f"down.{DUE}"
	name = world.have([host])[host]
	world.publish()
	world.nginx.stop()
	try:
		flow.renew_due()
		module_bench.wait_for(module_bench.looked_after(lambda: world.row(name).failures), SECONDS)
		assert f"could not prove {host}" in world.row(name).last_error
		assert isinstance(world.presented(host)[host], str)
	finally:
		world.nginx.start()
	world.wait_until_idle(flow.RENEW)  # it has told the proxy
	world.let_time_pass(name)
	world.scheduler_looks()
	row = world.row(name)
	assert (row.failures, row.last_error) == (0, "") and world.presented(host)[host].serial == row.serial


def test_the_proxy_keeps_the_limits_of_the_plan(module_bench, world):
	"""The site is a folder: what it would answer is no matter here."""
	from buildpro_saas.domains import proxy_spec

	host = f"limited.{DUE}"
	world.have([host])
	world.publish()
	with ThreadPoolExecutor(20) as many:
		answers = list(many.map(lambda _number: world.get(host).status_code, range(40)))
	assert 429 in answers and any(status != 429 for status in answers)
	bench = module_bench.frappe.get_doc("Bench", world.name)
	(site,) = (each for each in proxy_spec.of_bench(bench).sites if host in {one.name for one in each.hosts})
	assert site.requests_a_second == A_SECOND and FILE_MB < site.body_mb < FILE_MB + 5


def test_two_hundred_due_at_once(module_bench, world):
	"""A few at a time, none lost. Those that fail, or that the authority's limits forbid, keep no other back; nothing is reloaded."""
	from buildpro_saas.domains import flow, issuing
	from buildpro_saas.fleet import bench_proxy

	hosts = [f"n{number:03}.{DUE}" for number in range(RENEWED + ILL)]
	ill = hosts[:: len(hosts) // ILL]
	old = world.have(hosts)
	new = world.have([f"n{number:03}.{FRESH}" for number in range(NEW)], is_new=True)
	for host in ill:
		world.set_record(host, "A", NOWHERE)
	world.publish()
	before, reloads = world.presented(*hosts), bench_proxy.state().reloads
	assert not [host for host, found in before.items() if isinstance(found, str)]
	at_work: list[int] = []

	def is_done() -> bool:
		at_work.append(world.under_way(flow.RENEW))
		if at_work[-1] > flow.RENEWALS_AT_ONCE / 2:
			return False
		flow.renew_due()
		return not world.under_way(flow.RENEW)

	with world.further_workers(2):
		module_bench.wait_for(module_bench.looked_after(is_done), ALL_SECONDS, lambda: str(at_work[-20:]))
	assert max(at_work) <= flow.RENEWALS_AT_ONCE
	rows = {host: world.row(name) for host, name in {**old, **new}.items()}
	now, after = module_bench.frappe.utils.now_datetime(), world.presented(*hosts)
	for host in hosts:
		row, found = rows[host], after[host]
		assert found.serial == row.serial and row.status == "Valid", host
		if host in ill:
			assert row.serial == before[host].serial and row.next_try > now and row.failures == 1, host
		else:
			assert row.serial != before[host].serial and not found.fault and not issuing.is_due(row), host
	issued = [host for host in new if rows[host].status == "Valid"]
	assert OF_DOMAIN <= len(issued) <= OF_DOMAIN + LEFT_TO_RACES
	for host in new.keys() - issued:
		row = rows[host]
		assert "takes no order" in row.last_error and not row.failures, "nobody was asked"
		assert now + timedelta(days=6) < row.next_try < now + timedelta(days=8)
	ordered = [each.names[0] for each in world.asked_of(world.pebble, "order")]
	assert sorted(each for each in ordered if each in old) == hosts, "each was ordered once"
	assert sorted(each for each in ordered if each in new) == sorted(issued)
	assert bench_proxy.state().reloads == reloads
	# what was renewed within minutes will not be due on one day
	days = {rows[host].renew_from.date() for host in hosts if host not in ill}
	assert len(days) > RENEWED / 3
