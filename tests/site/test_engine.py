"""The engine on a real site's database: order, retries, redoing, cancelling, resuming; steps made here in a few lines."""

import json
import time

import pytest

from buildpro_saas.agent.errors import AgentError, TransientError


@pytest.fixture
def engine(admin_site):
	engine = EngineBench(admin_site)
	yield engine
	admin_site.db.rollback()
	for job in engine.made:
		admin_site.db.delete("Provisioning Job Step", {"parent": job})
		admin_site.db.delete("Provisioning Job", {"name": job})
	admin_site.db.commit()


class EngineBench:
	"""Makes jobs of made-up playbooks and runs them in this process, without a worker."""

	def __init__(self, frappe):
		from buildpro_saas.provisioning import jobs, registry

		self.frappe, self.jobs, self.registry = frappe, jobs, registry
		self.done: list[str] = []
		self.made: list[str] = []

	def job(self, *steps, **options):
		from buildpro_saas.provisioning.playbook import Playbook

		name = f"test_{self.frappe.generate_hash(length=8)}"
		self.registry.register(Playbook(name=name, title="Test", steps=steps, **options))
		job = self.jobs.start(name, tenant=None, bench=self.frappe.get_all("Bench", pluck="name")[0])
		self.frappe.db.after_commit.reset()  # no worker: this test runs it
		job.db_set("status", "Queued")
		self.frappe.db.commit()
		self.made.append(job.name)
		return job

	def run(self, job):
		self.jobs.run(job.name)
		return self.frappe.get_doc("Provisioning Job", job.name)


def step(engine, name, *, run=None, undo=None, **attributes):
	"""A step called `name` that notes that it ran, and does `run` before."""
	from buildpro_saas.provisioning.playbook import RetryPolicy, Step

	def do_run(self, context):
		engine.done.append(name)
		return run(context) if run else None

	def do_undo(self, context):
		engine.done.append(f"undo {name}")
		return undo(context) if undo else None

	quick = {"title": name, "retry": RetryPolicy(attempts=3, first_delay=0.01)}
	return type(name, (Step,), {**quick, **attributes, "run": do_run, "undo": do_undo})()


def failing(times, error):
	left = [error] * times

	def run(_context):
		if left:
			raise left.pop()

	return run


def statuses(job):
	return [row.status for row in job.steps]


# [step added in docs/architecture.md]
def test_a_step_is_added_in_a_few_lines(engine):
	from buildpro_saas.provisioning.playbook import Step

	class GreetTenant(Step):
		title = "Greet"

		def run(self, context):
			context.log("Hello")
			return {"greeted": context.job}

	job = engine.run(engine.job(GreetTenant()))
	assert job.status == "Completed"
	assert [(row.step_key, row.title, row.output) for row in job.steps] == [
		("greet_tenant", "Greet", "Hello\n")
	]
	assert json.loads(job.state)["greeted"] == job.name


# [end]


def test_steps_run_in_order_and_hand_on_what_they_found(engine):
	first = step(engine, "First", run=lambda context: {"n": 1})
	second = step(engine, "Second", run=lambda context: {"n": context.state["n"] + 1})
	job = engine.run(engine.job(first, second))
	assert (job.status, engine.done, json.loads(job.state)["n"]) == ("Completed", ["First", "Second"], 2)
	assert all(row.started_at and row.ended_at and row.attempts == 1 for row in job.steps)


def test_a_transient_fault_is_tried_again(engine):
	flaky = step(engine, "Flaky", run=failing(2, ConnectionRefusedError("not yet")))
	job = engine.run(engine.job(flaky))
	assert (job.status, job.steps[0].attempts) == ("Completed", 3)
	assert "not yet" in job.steps[0].output


def test_a_permanent_fault_stops_at_once_and_says_what_to_do(engine):
	broken = step(engine, "Broken", run=failing(1, AgentError("The disk is full.", "Free some space.")))
	never = step(engine, "Never")
	job = engine.run(engine.job(broken, never))
	assert (job.status, engine.done, statuses(job)) == ("Failed", ["Broken"], ["Failed", "Pending"])
	assert (job.error, job.hint) == ("Broken: The disk is full.", "Free some space.")


