"""What dev/ promises about its own files: stages, ports, secrets, links, and whose sites are whose."""

import io
import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from execnet import XSpec

from dev import checks, databases, lanes, network_services, probes, registry_bench
from dev.bench import PrivateBench
from dev.existing_bench import ExistingBench
from dev.home import NETWORK_PORT_NAMES, REPO, Home, link
from dev.in_bench.our_sites import our_sites
from dev.network import Network
from dev.process_stat import ProcessStat, family_of
from dev.shell import DevError, clean_environment, output_of


@pytest.fixture
def home(tmp_path) -> Home:
	return Home(tmp_path / "home")


def test_a_stage_runs_once_and_again_when_its_key_changes(home):
	runs = []
	assert home.stage("x", "X", lambda: runs.append(1), key=["a"])
	assert not home.stage("x", "X", lambda: runs.append(2), key=["a"])
	assert home.stage("x", "X", lambda: runs.append(3), key=["b"])
	assert runs == [1, 3]


def test_a_stage_that_failed_is_not_done(home):
	home.stage("x", "X", lambda: None, key="old")
	with pytest.raises(ZeroDivisionError):
		home.stage("x", "X", lambda: 1 / 0, key="new")
	# neither the new key nor the old one counts: the failed build may have changed what the old one made
	assert not home.is_done("x", "new") and not home.is_done("x", "old")


def test_ports_are_kept_and_differ(home):
	ports = home.ports()
	assert len(set(ports.values())) == len(ports)
	assert Home(home.path).ports() == ports


def test_a_port_moves_away_from_one_that_is_taken(home):
	before = home.ports()["web"]
	with socket.create_server(("127.0.0.1", before)):
		moved = home.move_port("web")
	assert moved != before and home.ports()["web"] == moved


def test_the_network_of_a_demo_has_services_and_ports_once_it_was_set_up(home):
	before, names = home.ports(), set(PrivateBench(home).services().services)
	assert not names & set(network_services.NAMES)
	home.network.mkdir()
	services = PrivateBench(home).services()
	assert set(services.services) - names == set(network_services.NAMES)
	assert all(services.services[name].is_spare for name in network_services.NAMES)
	assert set(before.items()) < set(home.ports().items())
	assert set(home.ports()) - set(before) == set(NETWORK_PORT_NAMES)


def test_the_network_is_for_a_bench_of_our_own(home, tmp_path):
	with pytest.raises(DevError, match="leave BENCH out"):
		Network(ExistingBench(home, tmp_path))


def test_secrets_are_kept_readable_by_their_owner_only(home):
	assert home.secret("a") == home.secret("a") != home.secret("b")
	assert stat.S_IMODE((home.path / "secrets.json").stat().st_mode) == 0o600


def test_clean_refuses_a_folder_that_it_did_not_make(tmp_path):
	(tmp_path / "letters").mkdir()
	with pytest.raises(DevError, match="left alone"):
		Home(tmp_path).remove()
	assert (tmp_path / "letters").is_dir()


def test_a_link_never_replaces_a_real_folder(tmp_path):
	(tmp_path / "app").mkdir()
	with pytest.raises(DevError, match="in the way"):
		link(tmp_path / "app", tmp_path)


def test_services_do_not_inherit_ci(monkeypatch):
	monkeypatch.setenv("CI", "true")
	monkeypatch.setenv("PYTHONPATH", "/nowhere")
	assert not {"CI", "PYTHONPATH"} & set(clean_environment())


def test_a_failing_program_is_told_with_its_last_words():
	with pytest.raises(DevError, match=r"(?s)exit code 3.*no such thing"):
		output_of(["sh", "-c", "echo no such thing >&2; exit 3"], env=clean_environment())


@pytest.mark.parametrize(
	("text", "restored"),
	[
		("import criscostack", "import frappe"),
		("Criscostack Technologies", "Frappe Technologies"),
		("CRISCOSTACK_SITE", "FRAPPE_SITE"),
		("criscoerp.setup", "erpnext.setup"),
		("Criscoerp", "ERPNext"),
		("a new Crisco site", "a new Frappe site"),
	],
)
def test_names_are_put_back(text, restored):
	assert registry_bench.with_names_back(text) == restored


@pytest.mark.parametrize(
	("reply", "value"),
	[
		(b"+PONG\r\n", "PONG"),
		(b":7\r\n", 7),
		(b"$3\r\na\r\n\r\n", "a\r\n"),
		(b"$-1\r\n", None),
		(b"*2\r\n$1\r\na\r\n:1\r\n", ["a", 1]),
	],
)
def test_redis_replies_are_read(reply, value):
	assert probes._read_reply(io.BytesIO(reply)) == value


def test_probes_of_a_closed_port_answer_no(home):
	port = home.ports()["mariadb"]
	assert not probes.mariadb_answers(port)
	assert not probes.redis_answers(port)
	assert probes.http_answers(port) is None


