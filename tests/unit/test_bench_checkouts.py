"""What git says of an app's folder: of its own checkout, not of another one around it."""

import subprocess
from pathlib import Path

import pytest

from buildpro_saas.agent.bench import Bench, _git_head


def git(folder: Path, *arguments: str) -> str:
	who = ("-c", "user.name=Olga", "-c", "user.email=olga@acme.example")
	command = ["git", *who, "-C", str(folder), *arguments]
	return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> str:
	git(folder, "add", "-A")
	git(folder, "commit", "-q", "-m", "a change")
	return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
	"""A bench inside a checkout that does not have it, with an app that is a part of the checkout."""
	for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_CEILING_DIRECTORIES"):
		monkeypatch.delenv(name, raising=False)
	outer = tmp_path / "outer"
	(outer / "bench/apps/copied").mkdir(parents=True)
	(outer / "bench/apps/copied/hooks.py").write_text("")
	(outer / "part").mkdir()
	(outer / "part/hooks.py").write_text("")
	(outer / "bench/apps/part").symlink_to(outer / "part")
	(outer / ".gitignore").write_text("bench\n")
	git(outer, "init", "-q", "-b", "main")
	commit(outer)
	return Bench(outer / "bench")


def test_a_checkout_of_its_own_has_its_commit_and_branch(bench, monkeypatch):
	app = bench.path / "apps/own"
	app.mkdir()
	(app / "hooks.py").write_text("")
	git(app, "init", "-q", "-b", "version-15")
	made = commit(app)
	assert _git_head(app) == (made, "version-15")
	monkeypatch.setenv("GIT_DIR", str(bench.path.parent / ".git"))  # as in a git hook
	assert _git_head(app) == (made, "version-15")


@pytest.mark.parametrize("app", ["copied", "part", "missing"])
def test_an_app_that_is_no_checkout_has_not_the_commit_of_the_one_around_it(bench, app):
	assert _git_head(bench.path / "apps" / app) == ("", "")


def test_a_part_of_a_checkout_changes_with_its_own_commits_alone(bench):
	outer, before = bench.path.parent, bench.app_tree("part")
	assert before
	(outer / "README.md").write_text("")
	commit(outer)
	assert bench.app_tree("part") == before
	(outer / "part/hooks.py").write_text("after_install = 'part.install'\n")
	commit(outer)
	assert bench.app_tree("part") not in (before, "")


@pytest.mark.parametrize("app", ["copied", "missing"])
def test_what_is_in_no_checkout_has_no_tree(bench, app):
	assert bench.app_tree(app) == ""
