"""Batches on a real site's database: turns and their order, width, stop rules, pausing, narrowing, retrying, resuming."""

import time

import pytest
from conftest_data import second_connection
from engine_bench import bench_of, engine_of

from buildpro_saas.agent.errors import AgentError, TransientError


@pytest.fixture
def many(admin_site, drifting, monkeypatch):
	"""Batches of a made-up piece of work on a bench of the test's own; runners are run in this process."""
	with engine_of(admin_site) as engine, bench_of(admin_site) as bench:
		yield Many(engine, bench.name, drifting, monkeypatch)
		admin_site.db.rollback()
		for doctype in ("Batch", "Batch Row"):
			admin_site.db.delete(doctype)
		for job in admin_site.get_all("Provisioning Job", {"bench": bench.name}, pluck="name"):
			admin_site.db.delete("Provisioning Job Step", {"parent": job})
			admin_site.db.delete("Provisioning Job", {"name": job})
		admin_site.db.commit()


class Many:
	def __init__(self, engine, bench, drifting, monkeypatch):
		from buildpro_saas.jobs import (
			batch_rows,
			batch_runner,
			batch_runners,
			batches,
			dispatcher,
			lifecycle,
			registry,
		)
		from buildpro_saas.jobs.playbook import RetryPolicy

		self.frappe, self.bench, self.drifting = engine.frappe, bench, drifting
		self.batches, self.rows, self.runner = batches, batch_rows, batch_runner
		self.runners_of = batch_runners
		self.went: list[str] = []  # tenants in the order of their turns
		self.meanwhile: dict = {}  # tenant → what happens in its turn
		self.failures: list[str] = []
		many = self

		class Work(batch_runner.TenantWork):
			title = "Test"
			retry = RetryPolicy(attempts=3, first_delay=0.01, factor=1)
			at_once = 1

			def run(self, turn):
				many.went.append(turn.tenant)
				if happens := many.meanwhile.get(turn.tenant):
					return happens(turn) or "done"
				return "done"

			def failed(self, tenant, error):
				many.failures.append(tenant)

		self.work = Work()
		self.playbook = f"test_{self.frappe.generate_hash(length=8)}"
		book = batch_runner.for_many(self.playbook, "Test", self.work, is_heavy=False)
		registry.register(book)
		# no worker knows the playbook: the test runs what would have been sent
		monkeypatch.setattr(lifecycle, "dispatch", lambda bench: None)
		monkeypatch.setattr(dispatcher, "dispatch", lambda bench: None)
		self.lifecycle = lifecycle

	def start(self, names: str, **options):
		"""A batch for tenants of these one-letter names, in this order."""
		batch = self.batches.start(
			self.playbook, [(name, self.bench) for name in names], why="test", **options
		)
		self.frappe.db.commit()
		return batch

	def runners(self, status: str = "Waiting") -> list[str]:
		filters = {"bench": self.bench, "playbook": self.playbook, "status": status}
		return self.frappe.get_all("Provisioning Job", filters, pluck="name", order_by="creation, name")

	def run(self, runner: str | None = None) -> None:
		"""What a worker does with a runner (the first one that waits)."""
		runner = runner or self.runners()[0]
		self.frappe.db.set_value("Provisioning Job", runner, "status", "Queued")
		self.frappe.db.commit()
		self.lifecycle.run(runner)
		self.frappe.db.commit()

	def row(self, batch, tenant: str):
		return self.frappe.get_doc("Batch Row", {"batch": batch.name, "tenant": tenant})

	def told(self, batch) -> dict[str, str]:
		self.frappe.db.commit()
		rows = self.frappe.get_all(
			"Batch Row", {"batch": batch.name}, ["tenant", "status"], order_by="position"
		)
		return {row.tenant: row.status for row in rows}

	def status(self, batch) -> str:
		self.frappe.db.commit()
		return self.frappe.db.get_value("Batch", batch.name, "status")

	def failing(self, error, times: int = 99):
		left = [error] * times

		def happens(_turn):
			if left:
				raise left.pop()

		return happens


