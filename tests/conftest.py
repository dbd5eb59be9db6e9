"""What all tests share: the bench they run on (described by `make test` in the environment) and its admin site."""

import json
import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))


def pytest_collection_modifyitems(config, items):
	"""Tests of a kind stay together, the quick ones first; a bench that was there before us keeps its MariaDB running."""
	order = {"unit": 0, "site": 1, "bench": 2, "browser": 3}
	items.sort(key=lambda item: order.get(Path(item.fspath).relative_to(REPOSITORY / "tests").parts[0], 9))
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
def admin_site_name() -> str:
	return os.environ["BUILDPRO_ADMIN_SITE"]


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