def test_retry_goes_on_from_the_failed_step(engine):
	first, broken = step(engine, "First"), step(engine, "Broken", run=failing(1, ValueError("once")))
	job = engine.run(engine.job(first, broken))
	assert job.status == "Failed" and "ValueError: once" in job.error
	job.retry()
	engine.frappe.db.after_commit.reset()
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, engine.done, job.error) == ("Completed", ["First", "Broken", "Broken"], "")


def test_attempts_are_bounded(engine):
	job = engine.run(engine.job(step(engine, "Never", run=failing(99, TransientError("away")))))
	assert (job.status, len(engine.done)) == ("Failed", 3)


def test_a_long_wait_gives_the_worker_back(engine):
	from buildpro_saas.provisioning.playbook import RetryPolicy

	slow = step(
		engine, "Slow", run=failing(1, TransientError("away")), retry=RetryPolicy(attempts=2, first_delay=600)
	)
	job = engine.run(engine.job(slow))
	assert job.status == "Waiting" and job.run_after > engine.frappe.utils.now_datetime()
	job.db_set({"status": "Queued", "run_after": None})
	engine.frappe.db.commit()
	assert engine.run(job).status == "Completed"


def test_what_cannot_go_on_halfway_begins_again_from_its_step(engine):
	make = step(engine, "MakeIt")
	fill = step(engine, "FillIt", run=failing(1, TransientError("lost")), redo_from="make_it")
	job = engine.run(engine.job(step(engine, "Before"), make, fill, step(engine, "After")))
	assert job.status == "Completed"
	assert engine.done == ["Before", "MakeIt", "FillIt", "MakeIt", "FillIt", "After"]


def test_a_run_that_died_is_gone_on_with(engine):
	"""What a killed worker leaves: the job Running, a step Running, its lock free."""
	job = engine.job(step(engine, "First"), step(engine, "Second"))
	job.steps[0].db_set({"status": "Completed", "attempts": 1})
	job.steps[1].db_set({"status": "Running", "attempts": 1})
	job.db_set("status", "Running")
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, engine.done, job.steps[1].attempts) == ("Completed", ["Second"], 2)


def test_a_job_that_kills_its_worker_each_time_ends(engine):
	job = engine.job(step(engine, "Killer"))
	job.steps[0].db_set({"status": "Running", "attempts": 3})
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, engine.done) == ("Failed", [])
	assert "3 attempts" in job.error


def test_cancel_undoes_in_reverse(engine):
	holder = {}

	def cancel_meanwhile(context):
		engine.frappe.db.set_value("Provisioning Job", context.job, "cancel_requested", 1)
		context.checkpoint()
		holder["went on"] = True

	job = engine.job(
		step(engine, "A"), step(engine, "B"), step(engine, "C", run=cancel_meanwhile), step(engine, "D")
	)
	job = engine.run(job)
	assert job.status == "Cancelled" and not holder
	assert engine.done == ["A", "B", "C", "undo C", "undo B", "undo A"]
	assert statuses(job) == ["Undone", "Undone", "Undone", "Pending"]


def test_undoing_is_gone_on_with_after_a_crash(engine):
	job = engine.job(step(engine, "A"), step(engine, "B", undo=failing(1, ConnectionResetError("db away"))))
	for row in job.steps:
		row.db_set({"status": "Completed", "attempts": 1})
	job.db_set({"cancel_requested": 1, "status": "Cancelling"})
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, engine.done) == ("Cancelled", ["undo B", "undo B", "undo A"])


def test_a_completed_job_cannot_be_cancelled(engine):
	job = engine.run(engine.job(step(engine, "A")))
	with pytest.raises(engine.frappe.ValidationError, match="Completed"):
		job.cancel_job()


def test_a_second_run_of_the_same_job_leaves_it_alone(engine):
	"""The lock is the connection's: another process that holds it is at work."""
	import pymysql

	conf = engine.frappe.conf
	job = engine.job(step(engine, "A"))
	from buildpro_saas.provisioning import locks

	other = pymysql.connect(
		host=conf.db_host,
		port=int(conf.db_port),
		user=conf.db_name,
		password=conf.db_password,
		database=conf.db_name,
	)
	with other.cursor() as cursor:
		cursor.execute("select get_lock(%s, 0)", (locks._name("job", job.name),))
	assert engine.run(job).status == "Queued" and engine.done == []
	other.close()
	# the server sees a closed connection a moment later
	end = time.monotonic() + 10
	while locks.is_held("job", job.name):
		assert time.monotonic() < end
		time.sleep(0.01)
	assert engine.run(job).status == "Completed"