# -- turns ---------------------------------------------------------------------------------------------------------


def test_every_tenant_has_a_turn_in_the_callers_order(many):
	batch = many.start("cab")
	assert many.status(batch) == "Waiting" and len(many.runners()) == 1
	many.run()
	batch.reload()
	assert many.went == ["c", "a", "b"]
	assert (batch.status, batch.total, batch.completed, batch.failed) == ("Completed", 3, 3, 0)
	assert batch.started_at and batch.ended_at and batch.duration >= 0
	row = many.row(batch, "a")
	assert (row.status, row.message, row.attempts) == ("Completed", "done", 1) and row.seconds >= 0
	assert many.runners() == [] and len(many.runners("Completed")) == 1


def test_one_bad_tenant_does_not_stop_the_others_and_is_told_with_its_sentence(many):
	many.meanwhile["b"] = many.failing(AgentError("The disk is full.", "Free some space."))
	batch = many.start("abc")
	many.run()
	assert many.told(batch) == {"a": "Completed", "b": "Failed", "c": "Completed"}
	row = many.row(batch, "b")
	assert row.message == "The disk is full. Free some space." and row.attempts == 1
	batch.reload()
	assert (batch.status, batch.completed, batch.failed) == ("Completed", 2, 1)
	assert many.failures == ["b"]


def test_what_passes_by_itself_is_tried_again_while_the_others_have_their_turns(many):
	many.meanwhile["a"] = many.failing(TransientError("away"), times=2)
	batch = many.start("abc")
	many.run()
	assert many.told(batch) == dict.fromkeys("abc", "Completed")
	assert many.went[0] == "a" and many.went.count("a") == 3
	assert many.row(batch, "a").attempts == 3


def test_tries_are_bounded(many):
	many.meanwhile["a"] = many.failing(TransientError("away"))
	batch = many.start("a")
	many.run()
	assert (many.told(batch), many.went.count("a")) == ({"a": "Failed"}, 3)


def test_what_hangs_is_stopped(many):
	type(many.work).timeout = 0.2
	type(many.work).retry = many.work.retry.__class__(attempts=1)
	many.meanwhile["a"] = lambda _turn: time.sleep(30)
	batch = many.start("ab")
	many.run()
	assert many.told(batch) == {"a": "Failed", "b": "Completed"}
	assert "longer than" in many.row(batch, "a").message


def test_the_most_urgent_batch_has_the_next_turn(many):
	"""One customer's change comes while many are being told."""
	batch = many.start("abcd")
	urgent = []
	many.meanwhile["b"] = lambda _turn: urgent.append(many.start("x", priority=10)) and None
	many.run()
	assert many.went == ["a", "b", "x", "c", "d"]
	assert many.status(batch) == many.status(urgent[0]) == "Completed"


def aged(many, batch, seconds: float) -> None:
	"""As if the batch had been made so long ago."""
	made = many.frappe.utils.add_to_date(batch.creation, seconds=-seconds)
	many.frappe.db.set_value("Batch", batch.name, "creation", made, update_modified=False)
	many.frappe.db.commit()


def test_a_batch_that_has_waited_long_has_every_second_turn(many):
	from buildpro_saas.jobs.turns import PATIENCE

	patient, old = many.start("pq", priority=-10), many.start("abc", priority=-10)
	aged(many, patient, PATIENCE - 60)
	aged(many, old, PATIENCE)
	many.start("xyz", priority=10)
	many.run()
	assert many.went == list("xaybzcpq")


def test_a_batch_of_low_priority_ends_while_more_urgent_ones_keep_coming(many):
	"""Each turn of an urgent tenant brings the next urgent batch, so there is always one."""
	from buildpro_saas.jobs.turns import PATIENCE

	old = many.start("abc", priority=-10)
	aged(many, old, PATIENCE)
	coming = iter("vwxyz")

	def and_the_next(_turn=None):
		if name := next(coming, None):
			many.meanwhile[name] = and_the_next
			many.start(name, priority=10)

	and_the_next()
	many.run()
	assert many.went == list("vawbxcyz")
	assert many.status(old) == "Completed"


