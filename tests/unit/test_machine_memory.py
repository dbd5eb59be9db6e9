"""What is read of the machine's memory: the machine's, or what a control group leaves; and how often the kernel ended something."""

import pytest

from buildpro_saas.agent import errors, machine_memory
from buildpro_saas.agent.errors import KilledError, TransientError

MB = machine_memory.MB


@pytest.fixture
def group(tmp_path, monkeypatch):
	"""A control group two levels deep: group(level, file, text) writes one of its files."""
	own = tmp_path / "groups/outer/inner"
	own.mkdir(parents=True)
	(tmp_path / "cgroup").write_text("0::/outer/inner\n")
	monkeypatch.setattr(machine_memory, "GROUP", tmp_path / "cgroup")
	monkeypatch.setattr(machine_memory, "GROUPS", tmp_path / "groups")
	monkeypatch.setattr(machine_memory, "VMSTAT", tmp_path / "vmstat")
	return lambda file, text, folder=own: (folder / file).write_text(text)


def test_a_limit_of_the_control_group_counts_where_it_is_below_the_machines(group, tmp_path):
	machines = machine_memory.free_mb()
	group("memory.max", "max")
	group("memory.current", str(10 * MB))
	assert machine_memory.free_mb() == pytest.approx(machines, abs=300)
	outer = tmp_path / "groups/outer"
	group("memory.max", str(100 * MB), outer)
	group("memory.current", str(90 * MB), outer)
	group("memory.stat", f"anon {60 * MB}\ninactive_file {20 * MB}\n", outer)
	assert machine_memory.free_mb() == 30


def test_kills_are_counted_for_the_machine_and_for_the_group(group, tmp_path):
	assert machine_memory.kills() == 0
	(tmp_path / "vmstat").write_text("nr_free_pages 5\noom_kill 2\n")
	assert machine_memory.kills() == 2
	group("memory.events", "low 0\noom 4\noom_kill 3\n")
	assert machine_memory.kills() == 3


def test_a_kill_goes_through_the_door_as_one():
	told = errors.from_plain(errors.as_plain(KilledError("ended with signal 9", "see dmesg")))
	assert type(told) is KilledError and told.hint == "see dmesg" and told.is_transient
	assert type(errors.from_plain(errors.as_plain(TransientError("x")))) is TransientError
