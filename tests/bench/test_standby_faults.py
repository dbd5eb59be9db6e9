"""Standby sites when things go wrong: while one is filled, while one is taken, and when one is damaged."""

import importlib
import json
from contextlib import contextmanager

import pytest

PLAN = "Core"
# what taking a standby site over is made of, in this order: (module or class, function)
CALLS = (
	("fleet.standby", "claim"),
	("agent.databases:DatabaseServer", "hand_over"),
	("agent.site:Site", "hand_over"),
	("agent.site:Site", "move_to"),
)


class Crash(BaseException):
	"""As sudden as a kill: nothing of ours catches it."""


@pytest.mark.fault
@pytest.mark.parametrize("done", range(1, len(CALLS) + 1))
def test_a_tenants_job_dies_after_each_call_that_takes_a_standby_site_over(bench, monkeypatch, done):
	"""Run here as far as that, then by the worker: one site, and nothing of the standby site that was begun with."""
	row = bench.frappe.get_doc("Standby Site", bench.standby_site(PLAN))
	before = bench.everything()
	bench.services.stop("provisioning")
	tenant = bench.new_tenant(plan=PLAN)
	with crashing_after(monkeypatch, *CALLS[done - 1]), pytest.raises(Crash):
		from buildpro_saas.jobs import lifecycle

		lifecycle.run(bench.job(tenant.name).name)
	bench.frappe.db.close()  # with the run's lock
	bench.frappe.connect()
	bench.services.start_all("provisioning")
	bench.wait_looking(lambda: bench.status(tenant.name) == "Active", 120)
	row.reload()
	site, database = bench.frappe.db.get_value("Tenant", tenant.name, ["site", "database"])
	assert row.status == "Discarded" and database != row.database
	after, folder = bench.everything(), f".buildpro/standby/{row.database}"
	assert after["databases"] == before["databases"] - {row.database} | {database}
	assert after["users"] == before["users"] - {row.database} | {database}
	assert after["folders"] == before["folders"] - {folder} | {site}


@pytest.mark.fault
def test_the_worker_is_killed_when_a_standby_site_is_filled_and_not_recorded(bench):
	image = empty_pool(bench)
	before = bench.everything()
	with bench.held("fill_standby", "Completed"):
		job = start_filling(bench, image)
		bench.wait_for(bench.waiting, 120)
		bench.services.kill("provisioning")
	bench.services.start_all("provisioning")
	bench.wait_looking(lambda: job_status(bench, job) == "Completed", 120)
	(row,) = bench.frappe.get_all("Standby Site", {"image": image, "status": "Ready"}, ["database"])
	after = bench.everything()
	assert {kind: after[kind] - before[kind] for kind in after} == {
		"databases": {row.database},
		"users": {row.database},
		"folders": {f".buildpro/standby/{row.database}"},
	}


@pytest.mark.fault
def test_filling_that_is_cancelled_leaves_nothing(bench):
	image = empty_pool(bench)
	before = bench.everything()
	with bench.held("fill_standby", "Completed"):
		job = start_filling(bench, image)
		bench.wait_for(bench.waiting, 120)
		bench.frappe.get_doc("Provisioning Job", job).cancel_job()
		bench.frappe.db.commit()
		bench.let_go()
		bench.wait_for(lambda: job_status(bench, job) == "Cancelled", 120)
	assert bench.everything() == before


def test_a_standby_site_whose_image_became_stale_while_it_was_filled_is_discarded(bench):
	"""And its job is no failure: nobody need look at it."""
	image = empty_pool(bench)
	before = bench.everything()
	others = bench.frappe.get_all("Standby Site", {"image": image}, pluck="name")
	database = bench.frappe.db.get_value("Site Image", image, "database")
	try:
		with bench.root() as cursor:
			cursor.execute(f"lock tables `{database}`.`tabUser` write")
			job = start_filling(bench, image)
			bench.wait_for(lambda: job_status(bench, job) == "Running" and is_copying(bench), 60)
			bench.frappe.db.set_value("Site Image", image, "status", "Stale")
			bench.frappe.db.commit()
			cursor.execute("unlock tables")
		bench.wait_for_end(job)
		made = {"image": image, "name": ("not in", others)}
		assert set(bench.frappe.get_all("Standby Site", made, pluck="status")) == {"Discarded"}
		assert bench.everything() == before
	finally:
		bench.frappe.db.set_value("Site Image", image, "status", "Ready")
		bench.frappe.db.commit()


