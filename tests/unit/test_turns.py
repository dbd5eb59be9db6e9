"""Whose turn it is on a bench, by what jobs need: in order, side by side where they are compatible, and nobody for ever last."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from buildpro_saas.jobs.playbook import BenchUse
from buildpro_saas.jobs.turns import PATIENCE, Claim, Memory, admitted, batches_in_order

SHARED, EXCLUSIVE, NONE = BenchUse.SHARED, BenchUse.EXCLUSIVE, BenchUse.NONE


def claim(job: str, site: str | None = None, bench: BenchUse = SHARED, **more) -> Claim:
	return Claim(job, site, bench, **{"is_heavy": True, **more})


def names(waiting, holding=(), slots=9, quiet_slots=9, memory=None) -> list[str]:
	return [found.job for found in admitted(waiting, holding, slots, quiet_slots, memory)]


# -- memory ------------------------------------------------------------------------------------------------------------


def test_heavy_jobs_go_while_there_is_memory_and_no_smaller_one_passes():
	waiting = [claim("a", memory=400), claim("b", memory=500), claim("small", memory=50)]
	light = claim("light", is_heavy=False, memory=9999)
	assert names([*waiting, light], memory=Memory(free=1000)) == ["a", "b", "small", "light"]
	assert names([*waiting, light], memory=Memory(free=800)) == ["a", "light"]


def test_one_job_goes_whatever_it_takes_where_none_runs():
	assert names([claim("huge", memory=9000), claim("b", memory=1)], memory=Memory(free=100)) == ["huge"]
	assert names([claim("huge", memory=9000)], memory=Memory(free=100, running=1)) == []


def test_one_that_was_ended_for_want_of_memory_runs_alone():
	alone, other = claim("alone", "x", is_alone=True, holds=True), claim("other", "y")
	assert names([alone, other], memory=Memory()) == ["alone"]
	assert names([alone, other], [alone], memory=Memory(running=1)) == []  # what comes later waits for it
	assert names([other], memory=Memory(running=1, is_alone=True)) == []
	assert names([claim("light", is_heavy=False), alone], memory=Memory(running=1)) == ["light"]


def test_what_is_compatible_goes_side_by_side_up_to_the_slots():
	waiting = [claim("a", "x"), claim("b", "y"), claim("c", "z"), claim("light", "w", is_heavy=False)]
	assert names(waiting, slots=2) == ["a", "b", "light"]


def test_a_site_is_one_jobs_at_a_time_in_order():
	waiting = [claim("first", "x"), claim("second", "x"), claim("other", "y")]
	assert names(waiting) == ["first", "other"]
	assert names(waiting[1:], [claim("first", "x")]) == ["other"]


def test_a_job_that_waits_for_a_slot_is_not_passed_by_a_later_one_for_its_site():
	assert names([claim("restore", "x"), claim("later", "x", is_heavy=False)], slots=0) == []


def test_a_job_that_wants_the_bench_waits_for_those_at_work_and_nobody_passes_it():
	waiting = [
		claim("update", bench=EXCLUSIVE),
		claim("new", "x"),
		claim("delivery", bench=NONE, is_heavy=False),
	]
	assert names(waiting, [claim("old", "y")]) == ["delivery"]  # the new one stands behind it
	assert names(waiting) == ["update", "delivery"]
	assert names(waiting[1:], [claim("update", bench=EXCLUSIVE)]) == ["delivery"]


def test_those_before_a_job_that_wants_the_bench_go_first():
	waiting = [claim("a", "x"), claim("update", bench=EXCLUSIVE), claim("b", "y")]
	assert names(waiting) == ["a"]


def test_two_that_want_the_bench_go_one_after_the_other():
	assert names([claim("a", bench=EXCLUSIVE), claim("b", bench=EXCLUSIVE)]) == ["a"]


def test_a_job_that_has_begun_goes_on_with_what_it_keeps():
	begun = claim("update", bench=EXCLUSIVE, holds=True)
	assert names([claim("a", "x"), begun], [begun]) == ["update"]
	restore = claim("restore", "x", holds=True)
	assert names([claim("a", "x"), restore, claim("b", "y")], [restore]) == ["restore", "b"]


def test_quiet_ones_leave_a_slot_to_others():
	waiting = [claim("image", is_quiet=True), claim("second", is_quiet=True), claim("tenant", "x")]
	assert names(waiting, slots=2, quiet_slots=1) == ["image", "tenant"]
	assert names(waiting, slots=2, quiet_slots=0) == ["tenant"]


@pytest.mark.parametrize("seed", range(20))
def test_everybody_has_his_turn_however_many_come_after_him(seed):
	"""A bench on which new jobs come all the time: each one that has waited goes before any that came after it and that it is in the way of."""
	chance = random.Random(seed)
	waiting, running, went = [], [], []
	for round_ in range(900):
		if round_ < 200:
			bench = chance.choices((SHARED, NONE, EXCLUSIVE), (30, 5, 1))[0]
			site = chance.choice((None, None, *"vwxyz"))
			waiting.append(claim(f"{round_:03}", site, bench, is_heavy=chance.random() < 0.2))
		slots = 2 - sum(each.is_heavy for each in running)
		chosen = admitted(waiting, running, slots, slots)
		for each in chosen:
			sites = [other.site for other in running if other.site]
			uses = [other.bench for other in running]
			assert each.site is None or each.site not in sites
			assert each.bench is not EXCLUSIVE or {SHARED, EXCLUSIVE}.isdisjoint(uses)
			assert each.bench is NONE or EXCLUSIVE not in uses
			running.append(each)
			waiting.remove(each)
			went.append(each.job)
		running = [each for each in running if chance.random() < 0.85]
	assert sorted(went) == [f"{number:03}" for number in range(200)]
	ways_in = {each: at for at, each in enumerate(went)}
	late = [job for job in went if ways_in[job] - int(job) > 60]
	assert not late, late


# -- batches -------------------------------------------------------------------------------------------------------


NOW = datetime(2026, 3, 1, 12)


@dataclass(frozen=True)
class Waiting:
	name: str
	priority: int
	creation: datetime


def batch(name: str, priority: int = 0, age: float = 0) -> Waiting:
	return Waiting(name, priority, NOW - timedelta(seconds=age))


def order(*batches: Waiting, is_for_old: bool) -> list[str]:
	return [found.name for found in batches_in_order(batches, NOW, is_for_old=is_for_old)]


def test_batches_go_by_priority_then_by_age():
	batches = batch("low", -10, 60), batch("new", 0, 5), batch("old", 0, 30), batch("urgent", 10, 1)
	for is_for_old in (False, True):
		assert order(*batches, is_for_old=is_for_old) == ["urgent", "old", "new", "low"]


def test_every_second_claim_is_for_the_batch_that_has_waited_longest():
	batches = (
		batch("urgent", 10, PATIENCE - 1),
		batch("many", 0, PATIENCE),
		batch("low", -10, PATIENCE + 1),
	)
	assert order(*batches, is_for_old=False) == ["urgent", "many", "low"]
	assert order(*batches, is_for_old=True) == ["low", "many", "urgent"]