def test_a_process_is_seen_until_it_ends():
	child = subprocess.Popen(["sleep", "60"], start_new_session=True)
	assert family_of(child.pid) == [child.pid]
	child.kill()
	os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
	assert ProcessStat.of(child.pid) is None
	child.wait()


def test_only_sites_of_this_attachment_are_ours(tmp_path):
	sites = {
		"acme.localhost": {},
		"other.localhost": {"buildpro_job": "admin.localhost/0e61"},
		"admin-ab12cd.localhost": {"buildpro_role": "admin"},
		"one.localhost": {"buildpro_job": "admin-ab12cd.localhost/77aa"},
		"old-ab12cd.localhost": {},
	}
	for site, config in sites.items():
		(tmp_path / site).mkdir()
		(tmp_path / site / "site_config.json").write_text(json.dumps(config))
	state = {"suffix": "-ab12cd", "sites": ["acme.localhost", "old-ab12cd.localhost"]}
	assert our_sites(tmp_path, state) == ["admin-ab12cd.localhost", "one.localhost"]


@pytest.mark.parametrize(
	("environment", "arguments"),
	[
		({}, ["tests"]),
		({"ONLY": "unit,site"}, ["tests/unit", "tests/site"]),
		({"ONLY": "site/test_plan.py::test_a"}, ["tests/site/test_plan.py::test_a"]),
		({"ONLY": "bench", "FAST": "1"}, ["-m", "not fault", "tests/bench"]),
		({"ARGS": "-k 'a or b'"}, ["-k", "a or b", "tests"]),
		({"SHUFFLE": "7"}, ["--random-order-bucket=module", "--random-order-seed=7", "tests"]),
		({"ONLY": "site", "ARGS": "tests/unit"}, ["tests/unit"]),
	],
)
def test_which_tests_are_chosen(monkeypatch, environment, arguments):
	for name in ("ONLY", "FAST", "ARGS", "SHUFFLE"):
		monkeypatch.setenv(name, environment.get(name, ""))
	assert checks._chosen([]) == arguments


def test_a_choice_that_names_no_tests_is_refused(monkeypatch):
	monkeypatch.setenv("ARGS", "")
	monkeypatch.setenv("ONLY", "unti")
	with pytest.raises(DevError, match="ONLY=unti names no tests"):
		checks._chosen([])


def test_a_second_bench_imports_its_own_copy_of_an_app(tmp_path):
	from dev import second_bench

	packages = tmp_path / "first/lib/python3.11/site-packages"
	packages.mkdir(parents=True)
	(packages / "app.pth").write_text("/home/dev/app")
	(packages / "other.pth").write_text("/home/dev/app/dev/apps/other\n")
	shutil.copytree(tmp_path / "first", tmp_path / "second", copy_function=os.link)
	second_bench._import_from(tmp_path / "second", Path("/home/dev/app"), Path("/second/apps/app"))
	copied = tmp_path / "second/lib/python3.11/site-packages"
	assert (copied / "app.pth").read_text() == "/second/apps/app\n"
	assert (copied / "other.pth").read_text() == "/home/dev/app/dev/apps/other\n"
	assert (packages / "app.pth").read_text() == "/home/dev/app"


@pytest.mark.parametrize("chosen", ["two", "0", "-1", "1.5"])
def test_lanes_is_a_number(monkeypatch, home, chosen):
	monkeypatch.setenv("LANES", chosen)
	with pytest.raises(DevError, match="LANES is how many"):
		lanes.wanted(PrivateBench(home), is_whole_suite=True)


def test_a_bench_that_is_there_already_is_the_only_lane(monkeypatch, home, tmp_path):
	monkeypatch.setenv("LANES", "2")
	assert lanes.wanted(PrivateBench(home), is_whole_suite=False) == 2
	assert lanes.wanted(ExistingBench(home, tmp_path), is_whole_suite=True) == 1


def test_what_is_chosen_runs_on_one_lane(monkeypatch, home):
	monkeypatch.delenv("LANES", raising=False)
	assert lanes.wanted(PrivateBench(home), is_whole_suite=False) == 1


def test_each_lanes_worker_is_told_of_its_bench(tmp_path):
	lane = lanes.LaneBench(PrivateBench(Home(tmp_path / "a home")), 2)
	assert lanes.options([]) == []
	first, second = (XSpec(option.partition("=")[2]) for option in lanes.options([lane]) if "--tx" in option)
	assert first.popen and not first.env
	assert shlex.split(second.python) == [str(lane.python)]
	assert second.env["BUILDPRO_BENCH"] == str(lane.path) and second.env["BUILDPRO_HOME"] == str(
		lane.home.path
	)
	assert second.env["BUILDPRO_WEB_PORT"] == str(lane.home.ports()["web"])


