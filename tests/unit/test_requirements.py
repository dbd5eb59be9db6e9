"""Our bounds leave what the framework pins as it is: else `bench setup requirements` would change it for all apps of a bench."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = (Path(__file__).parents[2] / "pyproject.toml").read_text()
OURS = re.findall(r'"([^"]+)"', PROJECT.partition("\ndependencies = [")[2].partition("]")[0])
# pinned by frappe/pyproject.toml: as version 15 began (2023), and on develop (2026)
PINNED = {
	"PyJWT": ("2.7.0", "2.13.0"),
	"cryptography": ("41.0.1", "46.0.3"),
	"psutil": ("5.9.5", "7.0.0"),
	"pydantic": ("2.0", "2.12.5"),
	"PyMySQL": ("1.0.3", "1.1.2"),
	"boto3": ("1.28.10", "1.34.143"),
}


@pytest.mark.parametrize("requirement", OURS)
def test_what_is_installed_is_within_our_bounds(requirement):
	wanted = Requirement(requirement)
	assert wanted.specifier.contains(metadata.version(wanted.name))


@pytest.mark.parametrize(("name", "version"), [(name, each) for name in PINNED for each in PINNED[name]])
def test_what_the_framework_pins_is_within_our_bounds(name, version):
	(wanted,) = (each for each in map(Requirement, OURS) if each.name == name)
	assert wanted.specifier.contains(version)
