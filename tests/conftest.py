"""What all tests share: the bench they run on (described by `make test` in the environment) and its admin site."""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))
# Of the files of tests/bench, those that take longest come first: on several lanes the short ones then fill the rest.
LONGEST = ("test_faults.py", "test_images.py", "test_second_bench.py")


def use_own_bench():
	"""pytest-xdist gives the workers of all lanes (dev/lanes.py) the Python path of the first lane: take that of our own."""
	first, own = os.environ.get("BUILDPRO_FIRST_BENCH"), os.environ.get("BUILDPRO_BENCH")
	if first and first != own:
		assert "frappe" not in sys.modules, "the first lane's frappe was imported"
		sys.path[:] = [path.replace(first, own) for path in sys.path]


use_own_bench()
# How long an example takes says how busy the machine is, with its other lanes, and nothing of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.hookimpl(trylast=True)  # after SHUFFLE
def pytest_collection_modifyitems(config, items):
	"""Tests of a kind stay together, the quick ones first; a bench that was there before us keeps its MariaDB running."""
	order = {"unit": 0, "site": 1, "network": 2, "bench": 3, "browser": 4}

	def place(item) -> tuple[int, bool]:
		path = Path(item.fspath)
		return order.get(path.relative_to(REPOSITORY / "tests").parts[0], 9), path.name not in LONGEST

	items.sort(key=place)
	if not is_private_bench():
		kept_from = [item for item in items if item.get_closest_marker("stops_mariadb")]
		items[:] = [item for item in items if item not in kept_from]
		config.hook.pytest_deselected(items=kept_from)


def is_private_bench() -> bool:
	"""Whether the bench under test was made by `make test`, so that any part of it may be killed."""
	bench, home = os.environ.get("BUILDPRO_BENCH"), os.environ.get("BUILDPRO_HOME")
	return bool(bench and home) and Path(home) in Path(bench).parents


@pytest.fixture(scope="session")
def is_private() -> bool:
	"""Whether any part of the bench may be killed, MariaDB too."""
	return is_private_bench()


@pytest.fixture(scope="session")
def bench_path() -> Path:
	"""The bench under test."""
	path = os.environ.get("BUILDPRO_BENCH")
	assert path, "These tests need a bench: run them with `make test`."
	return Path(path)


@pytest.fixture(scope="session")
def admin_site_name(bench_path) -> str:
	"""The tests' admin site, also where a run was interrupted while a test had it play a tenant's site."""
	name = os.environ["BUILDPRO_ADMIN_SITE"]
	config = bench_path / "sites" / name / "site_config.json"
	values = json.loads(config.read_text())
	if values["buildpro_role"] != "admin":
		config.write_text(json.dumps({**values, "buildpro_role": "admin"}, indent=1))
	return name


@pytest.fixture(scope="session")
def bench_account(bench_path):
	"""What the bench keeps of its database account: bench_account() → {"user", "password", …}."""
	return lambda: json.loads((bench_path / "config/buildpro_database.json").read_text())


@pytest.fixture
def admin_site(bench_path, admin_site_name):
	"""frappe, connected to the test admin site as Administrator; what a test did not commit is rolled back."""
	import frappe

	os.chdir(bench_path / "sites")
	frappe.init(site=admin_site_name, sites_path=".")
	frappe.connect()
	frappe.flags.mute_messages = True
	yield frappe
	frappe.db.rollback()
	frappe.destroy()
