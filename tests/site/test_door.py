"""The agent's door: specifications that are checked, starts that are repeated, lines, results, and what a cancel ends."""

import os
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest

from buildpro_saas.agent.errors import AgentError, NotOursError, OperationFault, TransientError

SECONDS = 120  # for a process, which takes some two, and more on a busy machine


@pytest.fixture(params=["here", "beside"])
def door(admin_site, bench_path, monkeypatch, request):
	"""The bench of this process: as it is reached, and as it would be from another bench of this machine."""
	from buildpro_saas.agent import door, neighbour

	if request.param == "here":
		monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
		yield door.here()
		return
	reached = neighbour.Neighbour(bench_path, {"PYTHONPATH": str(Path(__file__).parent)})
	yield door.Door(reached)
	reached.close()


def started(door, admin_site, function: str, id: str | None = None, **arguments) -> str:
	id = id or uuid4().hex
	spec = {"site": admin_site.local.site, "method": f"in_site_process.{function}", "arguments": arguments}
	door.start("run_on_site", spec, id)
	return id


def ended(door, id: str) -> dict:
	"""What is seen of it once it has ended, with all its lines."""
	until, lines = time.monotonic() + SECONDS, []
	while time.monotonic() < until:
		seen = door.look(id, len(lines), 1.0)
		lines += seen["lines"]
		if seen["state"] != "Running":
			return {**seen, "lines": lines}
	raise AssertionError(f"not within {SECONDS} s")


def is_alive(pid: int) -> bool:
	try:
		return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
	except FileNotFoundError:
		return False


# -- specifications ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("name", "spec", "told"),
	[
		("app_facts", {"apps": "frappe"}, "'apps' of the operation app_facts is wrong"),
		("app_facts", {"apps": [1]}, "'apps.0' of the operation app_facts is wrong"),
		("app_facts", {"apps": [], "more": 1}, "does not know 'more': it takes apps"),
		("app_facts", {}, "The operation app_facts needs 'apps'"),
		("site_exists", {"site": "../config"}, "'site' of the operation site_exists is wrong"),
		("site_exists", {"site": ".buildpro"}, "'site' of the operation site_exists is wrong"),
		("read_site_config", {"site": "a", "place": "elsewhere"}, "'place' of the operation"),
		("call_on_site", {"site": "a", "method": "os", "arguments": {}}, "'method' of the operation"),
		("format_disk", {}, "knows no operation 'format_disk'"),
		("run_on_site", {}, "takes its time: start it"),
	],
)
def test_what_is_asked_wrongly_is_told_in_a_sentence(door, name, spec, told):
	with pytest.raises(AgentError) as refused:
		door.do(name, **spec)
	assert told in str(refused.value)


def test_every_operation_can_be_described():
	"""What a specification has, and what comes back, is JSON."""
	from buildpro_saas.agent.operations import operation

	assert len(operation.names()) > 30
	for name in operation.names():
		found = operation.find(name)
		assert found.function.__doc__, name
		assert found._spec.json_schema()["type"] == "object"
		found._result.json_schema()


def test_an_operation_sees_its_bench_and_no_site(door, admin_site):
	assert door.do("bench_facts")["path"] == os.path.dirname(os.path.realpath(admin_site.local.sites_path))
	assert admin_site.local.site and admin_site.db.sql("select 1")
	where = door.site(admin_site.local.site).call("in_site_process.where")
	assert where["site"] == admin_site.local.site


def test_errors_keep_what_they_are(door, admin_site, drifting):
	site = door.site(drifting.site("another/0123456789abcdef"))
	with pytest.raises(NotOursError, match="was not made by this job"):
		door.do("make_empty_site", site=site.name, database=f"_{drifting.token}", mark="x/1")
	with pytest.raises(AgentError, match="There is no site"):
		door.site("nobody.localhost").call("in_site_process.where")
	with pytest.raises(Exception, match="no such thing") as fault:
		door.site(admin_site.local.site).call("in_site_process.fail", told="no such thing")
	assert isinstance(fault.value, OperationFault | ValueError)


