"""The engine on a real site's database: order, retries, redoing, cancelling, resuming; steps made here in a few lines."""

import json
import time

import pytest
from conftest_data import second_connection
from engine_bench import failing, step, waiting_on

from buildpro_saas.agent.errors import AgentError, TransientError


def statuses(job):
	return [row.status for row in job.steps]


# [step added in docs/architecture.md]
def test_a_step_is_added_in_a_few_lines(engine):
	from buildpro_saas.jobs.playbook import Step

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
	from buildpro_saas.jobs.playbook import RetryPolicy

	slow = step(
		engine, "Slow", run=failing(1, TransientError("away")), retry=RetryPolicy(attempts=2, first_delay=600)
	)
	job = engine.run(engine.job(slow))
	assert job.status == "Waiting" and job.run_after > engine.frappe.utils.now_datetime()
	job.db_set({"status": "Queued", "run_after": None})
	engine.frappe.db.commit()
	assert engine.run(job).status == "Completed"


@pytest.mark.parametrize(("asked", "seconds"), [(120, 120), (86400, 3600)])
def test_whoever_wants_to_be_left_alone_is_asked_again_only_then(engine, asked, seconds):
	"""As a DNS provider says with 429 and Retry-After; at most for an hour."""
	from buildpro_saas.domains.dns_records import BusyError

	busy = BusyError("It answers 429.", retry_after=asked)
	job = engine.run(engine.job(step(engine, "Asks", run=failing(1, busy))))
	left = (job.run_after - engine.frappe.utils.now_datetime()).total_seconds()
	assert job.status == "Waiting" and seconds - 60 < left <= seconds
	job.db_set({"status": "Queued", "run_after": None})
	engine.frappe.db.commit()
	assert engine.run(job).status == "Completed"


def test_a_step_that_waits_for_a_batch_gives_the_worker_back_and_has_had_no_attempt(engine):
	from buildpro_saas.jobs import batch_rows
	from buildpro_saas.jobs.playbook import StepWaits

	job = engine.run(engine.job(step(engine, "Waits", run=failing(1, StepWaits(600, "BATCH-X")))))
	assert (job.status, job.waits_for) == ("Waiting", "BATCH-X")
	assert (job.steps[0].status, job.steps[0].attempts) == ("Pending", 0)
	assert job.run_after > engine.frappe.utils.now_datetime()
	batch_rows.let_go_on("BATCH-Y")
	job.reload()
	assert job.run_after
	batch_rows.let_go_on("BATCH-X")
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, job.run_after, job.waits_for, job.steps[0].attempts) == ("Completed", None, "", 1)


def test_a_step_that_was_killed_is_tried_again_alone_and_once(engine):
	from buildpro_saas.agent.errors import KilledError
	from buildpro_saas.jobs.engine import Engine
	from buildpro_saas.jobs.store import JobStore

	job = engine.job(step(engine, "Heavy", run=failing(9, KilledError("ended with signal 9", "see dmesg"))))

	def run():
		Engine(JobStore(job.name), engine.registry.get(job.playbook)).run()  # and nobody is sent afterwards
		job.reload()

	run()
	assert (job.status, job.alone, len(engine.done)) == ("Waiting", 1, 1)
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	run()
	assert (job.status, len(engine.done), job.hint) == ("Failed", 2, "see dmesg")
	assert "ended with signal 9" in job.error and "No other heavy job ran" in job.error


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
	assert "3 attempts; in the last one its process ended" in job.error


def test_what_its_last_attempt_met_is_said_and_not_that_its_process_died(engine):
	"""A transient fault after one that needed the step to be begun again, for which the earlier step has no attempt left."""
	from buildpro_saas.jobs.playbook import RetryPolicy

	make = step(engine, "MakeIt", retry=RetryPolicy(attempts=2, first_delay=0.01))
	fill = step(engine, "FillIt", run=failing(9, TransientError("The disk is away.")), redo_from="make_it")
	job = engine.run(engine.job(make, fill))
	assert (job.status, job.error) == ("Failed", "FillIt: The disk is away.")
	assert engine.done == ["MakeIt", "FillIt"] * 2