def test_a_step_that_hangs_is_stopped(engine):
	hangs = step(engine, "Hangs", run=lambda context: time.sleep(30), timeout=0.3)
	from buildpro_saas.provisioning.playbook import RetryPolicy

	type(hangs).retry = RetryPolicy(attempts=1)
	job = engine.run(engine.job(hangs))
	assert job.status == "Failed" and "longer than" in job.error


def test_newer_code_with_other_steps_is_met_on_resuming(engine):
	from buildpro_saas.provisioning.playbook import Playbook

	job = engine.job(step(engine, "Dropped"), step(engine, "A"))
	engine.registry._registered[-1] = Playbook(
		name=job.playbook, title="Test", steps=(step(engine, "New"), step(engine, "A"))
	)
	job = engine.run(job)
	assert (job.status, engine.done) == ("Completed", ["New", "A"])
	assert {row.step_key: row.status for row in job.steps} == {
		"dropped": "Pending",
		"new": "Completed",
		"a": "Completed",
	}


def test_a_job_whose_app_is_gone_fails_alone(engine):
	"""It must not keep the others from being dispatched."""
	orphan = engine.job(step(engine, "A"))
	orphan.db_set("status", "Waiting")
	engine.frappe.db.commit()
	engine.registry._registered.pop()
	engine.jobs.dispatch(orphan.bench)
	orphan.reload()
	assert orphan.status == "Failed" and "no playbook" in orphan.error


def test_desk_cannot_write_a_job(engine):
	job = engine.frappe.get_doc("Provisioning Job", engine.job(step(engine, "A")).name)
	job.status = "Completed"
	with pytest.raises(engine.frappe.PermissionError, match="engine"):
		job.save(ignore_permissions=True)


def test_one_job_that_cannot_be_looked_after_does_not_keep_the_others_lost(engine):
	odd, lost = engine.job(step(engine, "A")), engine.job(step(engine, "B"))
	engine.frappe.db.set_value("Provisioning Job", odd.name, "bench", "a bench whose record is gone")
	engine.frappe.db.commit()
	engine.jobs.look_after()
	engine.frappe.db.rollback()
	assert engine.frappe.db.get_value("Provisioning Job", lost.name, "enqueued_at")
	assert engine.frappe.db.exists("Error Log", {"method": f"Looking after {odd.name}"})


@pytest.mark.parametrize("slots", (1, 2))
def test_what_nobody_waits_for_leaves_a_slot_to_tenants(engine, slots):
	"""Two images are to be built; then a tenant comes."""
	frappe = engine.frappe
	bench = frappe.get_all("Bench", pluck="name")[0]
	frappe.db.set_value(
		"Provisioning Job", {"status": "Waiting"}, "status", "Queued"
	)  # rolled back at the end
	waiting = [engine.job(step(engine, "quick")) for _ in range(3)]
	for job in waiting:
		priority = 0 if job is waiting[-1] else -10
		frappe.db.set_value("Provisioning Job", job.name, {"status": "Waiting", "priority": priority})
	background, tenants_own = {job.name for job in waiting[:2]}, waiting[2].name
	frappe.db.set_value("Provisioning Job", tenants_own, "status", "Completed")

	def next_jobs():
		return {job.name for job in engine.jobs._next_jobs(bench, slots)}

	assert len(next_jobs() & background) == 1  # alone, one of them goes in either case
	frappe.db.set_value("Provisioning Job", tenants_own, "status", "Waiting")
	assert tenants_own in next_jobs()


# -- the end of a job ------------------------------------------------------------------------------------------------


def test_what_callbacks_raise_after_the_commit_fails_nothing(engine):
	"""A webhook, say, on what the job writes as it ends."""
	frappe = engine.frappe
	seen = []

	def on_status(_inputs, status):
		frappe.db.after_commit.add(lambda: seen.append(status))
		frappe.db.after_commit.add(lambda: 1 / 0)
		frappe.db.after_commit.add(lambda: seen.append(f"after {status}"))

	job = engine.run(engine.job(step(engine, "Only"), on_status=on_status))
	assert (job.status, engine.done, job.runs) == ("Completed", ["Only"], 1)
	assert seen == ["Running", "after Running", "Completed", "after Completed"]
	assert frappe.db.exists("Error Log", {"error": ("like", "%ZeroDivisionError%")})