@pytest.mark.parametrize(
	("config", "told"),
	[
		({}, "names no database"),
		({"db_name": "_x"}, "has no buildpro_sync_token"),
		({"db_name": "_x", "buildpro_sync_token": 7}, "has no buildpro_sync_token"),
	],
	ids=["no database", "no secret", "no text"],
)
def test_a_site_without_its_secret_is_told_in_a_sentence(door, drifting, config, told):
	site = drifting.site(drifting.mark(), **config)
	with pytest.raises(AgentError, match=told) as error:
		door.do("ask_site", site=site, port=1)
	assert "from a backup" in error.value.hint


def test_a_site_without_a_database_is_not_finished(door, drifting):
	site = drifting.site(drifting.mark())
	with pytest.raises(AgentError, match="names no database"):
		door.do("finish_site", site=site)


# -- what takes its time -----------------------------------------------------------------------------------------------


def test_a_start_that_is_repeated_finds_what_is_going_on_and_its_result(door, admin_site):
	id = started(door, admin_site, "start_and_sleep", seconds=3)
	started(door, admin_site, "start_and_sleep", id, seconds=3)
	first = ended(door, id)
	started(door, admin_site, "start_and_sleep", id, seconds=3)
	assert ended(door, id) == first and first["state"] == "Completed" and len(first["lines"]) == 1
	with pytest.raises(AgentError, match="was started as something else"):
		started(door, admin_site, "start_and_sleep", id, seconds=4)


def test_an_answer_of_any_length_comes_back(door, admin_site):
	seen = ended(door, started(door, admin_site, "text", length=1_000_000))
	assert len(seen["result"]["text"]) == 1_000_000


def test_a_cancel_ends_all_that_was_started(door, admin_site):
	id = started(door, admin_site, "start_and_sleep", seconds=600)
	seen = door.look(id, 0, SECONDS)
	while not seen["lines"]:
		seen = door.look(id, 0, SECONDS)
	door.cancel(id)
	assert not is_alive(int(seen["lines"][0]))
	assert ended(door, id)["state"] == "Cancelled"
	door.cancel(id)  # once more does nothing


def test_what_is_not_known_may_have_died_with_its_process(door):
	with pytest.raises(TransientError, match="is not known"):
		door.look("never-started", 0)


def test_a_quick_operation_can_be_started_too(door):
	id = uuid4().hex
	door.start("app_names", {}, id)
	seen = door.look(id)
	assert seen["state"] == "Completed" and "buildpro_saas" in seen["result"]


class StopError(Exception):
	"""What a checkpoint raises."""


@pytest.fixture
def stubborn(monkeypatch):
	"""An operation in a thread that ends, whatever it is told, only once this event is set."""
	from buildpro_saas.agent.operations import operation, running

	let_go = threading.Event()

	def stubborn(bench, progress, site: str) -> None:
		"""Work on."""
		let_go.wait(SECONDS)
		progress.check()

	monkeypatch.setattr(running, "LONGEST_DYING", 0.1)
	made = operation.Operation("stubborn", stubborn, operation.Kind.THREAD)
	monkeypatch.setitem(operation._known, "stubborn", made)
	yield let_go
	let_go.set()


@pytest.fixture
def host_door(admin_site, bench_path):
	"""A door of this bench that knows of nothing yet."""
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.door import Door
	from buildpro_saas.agent.operations.host import Host

	return Door(Host(Bench(bench_path)))


def test_what_goes_on_is_not_told_as_ended_and_nothing_meets_it(host_door, stubborn):
	spec = {"site": "somebody.localhost"}
	host_door.start("stubborn", spec, "first")
	with pytest.raises(TransientError, match="still at work"):
		host_door.cancel("first")
	assert host_door.look("first")["state"] == "Running"
	for meeting in (
		lambda: host_door.start("stubborn", spec, "second"),
		lambda: host_door.do("site_exists", **spec),
		lambda: host_door.do("remove_standby", database="somebody.localhost", marks=["x"]),
	):
		with pytest.raises(TransientError, match="still at work"):
			meeting()
	assert not host_door.do("site_exists", site="nobody.localhost")
	stubborn.set()
	assert ended(host_door, "first")["state"] == "Cancelled"
	assert not host_door.do("site_exists", **spec)
	host_door.start("stubborn", spec, "second")
	assert ended(host_door, "second")["state"] == "Completed"


