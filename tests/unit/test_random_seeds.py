"""The stories of `make test` (tests/bench/test_random.py): together they have all that a story can have."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import random_story

STORIES = [random_story.story(seed) for seed in random_story.SEEDS]
LINES = [line.split() for lines in STORIES for line in lines]


@pytest.mark.parametrize("action", [*random_story.OF_TENANT, *random_story.OF_ALL])
def test_each_action_is_played(action):
	assert action in {line[0] for line in LINES}


@pytest.mark.parametrize("incident", random_story.INCIDENTS)
def test_each_incident_is_met(incident):
	assert incident in {line[2] for line in LINES if line[0] == "insert"}


@pytest.mark.parametrize("way", random_story.WAYS)
def test_sites_are_made_each_way(way):
	assert way in {line[1] for line in LINES if line[0] == "insert"}


@pytest.mark.parametrize(
	"pattern",
	[
		"insert callback_raises {0}, minute, cancel {0}",
		"insert backed_up {0}, rest, restore 0, cancel {0}",
		"insert worked_in {0}, cancel {0}",
		"suspend {0}, resume {0}",
		"move {0}, reconcile",
		"move {0}, put_back {0}",
		"copy {0}, reconcile",
	],
)
def test_what_has_destroyed_a_site_is_tried_again(pattern):
	"""In this order, to the same tenant; other lines may come between."""
	assert any(
		_has(lines, pattern.format(tenant).split(", "))
		for lines in map(_named, STORIES)
		for tenant in random_story.TENANTS
	)


def _named(lines: list[str]) -> list[str]:
	"""The lines with an insert as `insert incident`, followed by the tenant that it makes."""
	letters = iter(random_story.TENANTS)
	return [
		f"insert {words[2]} {next(letters)}" if (words := line.split())[0] == "insert" else line
		for line in lines
	]


def _has(lines: list[str], pattern: list[str]) -> bool:
	left = iter(lines)
	return all(any(line.startswith(wanted) for line in left) for wanted in pattern)
