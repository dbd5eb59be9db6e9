"""An app's checkout: what is new at its origin, bringing it here, going back; and what keeps it from being touched. On real repositories."""

import os
import subprocess

import pytest

from buildpro_saas.agent import app_code, refresh_rights
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError, TransientError

APP = "demo"


def git(folder, *words: str) -> str:
	identity = ("-c", "user.name=a test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
	environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
	done = subprocess.run(
		["git", *identity, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
	)
	return done.stdout.strip()


@pytest.fixture
def origin(tmp_path):
	folder = tmp_path / "origin"
	folder.mkdir()
	git(folder, "init", "--quiet", "--initial-branch=version-15")
	(folder / "code.py").write_text("one\n")
	git(folder, "add", ".")
	git(folder, "commit", "--quiet", "-m", "One")
	return folder


@pytest.fixture
def bench(tmp_path, origin):
	(tmp_path / "bench/apps").mkdir(parents=True)
	git(tmp_path, "clone", "--quiet", os.fspath(origin), os.fspath(tmp_path / "bench/apps" / APP))
	return Bench(tmp_path / "bench")


def commit(folder, file: str, text: str) -> str:
	(folder / file).write_text(text)
	git(folder, "add", ".")
	git(folder, "commit", "--quiet", "-m", f"Change {file}")
	return git(folder, "rev-parse", "HEAD")


def fetch(bench):
	return app_code.fetch(bench, APP, lambda: None)


def test_what_is_new_is_told_brought_here_and_taken_back(bench, origin):
	assert not fetch(bench).is_new
	old, new = git(origin, "rev-parse", "HEAD"), commit(origin, "code.py", "two\n")
	found = fetch(bench)
	assert (found.commit, found.new, found.number, found.branch) == (old, new, 1, "version-15")
	assert found.is_new and not found.has_requirements and not found.why_not
	code = bench.path / "apps/demo/code.py"
	assert code.read_text() == "one\n"  # nothing is changed by asking
	assert app_code.put(bench, APP, new) and code.read_text() == "two\n"
	assert not app_code.put(bench, APP, new)
	assert app_code.put(bench, APP, old) and code.read_text() == "one\n"
	commit(origin, "pyproject.toml", "[project]\n")
	assert fetch(bench).has_requirements and fetch(bench).number == 2


def test_what_somebody_has_changed_keeps_an_app_from_being_touched(bench, origin):
	new = commit(origin, "code.py", "two\n")
	code = bench.path / "apps/demo/code.py"
	code.write_text("by hand\n")
	assert fetch(bench).why_not == "demo was changed by hand: code.py." and not fetch(bench).is_new
	git(bench.path / "apps/demo", "fetch", "--quiet")
	with pytest.raises(AgentError, match="git reset"):
		app_code.put(bench, APP, new)
	assert code.read_text() == "by hand\n"


def test_commits_of_its_own_keep_it_from_being_touched(bench, origin):
	commit(origin, "code.py", "two\n")
	commit(bench.path / "apps/demo", "own.py", "mine\n")
	assert "has commits of its own" in fetch(bench).why_not
	git(bench.path / "apps/demo", "reset", "--hard", "--quiet", "HEAD~1")
	assert fetch(bench).is_new


def test_what_follows_nothing_elsewhere_is_left(bench, tmp_path):
	checkout = bench.path / "apps/demo"
	git(checkout, "checkout", "--quiet", "-b", "own")
	assert fetch(bench).why_not == "demo follows no branch elsewhere."
	(bench.path / "apps/part").mkdir()
	assert app_code.fetch(bench, "part", lambda: None).why_not == "part is no git checkout of its own."


def test_an_origin_that_is_away_is_a_fault_that_passes(bench, origin):
	origin.rename(origin.with_name("away"))
	with pytest.raises(TransientError, match="git ended with"):
		fetch(bench)


def test_a_hook_of_the_repository_is_not_run(bench, origin, tmp_path):
	hook = bench.path / "apps/demo/.git/hooks/post-checkout"
	hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
	hook.chmod(0o755)
	app_code.put(bench, APP, commit_fetched(bench, origin))
	assert not (tmp_path / "ran").exists()


def commit_fetched(bench, origin) -> str:
	new = commit(origin, "code.py", "three\n")
	fetch(bench)
	return new


# -- what a refresh may do ---------------------------------------------------------------------------------------------


def test_nothing_is_allowed_until_a_shell_has_said_so(bench):
	assert refresh_rights.read(bench) == refresh_rights.Rights()
	refresh_rights.write(bench, True, [], "", "sh -c 'exit 3'")
	found = refresh_rights.read(bench)
	assert (found.may_pull, found.build, found.restart) == (
		True,
		[],
		["sh", "-c", "exit 3"],
	) and found.was_asked
	assert (bench.path / refresh_rights.FILE).stat().st_mode & 0o777 == 0o600
	with pytest.raises(AgentError, match="no program nowhere-to-be-found"):
		refresh_rights.write(bench, True, [], "nowhere-to-be-found now", "")
	(bench.path / "sites").mkdir()
	(bench.path / "sites/apps.txt").write_text("frappe\ndemo\n")
	assert refresh_rights.write(bench, True, [APP], "", "").only == [APP]
	with pytest.raises(AgentError, match="no app gone"):
		refresh_rights.write(bench, True, ["gone"], "", "")
	(bench.path / refresh_rights.FILE).write_text("{")
	with pytest.raises(AgentError, match="is not what"):
		refresh_rights.read(bench)


@pytest.mark.parametrize(
	("line", "code", "said"), [("exit 3", 3, ""), ("echo bad >&2; exit 1", 1, "bad"), ("true", 0, "")]
)
def test_a_restart_begins_once_and_says_how_it_ended(bench, line, code, said):
	(bench.path / "config").mkdir()
	mark = bench.path / "began"
	restart = refresh_rights.Restart(bench, "ab12ab12ab12ab12")
	command = ["sh", "-c", f"echo x >> {mark}; {line}"]
	restart.begin(command)
	restart.begin(command)
	while not (found := restart.look())["is_over"]:
		pass
	assert (found["code"], found["said"]) == (code, said) and mark.read_text() == "x\n"
