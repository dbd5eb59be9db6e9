"""A step's limit inside the worker's own."""

import signal
import time

import pytest

from buildpro_saas.jobs.deadline import deadline
from buildpro_saas.jobs.playbook import Playbook, RetryPolicy, Step


class WorkersLimit(Exception):
	"""What RQ raises when the whole job takes too long."""


@pytest.fixture
def workers_limit():
	def on_alarm(_signal, _frame):
		raise WorkersLimit

	before = signal.signal(signal.SIGALRM, on_alarm)
	yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
	signal.setitimer(signal.ITIMER_REAL, 0)
	signal.signal(signal.SIGALRM, before)


def test_it_stops_the_block():
	with pytest.raises(TimeoutError, match="slow"), deadline(0.05, TimeoutError("slow")):
		time.sleep(5)


def test_the_workers_limit_goes_on_afterwards(workers_limit):
	workers_limit(0.3)
	with deadline(10, TimeoutError()):
		pass
	with pytest.raises(WorkersLimit):
		time.sleep(5)


def test_a_workers_limit_that_ran_out_inside_fires_at_once(workers_limit):
	workers_limit(0.05)
	with pytest.raises(WorkersLimit):
		with deadline(10, TimeoutError()):
			end = time.monotonic() + 0.2
			while time.monotonic() < end:
				pass
		time.sleep(5)


def test_without_a_limit_before_none_is_left():
	with deadline(10, TimeoutError()):
		pass
	assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_delays_grow_to_a_bound():
	policy = RetryPolicy(first_delay=2, factor=3, longest_delay=50)
	assert [policy.delay_after(n) for n in range(1, 6)] == [2, 6, 18, 50, 50]


class DoThing(Step):
	title = "Do"

	def run(self, context):
		return None


def test_a_steps_key_and_a_playbook_without_doubles():
	assert DoThing().key == "do_thing"
	with pytest.raises(ValueError, match="twice"):
		Playbook(name="p", title="P", steps=(DoThing(), DoThing()))