def test_a_process_that_dies_where_nothing_can_be_begun_again_ends_the_job(engine):
	from buildpro_saas.jobs.playbook import RetryPolicy

	make = step(engine, "MakeIt", retry=RetryPolicy(attempts=1))
	job = engine.job(make, step(engine, "FillIt", redo_from="make_it"))
	job.steps[0].db_set({"status": "Completed", "attempts": 1})
	job.steps[1].db_set({"status": "Running", "attempts": 1})
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, engine.done) == ("Failed", [])
	assert job.error == "FillIt: It did not succeed in 1 attempts; in the last one its process ended."


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


def test_a_step_that_fails_while_the_job_is_being_cancelled_is_undone(engine):
	def cancel_and_fail(context):
		engine.frappe.db.set_value("Provisioning Job", context.job, "cancel_requested", 1)
		engine.frappe.db.commit()
		raise AgentError("The disk is full.")

	told = []
	broken = step(engine, "B", run=cancel_and_fail)
	job = engine.job(step(engine, "A"), broken, on_status=lambda _inputs, status: told.append(status))
	job = engine.run(job)
	assert (job.status, engine.done) == ("Cancelled", ["A", "B", "undo B", "undo A"])
	assert told == ["Running", "Cancelled"]  # and never Failed in between


def test_an_undo_that_goes_on_failing_ends_the_job(engine):
	away = step(engine, "A", undo=failing(9, ConnectionResetError("away")))
	job = engine.job(away)
	job.steps[0].db_set({"status": "Completed", "attempts": 1})
	job.db_set({"cancel_requested": 1, "status": "Cancelling"})
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, len(engine.done)) == ("Failed", 3) and "away" in job.error


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
	job = engine.job(step(engine, "A"))
	from buildpro_saas.jobs import named_locks

	other = second_connection(engine.frappe)
	with other.cursor() as cursor:
		cursor.execute("select get_lock(%s, 0)", (named_locks._name("job", job.name),))
	assert engine.run(job).status == "Queued" and engine.done == []
	other.close()
	# the server sees a closed connection a moment later
	end = time.monotonic() + 10
	while named_locks.is_held("job", job.name):
		assert time.monotonic() < end
		time.sleep(0.01)
	assert engine.run(job).status == "Completed"


def test_a_step_that_hangs_is_stopped(engine):
	hangs = step(engine, "Hangs", run=lambda context: time.sleep(30), timeout=0.3)
	from buildpro_saas.jobs.playbook import RetryPolicy

	type(hangs).retry = RetryPolicy(attempts=1)
	job = engine.run(engine.job(hangs))
	assert job.status == "Failed" and "longer than" in job.error


def test_newer_code_with_other_steps_is_met_on_resuming(engine):
	from buildpro_saas.jobs.playbook import Playbook

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
	from frappe.utils.background_jobs import create_job_id, get_queue
	from rq.job import Job

	from buildpro_saas.jobs import queue

	odd, lost = engine.job(step(engine, "A")), engine.job(step(engine, "B"), is_heavy=False)
	redis, key = get_queue("default").connection, Job.key_for(create_job_id(queue.job_id(odd.name)))
	redis.set(key, "what RQ cannot read")
	try:
		engine.jobs.recover_lost_jobs()
	finally:
		redis.delete(key)
	engine.frappe.db.rollback()
	assert engine.frappe.db.get_value("Provisioning Job", lost.name, "enqueued_at")
	assert engine.frappe.db.exists("Error Log", {"method": f"Looking after {odd.name}"})