def test_what_comes_as_a_runner_ends_has_a_runner_started_for_it(many, monkeypatch):
	"""It has found nobody left, and has not ended: who comes now sees a runner and starts none."""
	many.start("a")
	late = []

	def nobody_left(*_arguments):
		if not late:
			late.append(many.start("z"))
		return None

	monkeypatch.setattr(many.rows, "next_due", nobody_left)
	monkeypatch.setattr(
		many.runner.WorkThroughRows, "_wait_for_next", lambda self, *each: nobody_left() or False
	)
	claim = many.rows.claim
	monkeypatch.setattr(many.rows, "claim", lambda *each, **more: [] if late else claim(*each, **more))
	monkeypatch.setattr(many.runners_of, "_is_due", lambda *_each: True)
	many.run()
	assert many.went == ["a"] and many.told(late[0]) == {"z": "Waiting"}
	assert len(many.runners()) == 1


# -- width ---------------------------------------------------------------------------------------------------------


def test_as_many_runners_as_a_batch_is_wide_and_never_more_than_it_has_rows(many):
	many.start("abcdef", width=3)
	assert len(many.runners()) == 3
	many.start("gh", width=2)
	assert len(many.runners()) == 3  # they are shared


def test_a_batch_that_is_narrower_than_the_runners_keeps_to_its_width(many):
	wide, narrow = many.start("abc", width=3), many.start("xyz", width=1, priority=10)
	third = next(
		name
		for name in many.runners()
		if many.frappe.parse_json(many.frappe.db.get_value("Provisioning Job", name, "inputs"))["slot"] == 2
	)
	many.run(third)
	assert many.went == ["a", "b", "c"]
	assert many.told(narrow) == dict.fromkeys("xyz", "Waiting") and many.status(wide) == "Completed"


def test_runners_at_once_take_different_rows_without_waiting(many):
	batch = many.start("abcd", width=2)
	other = second_connection(many.frappe)
	with other.cursor() as cursor:
		cursor.execute("start transaction")
		cursor.execute(
			"""select tenant from `tabBatch Row` force index (turns) where batch = %s and bench = %s and position >= 0 and status = 'Waiting'
			order by position limit 2 for update skip locked""",
			(batch.name, many.bench),
		)
		assert [row[0] for row in cursor.fetchall()] == ["a", "b"]
		began = time.monotonic()
		claimed = many.rows.claim(many.playbook, many.bench, "me", 0, 2)
		assert time.monotonic() - began < 5
	other.rollback()
	other.close()
	assert [row.tenant for row in claimed] == ["c", "d"]


def test_rows_are_claimed_in_the_order_of_an_index(many):
	batch = many.start("abc")
	plan = many.frappe.db.sql(
		"""explain select name from `tabBatch Row` force index (turns) where batch = %s and bench = %s and position >= 0
		and status = 'Waiting' order by position limit 1""",
		(batch.name, many.bench),
		as_dict=True,
	)[0]
	assert plan.key == "turns" and "filesort" not in (plan.Extra or "")


# -- stop rules ----------------------------------------------------------------------------------------------------


def test_it_stops_after_so_many_failures_and_goes_on_when_it_is_told_to(many):
	for name in "bd":
		many.meanwhile[name] = many.failing(AgentError("no"))
	batch = many.start("abcdef", stop_after=2)
	many.run()
	batch.reload()
	assert batch.status == "Stopped" and "2 tenants" in batch.reason and "Resume" in batch.reason
	assert many.told(batch) == {
		**dict.fromkeys("ac", "Completed"),
		**dict.fromkeys("bd", "Failed"),
		**dict.fromkeys("ef", "Waiting"),
	}
	assert many.runners() == []
	batch.resume()
	many.frappe.db.commit()
	many.run()
	assert many.status(batch) == "Completed" and many.told(batch)["f"] == "Completed"


