"""Several things at once, within a time; the caller's context is theirs."""

import contextvars
import threading
import time

from buildpro_saas import side_by_side
from buildpro_saas.side_by_side import NotInTimeError

of_caller = contextvars.ContextVar("of_caller")


def fail():
	raise ValueError("no")


def test_each_has_its_value_or_its_fault_in_the_order_asked():
	of_caller.set("mine")
	found = side_by_side.do({"b": lambda: 2, "a": fail, "c": of_caller.get}, 20)
	assert list(found) == ["b", "a", "c"]
	assert found["b"].value == 2 and found["c"].value == "mine"
	assert isinstance(found["a"].fault, ValueError) and found["a"].value is None


def test_they_are_done_at_once():
	both = threading.Barrier(2, timeout=20)
	found = side_by_side.do({"a": both.wait, "b": both.wait}, 20)
	assert {each.value for each in found.values()} == {0, 1}


def test_what_does_not_end_is_left_alone():
	end = threading.Event()
	began = time.monotonic()
	try:
		found = side_by_side.do({"late": lambda: end.wait(60), "quick": lambda: 1}, 0.2)
		assert time.monotonic() - began < 30
		assert isinstance(found["late"].fault, NotInTimeError) and found["quick"].value == 1
	finally:
		end.set()