@pytest.mark.parametrize("slots", (1, 2))
def test_what_nobody_waits_for_leaves_a_slot_to_tenants(engine, own_bench, slots):
	"""Two images are to be built; then a tenant comes."""
	frappe, bench = engine.frappe, own_bench.name
	waiting = [engine.job(step(engine, "quick")) for _ in range(3)]
	for job in waiting:
		priority = 0 if job is waiting[-1] else -10
		values = {"status": "Waiting", "priority": priority, "bench": bench}
		frappe.db.set_value("Provisioning Job", job.name, values)  # rolled back at the end
	background, tenants_own = {job.name for job in waiting[:2]}, waiting[2].name
	frappe.db.set_value("Provisioning Job", tenants_own, "status", "Completed")

	def next_jobs():
		return {job.name for job in engine.next_jobs(bench, slots)}

	assert len(next_jobs() & background) == 1  # alone, one of them goes in either case
	frappe.db.set_value("Provisioning Job", tenants_own, "status", "Waiting")
	assert tenants_own in next_jobs()


# -- dispatching -------------------------------------------------------------------------------------------------


@pytest.fixture
def other_bench(engine, own_bench):
	"""A Bench on record whose queue is gone from the configuration, with the path of the one that this site runs on."""
	own_bench.db_set("queue", "gone")
	engine.frappe.db.commit()
	return own_bench


def test_jobs_of_a_bench_whose_queue_is_gone_end_with_a_sentence_and_the_others_go(engine, other_bench):
	heavy = waiting_on(engine, other_bench.name, 3)
	(light,) = waiting_on(engine, other_bench.name, is_heavy=False, queue="short")
	engine.frappe.local.message_log = []
	engine.jobs.dispatch(other_bench.name)
	engine.frappe.db.rollback()
	for job in heavy:
		job.reload()
		assert (job.status, bool(job.ended_at)) == ("Failed", True)
		assert "no queue 'gone'" in job.error and "common_site_config.json" in job.hint
	light.reload()
	assert light.enqueued_at  # by this process; a worker does not know its playbook
	assert engine.frappe.local.message_log == []  # or the caller's answer would carry it


def test_a_job_that_was_sent_to_a_queue_that_is_gone_is_found(engine, other_bench):
	(job,) = waiting_on(engine, other_bench.name)
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	engine.jobs.recover_lost_jobs()
	job.reload()
	assert job.status == "Failed" and "no queue 'gone'" in job.error


def test_what_a_failed_dispatch_meets_is_no_fault_of_its_caller(engine, other_bench):
	"""The caller's work is committed, and what is to be done after its commit is done."""
	frappe = engine.frappe
	done = []
	waiting_on(engine, other_bench.name)
	frappe.db.after_commit.add(lambda: engine.jobs.dispatch(other_bench.name))
	frappe.db.after_commit.add(lambda: done.append("the next callback"))
	frappe.db.commit()
	assert done == ["the next callback"]


def test_jobs_of_a_bench_without_a_record_end_with_a_sentence(engine):
	(job,) = waiting_on(engine, "a bench whose record is gone")
	engine.jobs.dispatch(job.bench)
	job.reload()
	assert job.status == "Failed" and "no bench" in job.error


def test_jobs_of_a_bench_elsewhere_are_not_run_here(engine, other_bench):
	engine.frappe.db.set_value("Bench", other_bench.name, {"is_local": 0, "is_reachable": 0, "queue": ""})
	(job,) = waiting_on(engine, other_bench.name)
	engine.jobs.dispatch(job.bench)
	job.reload()
	assert job.status == "Failed" and "cannot be reached from this site" in job.error


def test_queue_names_are_those_of_the_configuration_as_it_is_now(engine, bench_path):
	"""Frappe reads them once in a process."""
	from frappe.utils.background_jobs import get_queues_timeout

	from buildpro_saas.jobs import queue

	assert "late" not in queue.names()
	path = bench_path / "sites/common_site_config.json"
	before = path.read_text()
	config = json.loads(before)
	try:
		path.write_text(json.dumps({**config, "workers": {**config.get("workers", {}), "late": {}}}))
		assert "late" in queue.names() and "late" in get_queues_timeout()
	finally:
		path.write_text(before)
	assert "late" not in queue.names() and "late" not in get_queues_timeout()


