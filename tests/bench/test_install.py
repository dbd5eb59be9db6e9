"""The app comes and goes by the bench's own commands, and leaves nothing but what it says it leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SITE = "coming-and-going{}.localhost"
OURS = ("buildpro", "saas manager", "saas support", "nexelya", "control plane", "tenant site")


@pytest.fixture(scope="module")
def new_site(bench_path, services):
	"""A plain site, made by `bench new-site`, dropped afterwards: what is installed on it leaves it plain."""
	from dev.service_list import bench_environment

	name = SITE.format(os.environ.get("BUILDPRO_SITE_SUFFIX", ""))
	environment = bench_environment(services.home, bench_path)

	def secret_command(*arguments):
		done = subprocess.run(
			[sys.executable, Path(__file__).parents[2] / "dev/in_bench/command.py"],
			cwd=bench_path / "sites",
			env=environment,
			input=json.dumps(arguments),
			capture_output=True,
			text=True,
			check=False,
		)
		assert done.returncode == 0, done.stdout + done.stderr

	root = ("--db-root-password", os.environ["BUILDPRO_DB_ROOT_PASSWORD"])
	secret_command("new-site", name, *root, "--admin-password", "x", "--no-mariadb-socket")
	yield name
	secret_command(
		"drop-site",
		name,
		*root,
		"--no-backup",
		"--force",
		"--archived-sites-path",
		str(services.home.path / "x"),
	)


def config_of(bench_path, site) -> dict:
	return json.loads((bench_path / "sites" / site / "site_config.json").read_text())


def traces(bench_path, site) -> set[str]:
	"""Every name on the site that is ours: tables, records that Frappe makes for an app, configuration."""
	from buildpro_saas.agent.bench import Bench

	found = Bench(bench_path).site(site).call("on_tenant.names")
	return {
		name for name in (*found, *config_of(bench_path, site)) if any(word in name.lower() for word in OURS)
	}


def empty_trash():
	"""What lies in the bench's trash keeps the app from going; other files of tests leave things there."""
	from buildpro_saas.agent import door

	for entry in door.here().do("list_trash"):
		door.here().do("remove_from_trash", name=entry.name)


@pytest.mark.parametrize("role", ["admin", "tenant"])
def test_installing_and_uninstalling(module_bench, bench_path, bench_command, new_site, role):
	def command(*arguments):
		done = bench_command("--site", new_site, *arguments)
		assert done.returncode == 0, done.stdout + done.stderr

	command("set-config", "buildpro_role", role)
	command("install-app", "buildpro_saas")
	there = traces(bench_path, new_site)
	assert {"app:buildpro_saas", "Module Def:Control Plane", "buildpro_role"} <= there
	assert ("buildpro_signing_key" in there) == (role == "admin")
	assert role == "tenant" or config_of(bench_path, new_site)["encryption_key"]
	empty_trash()
	command("uninstall-app", "buildpro_saas", "--yes", "--no-backup")
	assert traces(bench_path, new_site) == set()
