"""Batches in a shell and over HTTP: what is shown, and what may be done."""

import json
import os
import subprocess

import pytest


@pytest.fixture
def cli(bench_path, admin_site_name):
	def run(*arguments: str):
		python = str(bench_path / "env/bin/python")
		return subprocess.run(
			[
				python,
				"-m",
				"frappe.utils.bench_helper",
				"frappe",
				"--site",
				admin_site_name,
				"saas",
				*arguments,
			],
			cwd=bench_path / "sites",
			capture_output=True,
			text=True,
			timeout=120,
			env=dict(os.environ),
		)

	return run


@pytest.fixture
def batch(admin_site, drifting):
	"""A batch that is held, of a playbook that a worker knows; one has failed."""
	from buildpro_saas.jobs import batches

	admin_site.db.commit()
	made = batches.start("send_entitlements", [(name, drifting.bench) for name in "abc"], why="a test")
	batches.pause(made.name)
	admin_site.db.set_value(
		"Batch Row", {"batch": made.name, "tenant": "b"}, {"status": "Failed", "message": "The disk is full."}
	)
	admin_site.db.commit()
	yield made
	admin_site.db.rollback()
	admin_site.db.delete("Batch Row", {"batch": made.name})
	admin_site.db.delete("Batch", {"name": made.name})
	admin_site.db.commit()


def test_batches_are_listed(cli, batch):
	done = cli("batches")
	assert done.returncode == 0, done.stderr
	assert batch.name in done.stdout and "Send entitlements: 3 tenants (a test)" in done.stdout
	found = json.loads(cli("batches", "--json", "--limit", "1").stdout)
	assert [row["name"] for row in found] == [batch.name]


def test_a_batch_is_shown_with_those_that_failed(cli, batch):
	done = cli("batch", batch.name)
	assert done.returncode == 0, done.stderr
	assert "3 tenants: 2 waiting, 1 failed" in done.stdout and "The disk is full." in done.stdout
	found = json.loads(cli("batch", batch.name, "--json").stdout)
	assert (found["status"], found["counts"]["Failed"], found["failed"][0]["tenant"]) == ("Paused", 1, "b")


def test_a_batch_is_narrowed_waited_for_and_cancelled(cli, batch):
	done = cli("batch", batch.name, "--leave-out", "a")
	assert done.returncode == 0 and "1 left out" in done.stdout, done.stdout + done.stderr
	waited = cli("batch", batch.name, "--wait")
	# one that is held does not go on, and went wrong with one
	assert waited.returncode == 1 and batch.name in waited.stderr and "2/3" in waited.stderr
	assert cli("batch", batch.name, "--cancel").returncode == 0
	refused = cli("batch", batch.name, "--resume")
	assert refused.returncode == 1
	assert (
		refused.stderr.strip()
		== f"{batch.name} is Cancelled; this can be done while it is Paused or Stopped."
	)


def test_a_batch_is_resumed_and_paused(cli, admin_site, batch):
	later = admin_site.utils.add_to_date(None, hours=1)  # so that no worker takes them meanwhile
	admin_site.db.set_value("Batch Row", {"batch": batch.name, "status": "Waiting"}, "run_after", later)
	admin_site.db.commit()
	resumed = cli("batch", batch.name, "--resume")
	assert resumed.returncode == 0, resumed.stderr
	assert "  Running  " in resumed.stdout and "3 tenants: 2 waiting, 1 failed" in resumed.stdout
	paused = cli("batch", batch.name, "--pause", "--json")
	assert paused.returncode == 0 and json.loads(paused.stdout)["status"] == "Paused", paused.stderr
	refused = cli("batch", batch.name, "--pause")
	assert refused.returncode == 1
	assert (
		refused.stderr.strip() == f"{batch.name} is Paused; this can be done while it is Waiting or Running."
	)


def test_those_that_failed_are_retried_and_waited_for(cli, batch):
	retried = cli("batch", batch.name, "--retry")
	assert retried.returncode == 0, retried.stderr
	assert "  Paused  " in retried.stdout and "3 tenants: 3 waiting" in retried.stdout
	# a worker of the queue `short` goes on; there are no such tenants, which is no failure
	done = cli("batch", batch.name, "--resume", "--wait", "--timeout", "60")
	assert done.returncode == 0, done.stdout + done.stderr
	assert "  Completed  " in done.stdout and "3 tenants: 3 completed" in done.stdout
	assert "3/3" in done.stderr
	refused = cli("batch", batch.name, "--retry")
	assert refused.returncode == 1 and "it go wrong" in refused.stderr


def test_a_batch_that_is_not_there_is_one_sentence(cli):
	done = cli("batch", "BATCH-none")
	assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1 and "BATCH-none" in done.stderr


def test_over_http(admin_site, batch):
	from buildpro_saas.api import batches as api

	assert api.status(batch.name)["counts"]["Waiting"] == 2
	assert api.leave_out(batch.name, ["a"])["counts"]["Left Out"] == 1
	assert api.retry_failed(batch.name)["status"] == "Paused"  # as it was: nobody resumed it
	assert api.resume(batch.name)["status"] == "Running"
	assert api.pause(batch.name)["status"] == "Paused"
	assert api.cancel(batch.name)["status"] == "Cancelled"
	admin_site.db.rollback()


@pytest.mark.parametrize(
	("method", "arguments", "role"),
	[
		("status", {}, "Desk User"),
		("pause", {}, "Desk User"),
		("leave_out", {"tenants": ["a"]}, "SaaS Support"),
		("cancel", {}, "SaaS Support"),
	],
)
def test_who_may_not(admin_site, drifting, batch, method, arguments, role):
	from buildpro_saas.api import batches as api

	email = f"{drifting.token}@example.com"
	user = drifting.record("User", name=email, email=email, first_name="S", user_type="System User")
	drifting.record("Has Role", parent=user, parenttype="User", parentfield="roles", role=role)
	admin_site.clear_cache(user=user)
	admin_site.set_user(user)
	try:
		with pytest.raises(admin_site.PermissionError):
			getattr(api, method)(batch=batch.name, **arguments)
	finally:
		admin_site.set_user("Administrator")


@pytest.mark.parametrize("wrong", [[1], "", {"a": 1}, "[1]", "[" * 100_000])
def test_names_of_tenants_that_are_none_are_refused(admin_site, batch, wrong):
	from buildpro_saas.api import batches as api

	if wrong == "":
		assert api.leave_out(batch.name, wrong)["counts"]["Left Out"] == 0
	else:
		with pytest.raises(admin_site.ValidationError):
			api.leave_out(batch.name, wrong)
	admin_site.db.rollback()