def test_there_are_no_more_slots_than_workers(engine):
	"""With one worker for two slots, an image that is built would keep the first tenant waiting."""
	from frappe.utils.background_jobs import get_queue
	from rq.worker import Worker

	from buildpro_saas.jobs import queue

	bench = engine.frappe.get_doc("Bench", {"is_local": 1})
	workers = Worker.count(queue=get_queue(queue.name_for(bench)))
	bench.max_heavy_jobs = workers + 5
	is_own = queue.name_for(bench) == queue.OWN_QUEUE
	assert queue.slots(bench) == max(1, workers if is_own else workers - 1)
	bench.max_heavy_jobs = 1
	assert queue.slots(bench) == 1


def test_an_image_is_built_beside_a_tenant_that_is_being_made(engine, other_bench):
	"""Else a trickle of tenants would all be made from scratch, for want of an image."""
	frappe, bench = engine.frappe, other_bench.name
	tenants, images = waiting_on(engine, bench, 1), waiting_on(engine, bench, 2)
	frappe.db.set_value("Provisioning Job", tenants[0].name, {"tenant": "a tenant", "status": "Running"})
	for image in images:
		frappe.db.set_value("Provisioning Job", image.name, "priority", -10)

	def next_jobs(slots: int) -> set[str]:
		return {job.name for job in engine.next_jobs(bench, slots)}

	assert next_jobs(1) == set()
	assert next_jobs(2) == {images[0].name}
	assert next_jobs(4) == {image.name for image in images}  # one slot is left to the next tenant
	frappe.db.set_value("Provisioning Job", images[0].name, "status", "Running")
	assert next_jobs(3) == {images[1].name} and next_jobs(2) == set()


def test_an_image_that_has_waited_long_has_its_turn(engine, other_bench):
	"""Where there is but one worker, and tenants come one after the other."""
	frappe, bench = engine.frappe, other_bench.name
	image, tenant = waiting_on(engine, bench, 2)
	long_ago = frappe.utils.add_to_date(frappe.utils.now_datetime(), hours=-1)
	frappe.db.set_value("Provisioning Job", tenant.name, "tenant", "a tenant")
	frappe.db.set_value("Provisioning Job", image.name, "priority", -10)
	assert [job.name for job in engine.next_jobs(bench, 1)] == [tenant.name]
	frappe.db.set_value("Provisioning Job", image.name, "creation", long_ago)
	assert [job.name for job in engine.next_jobs(bench, 1)] == [image.name]


# -- retried and undone ------------------------------------------------------------------------------------------


def test_retry_does_again_what_staff_have_changed_since(engine):
	changed = []

	def is_outdated(self, state, tenant):
		return bool(changed) and state["was"] == "old"

	first = step(engine, "First")
	reads = step(
		engine, "Reads", run=lambda context: {"was": "new" if changed else "old"}, is_outdated=is_outdated
	)
	between, last = step(engine, "Between"), step(engine, "Last", run=failing(2, AgentError("no")))
	job = engine.run(engine.job(first, reads, between, last))
	assert job.status == "Failed"
	engine.done.clear()
	assert retried(engine, job).status == "Failed" and engine.done == ["Last"]
	changed.append("the plan")
	engine.done.clear()
	assert retried(engine, job).status == "Completed" and engine.done == ["Reads", "Between", "Last"]


def test_retry_gives_each_step_all_its_attempts(engine):
	"""Those that were completed and are done again, too: for what staff have changed, and for a step that begins again from them."""
	from buildpro_saas.jobs.playbook import RetryPolicy

	changed, once = [], RetryPolicy(attempts=1, first_delay=0.01)
	reads = step(engine, "Reads", retry=once, is_outdated=lambda self, state, tenant: bool(changed))
	make = step(engine, "MakeIt", retry=RetryPolicy(attempts=2, first_delay=0.01))
	fill = step(engine, "FillIt", run=failing(3, TransientError("away")), redo_from="make_it")
	job = engine.run(engine.job(reads, make, fill))
	assert job.status == "Failed" and engine.done == ["Reads", *(["MakeIt", "FillIt"] * 2)]
	changed.append("the plan")
	engine.done.clear()
	assert retried(engine, job).status == "Completed"
	assert engine.done == ["Reads", *(["MakeIt", "FillIt"] * 2)]