def test_what_it_stopped_for_before_is_counted_by_neither_rule_again(many):
	for name in "abcdefghijkl":
		many.meanwhile[name] = many.failing(AgentError("no"))
	for rule, again in (({"stop_after": 2}, "2 tenants"), ({"stop_rate": 50}, "10 of 10 tenants")):
		batch = many.start("abcdefghijklmnopqrstuvwxyz", **rule)
		many.run()
		batch.resume()
		many.frappe.db.commit()
		many.meanwhile |= {name: many.failing(AgentError("no")) for name in "mnopqrstuvwx"}
		many.run()
		batch.reload()
		assert batch.status == "Stopped" and f"wrong with {again}" in batch.reason, batch.reason
		batch.cancel_batch()
		many.frappe.db.commit()


def test_it_stops_at_a_rate_once_that_says_something(many):
	names = "abcdefghijklmnopqrst"
	for name in names[1::2]:
		many.meanwhile[name] = many.failing(AgentError("no"))
	batch = many.start(names, stop_rate=50)
	many.run()
	batch.reload()
	assert (batch.status, batch.completed, batch.failed) == ("Stopped", 5, 5)


def test_claimed_rows_that_had_no_turn_wait_again_when_it_stops(many):
	type(many.work).at_once = 4
	many.meanwhile["b"] = many.failing(AgentError("no"))
	batch = many.start("abcd", stop_after=1)
	many.run()
	assert many.told(batch) == {"a": "Completed", "b": "Failed", "c": "Waiting", "d": "Waiting"}
	assert many.row(batch, "c").attempts == 0


# -- staff ---------------------------------------------------------------------------------------------------------


def test_it_is_paused_between_two_turns_and_resumed(many):
	type(many.work).at_once = 4
	batch = many.start("abcd")
	many.meanwhile["b"] = lambda _turn: batch.pause()
	many.run()
	assert many.status(batch) == "Paused" and many.went == ["a", "b"]
	many.batches.recover_batches()
	assert many.runners() == []
	batch.resume()
	many.frappe.db.commit()
	many.run()
	assert (many.status(batch), many.went) == ("Completed", ["a", "b", "c", "d"])


def test_one_that_was_held_before_its_first_turn_has_its_times(many):
	batch = many.start("ab")
	batch.pause()
	batch.resume()
	many.frappe.db.commit()
	many.run()
	batch.reload()
	assert batch.status == "Completed" and batch.started_at and batch.duration > 0


def test_tenants_are_taken_out_that_have_not_had_their_turn(many):
	batch = many.start("abcd")
	many.meanwhile["b"] = lambda _turn: batch.leave_out("a, b, d") and None
	many.run()
	assert many.told(batch) == {"a": "Completed", "b": "Completed", "c": "Completed", "d": "Left Out"}
	assert many.row(batch, "d").message == "Taken out before its turn."
	assert many.status(batch) == "Completed"


def test_a_tenant_that_the_batch_is_not_for_cannot_be_taken_out(many):
	batch = many.start("ab")
	with pytest.raises(many.frappe.ValidationError, match="not for z"):
		batch.leave_out(["a", "z"])


def test_taking_out_all_that_are_left_ends_it(many):
	batch = many.start("ab")
	assert batch.leave_out(["a", "b"]) == 2
	assert many.status(batch) == "Completed"


def test_those_that_failed_are_retried_and_nobody_else(many):
	many.meanwhile["b"] = many.failing(AgentError("no"), times=1)
	batch = many.start("abc")
	many.run()
	many.went.clear()
	assert batch.retry_failed() == 1
	many.frappe.db.commit()
	assert many.status(batch) == "Running"
	many.run()
	assert (many.went, many.told(batch)) == (["b"], dict.fromkeys("abc", "Completed"))
	batch.reload()
	assert (batch.status, batch.failed) == ("Completed", 0)
	with pytest.raises(many.frappe.ValidationError, match="With no tenant"):
		batch.retry_failed()


