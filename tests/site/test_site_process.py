"""A function that runs on a site in a process of its own: its answer, what it prints, what it starts, and when it ends."""

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from buildpro_saas.agent.errors import AgentError, TransientError

SECONDS = 120  # for one run, which takes some two, and more on a busy machine


@pytest.fixture
def site(admin_site, bench_path, monkeypatch):
	from buildpro_saas.agent import door

	monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
	return door.here().site(admin_site.local.site)


def run(
	site,
	function: str,
	*,
	timeout: float = SECONDS,
	log=lambda line: None,
	checkpoint=lambda: None,
	**arguments,
):
	return site.run(
		f"in_site_process.{function}",
		id=uuid4().hex,
		timeout=timeout,
		log=log,
		checkpoint=checkpoint,
		**arguments,
	)


def is_alive(pid: int) -> bool:
	try:
		return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
	except FileNotFoundError:
		return False


def test_an_answer_and_arguments_of_any_length(site):
	"""A pipe holds 64 KiB."""
	assert len(run(site, "text", length=1_000_000)["text"]) == 1_000_000
	assert run(site, "length", given="x" * 1_000_000) == 1_000_000


def test_a_refusal_is_the_sentence_alone(site):
	with pytest.raises(AgentError) as refused:
		run(site, "refuse", told="There is no room.")
	assert (str(refused.value), refused.value.hint) == ("There is no room.", "Do something.")
	with pytest.raises(AgentError, match=r"^ValueError: no such thing$"):
		run(site, "fail", told="no such thing")


@pytest.mark.parametrize("is_daemon", [False, True])
def test_what_a_process_has_started_ends_with_it(site, is_daemon):
	began = time.monotonic()
	left = run(site, "leave_a_child_behind", is_daemon=is_daemon)
	assert not is_alive(left) and time.monotonic() - began < SECONDS


@pytest.mark.parametrize(
	"function, arguments", [("start_and_sleep", {"seconds": 600}), ("start_and_die", {})]
)
def test_what_a_process_has_started_ends_when_it_is_killed(site, function, arguments):
	lines = []

	def stop_once_it_has_started():
		if lines:
			raise TransientError("stopped")

	with pytest.raises(TransientError):
		run(site, function, log=lines.append, checkpoint=stop_once_it_has_started, **arguments)
	assert not is_alive(int(lines[0]))


def test_what_a_process_prints_arrives_whole_without_a_line_end(site):
	lines = []
	run(site, "print_without_end", log=lines.append, size=200_000)
	assert sum(map(len, lines)) == 200_000


def test_a_process_that_takes_too_long_is_stopped(site):
	with pytest.raises(TransientError, match="longer than 3 seconds"):
		run(site, "sleep", timeout=3, seconds=600)


def test_a_site_below_the_others_has_the_bench_s_configuration(site, bench_path):
	"""Images and standby sites are kept below sites/."""
	from buildpro_saas.agent import door

	sites = bench_path / "sites"
	for place in (door.here().image(site.name), door.here().standby(site.name)):
		link = sites / place.place / site.name
		link.parent.mkdir(parents=True, exist_ok=True)
		os.symlink(sites / site.name, link)
		try:
			found = run(place, "where")
			assert found == {**run(site, "where"), "site": f"{place.place}/{site.name}"}
			assert place.call("in_site_process.where")["site"] == found["site"]
		finally:
			link.unlink()


def test_it_is_as_urgent_as_who_runs_it(site):
	"""Frappe's workers are nicer than web requests already; nicer still, it would starve behind the tenants' own jobs."""
	assert run(site, "where")["niceness"] == os.nice(0)