def test_a_step_that_is_to_be_done_again_is_undone_by_cancelling(engine):
	"""It has its attempts back, and what it made is there."""
	reads = step(engine, "Reads", is_outdated=lambda self, state, tenant: True)
	job = engine.run(engine.job(reads, step(engine, "Last", run=failing(1, AgentError("no")))))
	job.retry()
	job.cancel_job()
	engine.frappe.db.after_commit.reset()
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, statuses(job)) == ("Cancelled", ["Undone", "Undone"])
	assert engine.done == ["Reads", "Last", "undo Last", "undo Reads"]


def test_what_was_finished_before_is_undone_once_it_is_to_be_done_again(engine):
	reads = step(engine, "Reads", is_outdated=lambda self, state, tenant: True)
	finished = {"find_finished": lambda _context: {}, "finish": lambda _context: 1 / 0}
	job = engine.run(engine.job(reads, **finished))
	assert (job.status, engine.done) == ("Failed", [])
	job.retry()
	job.cancel_job()
	engine.frappe.db.after_commit.reset()
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	assert (engine.run(job).status, engine.done) == ("Cancelled", ["undo Reads"])


def test_operations_of_a_retried_step_are_new_ones(engine):
	seen = []

	def run(context):
		seen.append(context.operation)
		raise AgentError("no")

	job = engine.run(engine.job(step(engine, "Only", run=run)))
	retried(engine, job)
	assert len(set(seen)) == 2


def test_a_playbook_names_the_step_that_it_lacks():
	from buildpro_saas.jobs.playbook import Playbook

	with pytest.raises(KeyError, match="The playbook empty has no step first"):
		Playbook(name="empty", title="Empty", steps=()).step("first")


@pytest.mark.parametrize("redo_from", ["third", "no_such_step"])
def test_a_step_cannot_begin_again_from_what_is_not_before_it(engine, redo_from):
	from buildpro_saas.jobs.playbook import Playbook

	steps = (step(engine, "First"), step(engine, "Second", redo_from=redo_from), step(engine, "Third"))
	with pytest.raises(ValueError, match=f"second begins again from {redo_from}"):
		Playbook(name="odd", title="Odd", steps=steps)


def retried(engine, job):
	job.reload()
	job.retry()
	engine.frappe.db.after_commit.reset()
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	return engine.run(job)


def test_what_an_undone_step_said_does_not_stand_as_if_it_held(engine):
	says = step(engine, "Says", run=lambda context: context.log("The site answers"))
	broken = step(engine, "Broken", run=failing(1, AgentError("The disk is full.")))
	job = engine.run(engine.job(says, broken))
	job.cancel_job()
	engine.frappe.db.after_commit.reset()
	job.db_set("status", "Queued")
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, job.error, job.hint) == ("Cancelled", "", "")
	for row, said in zip(job.steps, ("The site answers", "The disk is full."), strict=True):
		first, *rest = row.output.splitlines()
		assert first.startswith("Undone.") and said in rest


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
	from buildpro_saas.jobs import ending

	job = engine.job(step(engine, "Only"))
	job.db_set("status", ended)
	engine.frappe.db.commit()
	assert not ending.end(job.name, None, "Failed", error="too late")
	assert not ending.change(job.name, ending.UNFINISHED, status="Waiting")
	with pytest.raises(engine.frappe.ValidationError):
		job.cancel_job()
	job.reload()
	assert (job.status, job.error, bool(job.cancel_requested)) == (ended, None, False)