def test_one_that_is_paused_as_its_rows_are_claimed_gives_nobody_a_turn(many, monkeypatch):
	batch = many.start("ab")
	lock_next = many.rows._lock_next
	other = second_connection(many.frappe)

	def paused_meanwhile(*each):
		with other.cursor() as cursor:
			cursor.execute("update tabBatch set status = 'Paused' where name = %s", (batch.name,))
		other.commit()
		monkeypatch.setattr(many.rows, "_lock_next", lock_next)
		return lock_next(*each)

	many.frappe.db.set_value("Batch", batch.name, "started_at", many.frappe.utils.now())
	many.frappe.db.commit()
	monkeypatch.setattr(many.rows, "_lock_next", paused_meanwhile)
	many.run()
	other.close()
	assert (many.went, many.status(batch)) == ([], "Paused")
	assert many.told(batch) == dict.fromkeys("ab", "Waiting") and many.row(batch, "a").attempts == 0


def test_one_that_is_cancelled_says_how_long_it_went_on(many):
	began_then = many.start("ab")
	many.meanwhile["a"] = lambda _turn: time.sleep(0.01) or began_then.cancel_batch()
	many.run()
	began_then.reload()
	assert began_then.status == "Cancelled" and began_then.ended_at and began_then.duration > 0
	never_began = many.start("c")
	never_began.cancel_batch()
	never_began.reload()
	assert never_began.status == "Cancelled" and never_began.ended_at


def test_cancelling_leaves_out_who_has_not_had_his_turn(many):
	type(many.work).at_once = 2
	batch = many.start("abcd")
	many.meanwhile["a"] = lambda _turn: batch.cancel_batch()
	many.run()
	assert many.status(batch) == "Cancelled"
	assert many.told(batch) == {"a": "Completed", "b": "Left Out", "c": "Left Out", "d": "Left Out"}
	assert many.went == ["a"]
	for act in (batch.pause, batch.resume, batch.retry_failed, batch.cancel_batch):
		with pytest.raises(many.frappe.ValidationError, match="Cancelled"):
			act()


def test_support_may_hold_a_batch_and_retry_and_only_managers_narrow_and_cancel(many):
	frappe, batch = many.frappe, many.start("ab")
	user = many.drifting.record(
		"User",
		name=f"{many.drifting.token}@example.com",
		email=f"{many.drifting.token}@example.com",
		first_name="S",
	)
	many.drifting.record("Has Role", parent=user, parenttype="User", parentfield="roles", role="SaaS Support")
	frappe.clear_cache(user=user)
	frappe.set_user(user)
	try:
		batch.pause()
		batch.resume()
		for act in (lambda: batch.leave_out(["a"]), batch.cancel_batch):
			with pytest.raises(frappe.PermissionError):
				act()
		with pytest.raises(frappe.PermissionError):
			frappe.get_doc("Batch", batch.name).save()
	finally:
		frappe.set_user("Administrator")


@pytest.mark.parametrize(
	("options", "says"),
	[
		({"width": 0}, "width"),
		({"width": 99}, "width"),
		({"stop_after": -1}, "failures"),
		({"stop_rate": 101}, "rate"),
	],
)
def test_numbers_that_make_no_sense_are_refused(many, options, says):
	with pytest.raises(many.frappe.ValidationError, match=says):
		many.start("a", **options)


def test_a_batch_of_nobody_and_of_a_playbook_for_one_tenant_is_refused(many):
	with pytest.raises(many.frappe.ValidationError, match="no tenant"):
		many.start("")
	with pytest.raises(many.frappe.ValidationError, match="one tenant at a time"):
		many.batches.start("create_tenant", [("a", many.bench)], why="test")


# -- killed, and taken sites ---------------------------------------------------------------------------------------