def test_what_a_callback_wrote_before_it_raised_is_forgotten(engine):
	frappe = engine.frappe

	def writes_and_raises():
		frappe.get_doc({"doctype": "Note", "title": f"half done {engine.made[-1]}"}).insert()
		raise RuntimeError

	def on_status(_inputs, status):
		frappe.db.after_commit.add(writes_and_raises)

	engine.run(engine.job(step(engine, "Only"), on_status=on_status))
	assert not frappe.db.exists("Note", {"title": ("like", f"half done {engine.made[-1]}")})


@pytest.mark.parametrize("ended", ["Completed", "Cancelled"])
def test_an_ended_job_is_never_written_again(engine, ended):
	from buildpro_saas.provisioning import ending

	job = engine.job(step(engine, "Only"))
	job.db_set("status", ended)
	engine.frappe.db.commit()
	assert not ending.end(job.name, None, "Failed", error="too late")
	assert not ending.change(job.name, ending.UNFINISHED, status="Waiting")
	with pytest.raises(engine.frappe.ValidationError):
		job.cancel_job()
	job.reload()
	assert (job.status, job.error, bool(job.cancel_requested)) == (ended, None, False)


def test_a_job_is_not_sent_again_whose_sending_only_seemed_to_fail(engine, monkeypatch):
	"""Redis took it, a worker did it, and then Redis's answer was lost."""
	from buildpro_saas.provisioning import queue

	job = engine.job(step(engine, "Only"))
	job.db_set("status", "Waiting")
	engine.frappe.db.commit()

	def put(name, *_rest):
		engine.jobs.run(name)
		raise ConnectionResetError("no answer")

	monkeypatch.setattr(queue, "put", put)
	engine.jobs.dispatch(job.bench)
	job.reload()
	assert (job.status, engine.done) == ("Completed", ["Only"])


def test_a_fault_of_the_engine_ends_the_job_for_what_it_is_about_too(engine):
	told = []

	def finish(_context):
		raise AssertionError("finishing went wrong")

	def on_status(_inputs, status):
		told.append(status)

	job = engine.run(engine.job(step(engine, "Only"), on_status=on_status, finish=finish))
	assert (job.status, told) == ("Failed", ["Running", "Failed"])
	assert "finishing went wrong" in job.error


def test_a_fault_outside_of_a_step_is_told_to_what_the_job_is_about(engine, monkeypatch):
	from buildpro_saas.provisioning.engine import Engine

	told = []
	job = engine.job(step(engine, "Only"), on_status=lambda _inputs, status: told.append(status))
	monkeypatch.setattr(Engine, "_forward", lambda self: 1 / 0)
	job = engine.run(job)
	assert (job.status, told) == ("Failed", ["Running", "Failed"])
	assert "ZeroDivisionError" in job.error and "Error Log" in job.hint


def test_nothing_is_undone_that_may_not_be(engine):
	def check_undo(_context):
		raise AgentError("Somebody lives in it.", "Leave it.")

	job = engine.job(step(engine, "Only", run=failing(9, AgentError("broken"))), check_undo=check_undo)
	job = engine.run(job)
	with pytest.raises(engine.frappe.ValidationError, match=r"Somebody lives in it\. Leave it\."):
		job.cancel_job()
	job.db_set({"status": "Cancelling", "cancel_requested": 1})
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, job.cancel_requested, engine.done) == ("Failed", 0, ["Only"])
	assert "Somebody lives in it." in job.error and job.hint == "Leave it."


def test_a_job_whose_app_is_gone_does_not_leave_its_tenant_being_made(engine, drifting):
	frappe = engine.frappe
	tenant = drifting.tenant("Provisioning", f"{drifting.token}.localhost", None)
	job = drifting.job(drifting.mark(), "Queued")
	frappe.db.set_value("Provisioning Job", job, {"playbook": "gone", "tenant": tenant})
	frappe.db.commit()
	engine.jobs.run(job)
	assert frappe.db.get_value("Provisioning Job", job, "status") == "Failed"
	assert frappe.db.get_value("Tenant", tenant, "status") == "Failed"
