"""What a worker has imported before it forks for a job."""

import json
import subprocess
import sys

import pytest

PLAYBOOKS = "buildpro_saas.fleet.playbooks.new_tenants"
SCRIPT = "import json, sys; import buildpro_saas.commands; print(json.dumps(sorted(sys.modules)))"


def modules_of(arguments: list[str]) -> set[str]:
	"""What a process with this command line has imported once it knows this app's commands."""
	done = subprocess.run(
		[sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True
	)
	return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("command", ("worker", "worker-pool"))
def test_a_worker_has_imported_what_a_tenants_job_needs(admin_site, command):
	from buildpro_saas.commands.preloading import MODULES, _is_there, modules_of_playbooks

	wanted = {name for name in (*MODULES, *modules_of_playbooks()) if _is_there(name)}
	assert {PLAYBOOKS, "buildpro_saas.domains.playbooks", "frappe.core.doctype.user.user"} <= wanted
	assert wanted <= modules_of(["frappe", command, "--queue", "provisioning"])


def test_another_command_is_not_kept_waiting_for_it(admin_site):
	assert PLAYBOOKS not in modules_of(["frappe", "--site", "worker.example", "migrate"])


def test_a_module_that_the_framework_has_not_is_left_out(monkeypatch):
	from buildpro_saas.commands import preloading

	monkeypatch.setattr(
		preloading, "MODULES", ("json", "frappe.of_another_version.module", "frappe.none_such")
	)
	preloading.load(["worker"])