def killed(many, batch, tenant: str) -> str:
	"""What a worker leaves that was killed in the tenant's turn: the runner Running, its lock free."""
	(runner,) = many.runners()
	values = {"status": "Running", "runner": runner, "attempts": 1}
	many.frappe.db.set_value("Batch Row", {"batch": batch.name, "tenant": tenant}, values)
	many.frappe.db.set_value("Batch Row", {"batch": batch.name, "tenant": "a"}, "status", "Completed")
	many.frappe.db.set_value(
		"Batch", batch.name, {"status": "Running", "started_at": many.frappe.utils.now()}
	)
	many.frappe.db.set_value("Provisioning Job", runner, {"status": "Running", "runs": 1})
	many.frappe.db.commit()
	return runner


def test_a_killed_runner_goes_on_from_the_last_committed_row(many):
	batch = many.start("abc")
	many.run(killed(many, batch, "b"))
	assert (many.went, many.status(batch)) == (["b", "c"], "Completed")
	assert many.row(batch, "b").attempts == 2


def test_rows_of_a_runner_that_will_not_come_back_are_found(many):
	batch = many.start("abc")
	runner = killed(many, batch, "b")
	many.frappe.db.set_value("Provisioning Job", runner, "status", "Failed")
	many.frappe.db.commit()
	many.batches.recover_batches()
	assert many.told(batch)["b"] == "Waiting"
	many.run()
	assert many.status(batch) == "Completed"


def test_a_row_that_kills_its_worker_each_time_fails(many):
	batch = many.start("ab")
	many.frappe.db.set_value("Batch Row", {"batch": batch.name, "tenant": "a"}, "attempts", 3)
	many.run()
	assert many.told(batch) == {"a": "Failed", "b": "Completed"} and many.went == ["b"]
	assert "3 attempts; in the last one its process ended" in many.row(batch, "a").message


def test_who_was_claimed_with_a_row_that_killed_the_worker_has_lost_no_attempt(many):
	batch = many.start("abc")
	(runner,) = many.runners()
	assert len(many.rows.claim(many.playbook, many.bench, runner, 0, 3)) == 3  # and the worker dies
	assert many.rows.take_back([runner]) == [batch.name]
	many.frappe.db.commit()
	assert {name: many.row(batch, name).attempts for name in "abc"} == {"a": 1, "b": 0, "c": 0}
	assert set(many.told(batch).values()) == {"Waiting"}


def test_what_a_runner_had_that_died_at_a_cancelled_batch_is_left_out(many):
	batch = many.start("ab")
	(runner,) = many.runners()
	many.rows.claim(many.playbook, many.bench, runner, 0, 2)
	batch.cancel_batch()
	many.frappe.db.commit()
	assert set(many.told(batch).values()) == {"Running"}
	many.batches.recover_batches()
	assert set(many.told(batch).values()) == {"Left Out"} and many.status(batch) == "Cancelled"


def test_a_count_from_before_others_were_given_another_turn_ends_nothing(many):
	"""A runner counts while staff press Retry: the one waits for the other, and counts what is so then."""
	many.meanwhile["a"] = many.failing(AgentError("No."), times=1)
	batch = many.start("a")
	many.run()
	assert many.status(batch) == "Completed"
	many.frappe.get_all("Batch Row", {"batch": batch.name})  # this transaction begins to read
	with second_connection(many.frappe) as other:
		cursor = other.cursor()
		cursor.execute("update `tabBatch Row` set status = 'Waiting' where batch = %s", batch.name)
		cursor.execute("update tabBatch set status = 'Running' where name = %s", batch.name)
		other.commit()
	many.batches.settle(batch.name, is_current=True)
	assert many.status(batch) == "Running"


def test_a_runner_that_fails_rests_before_another_is_started(many, monkeypatch):
	batch = many.start("a")
	(runner,) = many.runners()
	values = {"status": "Failed", "ended_at": many.frappe.utils.now_datetime()}
	many.frappe.db.set_value("Provisioning Job", runner, values)
	many.frappe.db.commit()
	many.runners_of.wake(many.playbook, many.bench)
	assert many.runners() == []
	monkeypatch.setattr(many.runners_of, "REST", -1)
	many.runners_of.wake(many.playbook, many.bench)
	assert len(many.runners()) == 1 and many.status(batch) == "Waiting"