def test_a_job_is_not_sent_again_whose_sending_only_seemed_to_fail(engine, own_bench, monkeypatch):
	"""Redis took it, a worker did it, and then Redis's answer was lost."""
	from buildpro_saas.jobs import queue

	job = engine.job(step(engine, "Only"))
	job.db_set({"status": "Waiting", "bench": own_bench.name})
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
	from buildpro_saas.jobs.engine import Engine

	told = []
	job = engine.job(step(engine, "Only"), on_status=lambda _inputs, status: told.append(status))
	monkeypatch.setattr(Engine, "_forward", lambda self: 1 / 0)
	job = engine.run(job)
	assert (job.status, told) == ("Failed", ["Running", "Failed"])
	assert "ZeroDivisionError" in job.error and "Error Log" in job.hint


def test_what_keeps_a_tenant_from_being_saved_is_told_in_a_line(engine, drifting, monkeypatch):
	"""As a Server Script or a Notification does: HTML, and a traceback behind it."""
	from buildpro_saas.control_plane.doctype.tenant.tenant import Tenant

	frappe = engine.frappe
	save_facts = Tenant._save_facts

	def refuse(self):
		if self.status == "Active":
			frappe.throw("<details><summary>No <b>Fridays</b> &amp; no holidays</summary>Traceback</details>")
		save_facts(self)

	tenant = drifting.tenant("Provisioning", f"{drifting.token}.localhost", None)
	frappe.db.set_value("Tenant", tenant, "subdomain", tenant)  # a record's name is its subdomain
	job = engine.job(
		step(engine, "Only"), tenant_when_completed="Active", tenant_when_failed="Failed", on_status=None
	)
	job.db_set("tenant", tenant)
	frappe.db.commit()
	monkeypatch.setattr(Tenant, "_save_facts", refuse)
	job = engine.run(job)
	assert (job.status, frappe.db.get_value("Tenant", tenant, "status")) == ("Failed", "Failed")
	assert job.error == (
		"Something that runs when a Tenant is saved (a Server Script, a Notification, another app) refused:"
		" No Fridays & no holidays"
	)
	assert "switch it off" in job.hint and "job's record" not in job.hint


@pytest.mark.parametrize("status", ["Failed", "Running"])
def test_cancelling_says_retry_only_of_a_job_that_has_it(engine, status):
	from buildpro_saas.agent.errors import NotOursError

	def check_undo(_context):
		raise NotOursError("The site is in use.", "Press Retry.")

	job = engine.job(step(engine, "Only", run=failing(9, AgentError("broken"))), check_undo=check_undo)
	job = engine.run(job)
	job.db_set("status", status)
	engine.frappe.db.commit()
	advice = {"Failed": "Press Retry.", "Running": "It goes on by itself."}[status]
	with pytest.raises(engine.frappe.ValidationError) as refusal:
		job.cancel_job()
	assert str(refusal.value) == f"The site is in use. {advice}"


@pytest.mark.parametrize("place", ["in place", "gone", "another's"])
def test_retry_alone_is_no_advice_where_the_folder_is_not_in_place(engine, drifting, place):
	from types import SimpleNamespace

	from buildpro_saas.agent import door, site_use
	from buildpro_saas.agent.errors import NotOursError
	from buildpro_saas.fleet import finished_site

	mark = drifting.mark()
	name = f"{drifting.token}.localhost"
	if place != "gone":
		drifting.site(mark if place == "in place" else drifting.mark(), buildpro_sequence=2)
	database = drifting.database(mark, has_tables=True)
	with drifting.server() as mariadb:
		mariadb.db.sql(f"alter table `{database}`.`tabSingles` add doctype text, add field text")
		site_use.note_finished(mariadb, database)
	here = door.here()
	context = SimpleNamespace(
		bench=here,
		site=here.site(name),
		mark=mark,
		job="none",
		tenant={"entitlement_sequence": 2},
		state={"database": database},
	)
	with pytest.raises(NotOursError, match="in use: it was finished") as refusal:
		finished_site.check_unused(context)
	is_told = refusal.value.hint == finished_site.NOT_IN_PLACE
	assert is_told == (place != "in place") and "Retry" in refusal.value.hint


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
