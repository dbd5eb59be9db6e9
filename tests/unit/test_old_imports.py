"""The guide's import path: there where ERPNext is and lacks it, and never in the way of a real module."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parents[2]
ASK = "from erpnext.projects.api.feature_gating import "


@pytest.fixture
def python(tmp_path):
	"""Run a line of Python in a process of its own, with a package called erpnext; returns (exit code, output)."""

	def run(line: str, *modules: str) -> tuple[int, str]:
		for module in ("erpnext/__init__.py", "erpnext/projects/__init__.py", *modules):
			(tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
			(tmp_path / module).write_text("check_feature_access = 'real'\n")
		paths = os.pathsep.join([str(tmp_path), str(APP), *sys.path])
		done = subprocess.run(
			[sys.executable, "-c", line],
			env=os.environ | {"PYTHONPATH": paths},
			capture_output=True,
			text=True,
			check=False,
		)
		return done.returncode, (done.stdout + done.stderr).strip()

	return run


def test_the_guides_import_works(python):
	line = f"import buildpro_saas; {ASK}check_feature_access, FeatureNotAvailableError;"
	line += "from buildpro_saas import feature_gating as ours; print(check_feature_access is ours.check_feature_access)"
	assert python(line) == (0, "True")


def test_so_do_its_other_forms(python):
	line = "import buildpro_saas, erpnext.projects.api.feature_gating as gating; from erpnext.projects.api import"
	line += " feature_gating; print(gating is feature_gating, gating.has_feature.__name__)"
	assert python(line) == (0, "True has_feature")


@pytest.mark.parametrize("real", ["erpnext/projects/api/feature_gating.py", "erpnext/projects/api.py"])
def test_a_real_module_is_never_hidden(python, real):
	modules = [real] if real.endswith("api.py") else [real, "erpnext/projects/api/__init__.py"]
	name = real.removesuffix(".py").replace("/", ".")
	assert python(f"import buildpro_saas, {name} as m; print(m.check_feature_access)", *modules) == (
		0,
		"real",
	)


def test_nothing_else_is_made_up(python):
	for name in (
		"erpnext.projects.api.other",
		"erpnext.projects.apis",
		"erpnext.api.feature_gating",
		"erpnexts",
	):
		code, output = python(f"import buildpro_saas, {name}")
		assert code == 1 and "ModuleNotFoundError" in output, name


def test_without_erpnext_it_is_not_there():
	done = subprocess.run(
		[sys.executable, "-c", f"import buildpro_saas; {ASK}check_feature_access"],
		env=os.environ | {"PYTHONPATH": os.pathsep.join([str(APP), *sys.path])},
		capture_output=True,
		text=True,
		check=False,
	)
	if importlib.util.find_spec("erpnext"):
		pytest.skip("this bench has ERPNext")
	assert done.returncode == 1 and "No module named 'erpnext'" in done.stderr


def test_it_is_registered_once_and_last(python):
	line = "import sys, importlib, buildpro_saas; importlib.reload(buildpro_saas);"
	line += "names = [type(f).__name__ for f in sys.meta_path];"
	line += "print(names.count('OldImports'), names.index('OldImports') == len(names) - 1)"
	assert python(line) == (0, "1 True")