def test_what_jobs_of_before_batches_were_to_send_is_sent(many, monkeypatch):
	from buildpro_saas.licensing import delivery
	from buildpro_saas.patches import send_what_waited

	sent = []
	monkeypatch.setattr(delivery, "send", lambda tenants, why: sent.append((tenants, why)))
	job = many.drifting.record(
		"Provisioning Job",
		title="Send entitlements",
		playbook=delivery.PLAYBOOK,
		status="Failed",
		bench=many.bench,
		inputs='{"tenants": ["acme"], "why": "its terms"}',
	)
	send_what_waited.execute()
	send_what_waited.execute()
	assert sent == [(["acme"], "its terms")]
	assert many.frappe.db.get_value("Provisioning Job", job, "status") == "Cancelled"


def test_a_site_that_a_job_has_is_passed_over_and_comes_at_once_when_the_job_ends(many):
	"""The order: the others have their turns; the one whose site is being restored comes after that."""
	from buildpro_saas.jobs.playbook import Playbook, Step

	restored = []

	class Restore(Step):
		title = "Restore"

		def run(self, context):
			restored.append(len(many.went))

	name = f"test_{many.frappe.generate_hash(length=8)}"
	from buildpro_saas.jobs import registry

	registry.register(Playbook(name=name, title="Test", steps=(Restore(),)))
	many.drifting.record(
		"Tenant",
		name="b",
		subdomain="b",
		status="Active",
		company="Acme",
		owner_name="O",
		owner_email="o@b.example",
		plan="Core",
	)
	job = many.lifecycle.start(name, tenant="b", bench=many.bench)
	many.frappe.db.set_value("Provisioning Job", job.name, {"status": "Waiting", "holds": 1, "runs": 1})
	many.frappe.db.commit()
	batch = many.start("abc")
	runner = many.runners()[0]
	many.run(runner)
	assert many.went == ["a", "c"]
	row = many.row(batch, "b")
	assert (row.status, row.attempts, row.message) == ("Waiting", 0, f"{job.name} has the site.")
	assert many.runners() == []  # nobody waits in a worker for a restore
	many.frappe.db.set_value("Provisioning Job", job.name, "status", "Queued")
	many.frappe.db.commit()
	many.lifecycle.run(job.name)
	many.frappe.db.commit()
	assert restored == [2]
	many.run()
	assert (many.went, many.status(batch)) == (["a", "c", "b"], "Completed")


def test_work_that_needs_no_site_does_not_ask_for_it(many):
	type(many.work).takes_site = False
	tenant = many.drifting.tenant("Active", f"{many.drifting.token}.localhost", None)
	many.drifting.record(
		"Provisioning Job", title="Test", playbook="create_tenant", tenant=tenant, status="Running", holds=1
	)
	batch = many.batches.start(many.playbook, [(tenant, many.bench)], why="test")
	many.frappe.db.commit()
	many.run()
	assert many.told(batch) == {tenant: "Completed"}


def test_old_batches_go_with_their_rows(many):
	from buildpro_saas.control_plane.doctype.batch.batch import Batch

	old, young, waiting = many.start("a"), many.start("b"), many.start("c")
	long_ago = many.frappe.utils.add_days(None, -40)
	for batch, ended in ((old, long_ago), (young, many.frappe.utils.now()), (waiting, long_ago)):
		status = "Waiting" if batch is waiting else "Completed"
		many.frappe.db.set_value("Batch", batch.name, {"status": status, "ended_at": ended})
	Batch.clear_old_logs(days=30)
	assert set(many.frappe.get_all("Batch", pluck="name")) == {young.name, waiting.name}
	assert set(many.frappe.get_all("Batch Row", pluck="batch")) == {young.name, waiting.name}
