"""What a job needs is its own from its first run to its end: its tenant's site, and its use of the bench."""

import pytest
from conftest_data import second_connection
from engine_bench import failing, step, waiting_on

from buildpro_saas.agent.errors import TransientError
from buildpro_saas.jobs.playbook import BenchUse, Needs, RetryPolicy

EXCLUSIVE = {"needs": Needs(bench=BenchUse.EXCLUSIVE)}


@pytest.fixture
def a_tenant(drifting):
	return drifting.tenant("Active", f"{drifting.token}.localhost", None)


def chosen(engine, bench: str, slots: int = 9) -> list[str]:
	return [job.name for job in engine.next_jobs(bench, slots)]


def set_values(engine, job, **values) -> None:
	engine.frappe.db.set_value("Provisioning Job", job.name, values)


def test_the_order_in_which_jobs_go_is_that_of_their_coming(engine, own_bench, a_tenant):
	"""Two of one tenant's, one that wants the bench, one of another tenant's, and a light one that takes no part of the bench."""
	bench = own_bench.name
	first, second = waiting_on(engine, bench, 2)
	for job in (first, second):
		set_values(engine, job, tenant=a_tenant)
	(update,) = waiting_on(engine, bench, **EXCLUSIVE)
	(other,) = waiting_on(engine, bench)
	(light,) = waiting_on(engine, bench, is_heavy=False, needs=Needs(bench=BenchUse.NONE))
	went = []
	while turn := chosen(engine, bench):
		went.append(turn)
		for job in turn:
			set_values(engine, engine.frappe._dict(name=job), status="Completed")
	assert went == [[first.name, light.name], [second.name], [update.name], [other.name]]


def test_a_job_that_waits_to_be_resumed_keeps_its_site_and_its_bench(engine, own_bench, a_tenant):
	bench = own_bench.name
	begun, later = waiting_on(engine, bench, 2)
	for job in (begun, later):
		set_values(engine, job, tenant=a_tenant)
	soon = engine.frappe.utils.add_to_date(None, hours=1)
	set_values(engine, begun, holds=1, run_after=soon)
	assert chosen(engine, bench) == []
	(update,) = waiting_on(engine, bench, **EXCLUSIVE)
	assert chosen(engine, bench) == []
	set_values(engine, begun, run_after=None)
	assert chosen(engine, bench) == [begun.name]
	set_values(engine, begun, status="Completed", holds=0)
	assert chosen(engine, bench) == [later.name]
	set_values(engine, later, status="Completed")
	assert chosen(engine, bench) == [update.name]


def test_a_job_keeps_what_it_needs_from_its_first_run_to_its_end(engine):
	patient = RetryPolicy(attempts=2, first_delay=600)
	job = engine.job(step(engine, "Slow", run=failing(1, TransientError("away")), retry=patient))
	job = engine.run(job)
	assert (job.status, job.holds) == ("Waiting", 1)
	job.db_set({"status": "Queued", "run_after": None})
	engine.frappe.db.commit()
	assert (engine.run(job).status, engine.frappe.db.get_value(job.doctype, job.name, "holds")) == (
		"Completed",
		0,
	)


def test_a_failed_job_keeps_nothing_and_has_to_wait_for_its_site_again(engine, own_bench, a_tenant):
	job = engine.run(engine.job(step(engine, "Broken", run=failing(1, ValueError("no")))))
	assert (job.status, job.holds) == ("Failed", 0)
	set_values(engine, job, tenant=a_tenant, bench=own_bench.name, status="Waiting")
	(other,) = waiting_on(engine, own_bench.name)
	set_values(engine, other, tenant=a_tenant, status="Running", holds=1)
	assert chosen(engine, own_bench.name) == []


@pytest.fixture
def somebody(engine):
	"""somebody(tenant): another process has the tenant's site."""
	from buildpro_saas.jobs import named_locks, sites

	other = second_connection(engine.frappe)

	def has(tenant: str) -> None:
		with other.cursor() as cursor:
			cursor.execute("select get_lock(%s, 0)", (named_locks._name(sites.LOCK, tenant),))

	yield has
	other.close()


def test_a_run_whose_site_somebody_has_waits_and_comes_back(engine, a_tenant, somebody, monkeypatch):
	monkeypatch.setattr(engine.jobs, "SITE_WAIT", 0)
	job = engine.job(step(engine, "A"))
	job.db_set("tenant", a_tenant)
	engine.frappe.db.commit()
	somebody(a_tenant)
	job = engine.run(job)
	assert (job.status, engine.done, job.runs) == ("Waiting", [], 0) and job.run_after


def test_short_work_does_not_begin_on_a_site_that_a_job_has(engine, a_tenant, somebody):
	from buildpro_saas.jobs import sites

	with sites.taken(a_tenant):
		pass
	job = engine.job(step(engine, "Restore"))
	for status, is_kept in (("Running", True), ("Waiting", True), ("Queued", False), ("Failed", False)):
		set_values(engine, job, tenant=a_tenant, status=status, holds=int(is_kept))
		if not is_kept:
			with sites.taken(a_tenant):
				continue
		with pytest.raises(sites.SiteTakenError, match=job.name), sites.taken(a_tenant):
			raise AssertionError("it began")
	engine.frappe.db.rollback()
	somebody(a_tenant)
	with pytest.raises(sites.SiteTakenError, match="Something else"), sites.taken(a_tenant):
		raise AssertionError("it began")


def test_a_job_that_does_not_need_its_tenants_site_is_in_nobodys_way(engine, a_tenant):
	from buildpro_saas.jobs import sites

	job = engine.job(step(engine, "Look"), needs=Needs(site=False))
	set_values(engine, job, tenant=a_tenant, status="Running", holds=1)
	with sites.taken(a_tenant):
		pass
	engine.frappe.db.rollback()