def test_a_damaged_standby_site_is_passed_over(bench):
	"""Its database was dropped by hand: the tenant gets a copy of the image, and the job says why."""
	row = bench.frappe.get_doc("Standby Site", bench.standby_site(PLAN))
	with bench.root() as cursor:
		cursor.execute(f"drop database `{row.database}`")
	tenant = bench.new_tenant(plan=PLAN)
	assert bench.wait_job(tenant.name).way == "from an image", bench.describe(tenant.name)
	assert f"{row.name} is damaged" in bench.step(tenant.name, "make_site").output
	assert not (bench.path / "sites/.buildpro/standby" / row.database).exists()
	with bench.root() as cursor:
		for host in ("localhost", "127.0.0.1"):
			cursor.execute(f"drop user if exists `{row.database}`@`{host}`")


def test_a_pool_that_is_switched_off_is_emptied(bench):
	from buildpro_saas.fleet import standby

	row = bench.frappe.get_doc("Standby Site", bench.standby_site(PLAN))
	standby.fill_pools()
	row.reload()
	assert row.status == "Discarded"


def test_a_finished_site_outlives_a_job_whose_record_is_from_a_backup(bench):
	"""The admin site was restored from a backup that was made while the tenant's site was: that job brings its
	record up to date, and undoes nothing."""
	tenant = bench.new_tenant(plan=PLAN)
	job = bench.wait_job(tenant.name)
	assert job.status == "Completed", bench.describe(tenant.name)
	step = bench.step(tenant.name, "make_site")
	frappe = bench.frappe
	state = {**json.loads(job.state), "answered": None}
	frappe.db.set_value(step.doctype, step.name, "status", "Running")
	later = {"parent": job.name, "idx": (">", step.idx)}
	frappe.db.set_value("Provisioning Job Step", later, {"status": "Pending", "attempts": 0})
	frappe.db.set_value("Provisioning Job", job.name, {"status": "Running", "state": json.dumps(state)})
	frappe.db.set_value("Tenant", tenant.name, "status", "Provisioning")
	frappe.db.commit()
	before = bench.everything()
	bench.wait_looking(lambda: job_status(bench, job.name) == "Completed", 60)
	assert "Not done again" in bench.step(tenant.name, "make_site").output
	assert bench.status(tenant.name) == "Active"
	assert bench.everything() == before


# -- helpers -----------------------------------------------------------------------------------------------------------


@contextmanager
def crashing_after(monkeypatch, place: str, function: str):
	"""The function does its work, and then everything ends."""
	module, _colon, name = place.partition(":")
	owner = importlib.import_module(f"buildpro_saas.{module}")
	owner = getattr(owner, name) if name else owner
	original = getattr(owner, function)

	def crash(*args, **kwargs):
		original(*args, **kwargs)
		raise Crash

	with monkeypatch.context() as patch:
		patch.setattr(owner, function, crash)
		yield


def empty_pool(bench) -> str:
	"""The name of the plan's image, of which no copy waits."""
	image = bench.image(PLAN)
	bench.discard_standby_sites({"image": image, "status": "Ready"})
	return image


def start_filling(bench, image: str) -> str:
	from buildpro_saas.fleet import standby

	kind, name = bench.frappe.db.get_value("Site Image", image, ["kind", "bench"])
	job = standby.start_filling(image, name, kind)
	bench.frappe.db.commit()
	return job


def job_status(bench, job: str) -> str:
	bench.frappe.db.commit()
	return bench.frappe.db.get_value("Provisioning Job", job, "status")


def is_copying(bench) -> bool:
	"""Whether a connection waits for the table that the test has locked."""
	with bench.root() as cursor:
		cursor.execute(
			"select 1 from information_schema.processlist where state like '%lock%' and info like 'create table%`tabUser` like%'"
		)
		return bool(cursor.fetchall())