def test_what_stops_an_operation_is_told_although_the_operation_goes_on(host_door, stubborn):
	def checkpoint() -> None:
		raise StopError

	lines: list[str] = []
	how = {"id": "x", "timeout": SECONDS, "log": lines.append, "checkpoint": checkpoint}
	with pytest.raises(StopError):
		host_door.run("stubborn", **how, site="somebody.localhost")
	assert "still at work" in lines[-1]


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_quick_operation_costs_little(door):
	"""Beside its work: half a millisecond here, some milliseconds on another bench of this machine (a busy machine has the best of five)."""
	from buildpro_saas.agent.neighbour import Neighbour

	def seconds_for_hundred() -> float:
		began = time.monotonic()
		for _n in range(100):
			door.do("site_exists", site="nobody.localhost")
		return time.monotonic() - began

	door.do("site_exists", site="nobody.localhost")
	best = min(seconds_for_hundred() for _n in range(5)) / 100
	assert best < (0.01 if isinstance(door._transport, Neighbour) else 0.0005)


# -- another bench of this machine -------------------------------------------------------------------------------------


def test_its_helper_is_started_anew_once_it_has_died(admin_site, bench_path):
	from buildpro_saas.agent import neighbour

	reached = neighbour.Neighbour(bench_path)
	names = reached.do("app_names", {})
	pid = reached._process.pid
	reached._process.kill()
	reached._process.wait()
	assert reached.do("app_names", {}) == names and reached._process.pid != pid
	reached.close()
	assert not is_alive(reached._process.pid) if reached._process else True


def test_its_helper_is_renewed_once_nothing_is_under_way(admin_site, bench_path, monkeypatch):
	"""It has the code of its start, and the apps there may have been updated since."""
	from buildpro_saas.agent import door, neighbour

	monkeypatch.setattr(neighbour, "OLD", 0)
	reached = neighbour.Neighbour(bench_path, {"PYTHONPATH": str(Path(__file__).parent)})
	there = door.Door(reached)

	def is_renewed() -> bool:
		before = reached._process.pid
		there.do("app_names")
		return reached._process.pid != before

	try:
		there.do("app_names")
		assert is_renewed()
		id = started(there, admin_site, "start_and_sleep", seconds=600)
		assert not is_renewed()
		there.cancel(id)
		assert is_renewed()
		id = started(there, admin_site, "text", length=1)
		assert not is_renewed()
		assert ended(there, id)["state"] == "Completed"
		assert is_renewed()
		with pytest.raises(AgentError, match="needs 'method'"):
			there.start("run_on_site", {"site": "a", "arguments": {}}, "wrong")
		assert is_renewed()
	finally:
		reached.close()


def test_several_threads_share_it(admin_site, bench_path):
	from buildpro_saas.agent import neighbour

	reached, found = neighbour.Neighbour(bench_path), []
	threads = [threading.Thread(target=lambda: found.append(reached.do("app_names", {}))) for _n in range(8)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(SECONDS)
	assert len(found) == 8 and len({tuple(names) for names in found}) == 1
	reached.close()


def test_an_interrupted_question_is_not_taken_for_the_next_ones_answer(admin_site, bench_path):
	"""A time limit (jobs.deadline) may strike while an answer is waited for."""
	from buildpro_saas.agent import door, neighbour
	from buildpro_saas.jobs.deadline import deadline

	class LimitError(Exception):
		pass

	reached = neighbour.Neighbour(bench_path, {"PYTHONPATH": str(Path(__file__).parent)})
	site = door.Door(reached).site(admin_site.local.site)
	with pytest.raises(LimitError), deadline(1, LimitError()):
		site.call("in_site_process.sleep", seconds=600)
	assert site.call("in_site_process.where")["site"] == site.name
	reached.close()


def test_a_time_limit_ends_all_that_was_started_there(admin_site, bench_path):
	from buildpro_saas.agent import door, neighbour
	from buildpro_saas.jobs.deadline import deadline

	class LimitError(Exception):
		pass

	reached = neighbour.Neighbour(bench_path, {"PYTHONPATH": str(Path(__file__).parent)})
	there = door.Door(reached)
	id = started(there, admin_site, "start_and_sleep", seconds=600)
	while not (lines := there.look(id, 0, SECONDS)["lines"]):
		pass
	with pytest.raises(LimitError), deadline(1, LimitError()):
		there.look(id, len(lines), SECONDS)
	assert not is_alive(int(lines[0]))
	reached.close()