def test_a_lane_has_files_of_its_own(monkeypatch, home):
	"""The same content as the first bench's, but for the first's path; what is written there stays there."""
	monkeypatch.setattr(databases, "make_data_folder", lambda home: None)  # MariaDB is not what this is about
	first = PrivateBench(home)
	for path, text in {
		"env/bin/pytest": f"#!{first.path}/env/bin/python\n",
		"env/lib/python3.11/site-packages/frappe.pth": f"{first.path}/apps/frappe\n",
		"apps/frappe/frappe/hooks.py": "",
		"sites/apps.txt": "frappe\n",
		"sites/apps.json": "{}",
		"sites/assets/assets.json": "{}",
	}.items():
		(first.path / path).parent.mkdir(parents=True, exist_ok=True)
		(first.path / path).write_text(text)
	(first.path / "env/bin/pytest").chmod(0o755)
	(first.sites / "assets/frappe").symlink_to(first.path / "apps/frappe")
	(home.tools / "bin").mkdir(parents=True)
	home.bin.mkdir()
	lane = lanes.LaneBench(first, 2)
	lane.build()
	assert (lane.path / "env/bin/pytest").read_text() == f"#!{lane.path}/env/bin/python\n"
	assert os.access(lane.path / "env/bin/pytest", os.X_OK)
	assert str(first.path) in (first.path / "env/bin/pytest").read_text()
	assert os.readlink(lane.sites / "assets/frappe") == f"{lane.path}/apps/frappe"
	assert lane.home.secret("db_root_password") == home.secret("db_root_password")
	assert not set(lane.home.ports().values()) & set(home.ports().values())
	(lane.sites / "left").touch()
	lane.build()
	assert (lane.sites / "left").exists()
	home.mark_done("our-apps", "other")
	lane.build()
	assert not (lane.sites / "left").exists()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_at_the_terminal_is_ended_in_order(tmp_path, signal_number):
	"""Ctrl-C goes from the terminal to all processes of its group, TERM to one: the child hears it once, and cleans up."""
	child = f"""
import pathlib, time
try:
	pathlib.Path({str(tmp_path / "began")!r}).touch()
	time.sleep(60)
except KeyboardInterrupt:
	time.sleep(0.5)
	print("cleaned up")
	raise SystemExit(2)
"""
	code = f"import sys; from dev.shell import run_at_terminal; sys.exit(run_at_terminal([sys.executable, '-c', {child!r}], env={{}}))"
	running = subprocess.Popen(
		[sys.executable, "-c", code], cwd=REPO, stdout=subprocess.PIPE, text=True, start_new_session=True
	)
	while not (tmp_path / "began").exists():
		assert running.poll() is None
		time.sleep(0.05)
	send = os.kill if signal_number == signal.SIGTERM else os.killpg
	send(running.pid, signal_number)
	assert running.communicate(timeout=30)[0] == "cleaned up\n" and running.returncode == 2


@pytest.mark.parametrize(
	("cores", "gigabytes", "number"), [(1, 8, 2), (2, 24, 3), (2, 7, 2), (1, 2, 1), (16, 64, 4)]
)
def test_the_whole_suite_runs_on_as_many_lanes_as_the_machine_has_room_for(
	monkeypatch, home, cores, gigabytes, number
):
	monkeypatch.delenv("LANES", raising=False)
	monkeypatch.setattr(lanes.os, "sched_getaffinity", lambda _pid: set(range(cores)))
	sizes = {"SC_PHYS_PAGES": gigabytes * 2**18, "SC_PAGE_SIZE": 4096}
	monkeypatch.setattr(lanes.os, "sysconf", sizes.__getitem__)
	assert lanes.wanted(PrivateBench(home), is_whole_suite=True) == number


def test_lint_finds_what_is_wrong_in_a_shell_script(tmp_path):
	tools = Home().tools / "bin"
	if not (tools / "shellcheck").exists():
		pytest.skip("`make lint` and `make test` install the linters")
	shutil.copy(REPO / ".pre-commit-config.yaml", tmp_path)
	for name, line in {"good": 'echo "$1"', "bad": "echo $1"}.items():
		(tmp_path / name).write_text(
			f"#!/bin/sh\n{line}\n"
		)  # known by its first line: our scripts have no common ending
		(tmp_path / name).chmod(0o755)
	environment = clean_environment(tools, PRE_COMMIT_HOME=str(tmp_path / "cache"))
	for command in (["git", "init", "-q"], ["git", "add", "good", "bad", ".pre-commit-config.yaml"]):
		subprocess.run(command, cwd=tmp_path, env=environment, check=True)
	command = [tools / "pre-commit", "run", "shellcheck", "--all-files", "--color=never"]
	told = subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True)
	assert told.returncode and "In bad line 2" in told.stdout and "In good" not in told.stdout
