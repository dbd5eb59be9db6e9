"""A site that somebody may have used is taken away by nothing but a tenant's removal, whatever the admin site's records say."""

import json
import shutil

import pytest
from test_create_tenant import web

PLAN = "Core"
TWO_HOURS = 7200


@pytest.fixture(scope="module")
def acme(module_bench):
	"""A tenant whose owner has set a password, signed in and written something."""
	tenant = module_bench.active_tenant(PLAN)
	key = tenant.owner_link()["link"].split("key=")[1].split("&")[0]
	path = "/api/method/frappe.core.doctype.user.user.update_password"
	answer = web(
		module_bench, tenant.site, path, None, "POST", data={"key": key, "new_password": "Yq8#construct-it"}
	)
	assert answer.status_code == 200
	note = {"doctype": "Note", "title": "What the customer wrote", "public": 1}
	module_bench.on_site(tenant.name, "frappe.client.insert", doc=note)
	return tenant


@pytest.fixture
def records(module_bench, acme):
	"""The admin site's records of the tenant, which a test sets back to an earlier moment; as they were afterwards."""
	frappe = module_bench.frappe
	frappe.db.commit()
	job = module_bench.job(acme.name)
	before = {
		(doc.doctype, doc.name): {
			field: doc.get(field)
			for field in doc.meta.get_valid_columns()
			if field not in ("name", "creation", "modified", "modified_by")
		}
		for doc in (frappe.get_doc("Tenant", acme.name), job, *job.steps)
	}
	yield Records(module_bench, acme.name, job)
	frappe.db.rollback()
	for (doctype, name), values in before.items():
		frappe.db.set_value(doctype, name, values, update_modified=False)
	frappe.db.commit()
	is_whole(module_bench, acme)


class Records:
	def __init__(self, bench, tenant: str, job):
		self.bench, self.frappe, self.tenant, self.job = bench, bench.frappe, tenant, job

	def set_back(self, step_key: str, status: str = "Failed", **values) -> None:
		"""As they were when the job was at that step."""
		set_value = self.frappe.db.set_value
		is_later = False
		for row in self.job.steps:
			is_later = is_later or row.step_key == step_key
			if is_later:
				state = status if row.step_key == step_key else "Pending"
				set_value(row.doctype, row.name, "status", state)
		set_value("Provisioning Job", self.job.name, {"status": status, **values})
		set_value("Tenant", self.tenant, {"status": "Failed", "database": None, "active_since": None})
		self.frappe.db.commit()

	def read(self):
		self.frappe.db.commit()
		return self.frappe.get_doc("Provisioning Job", self.job.name)


def is_whole(bench, tenant) -> None:
	"""The site answers under its own name, and has what its owner wrote."""
	assert web(bench, tenant.site, "/api/method/ping", None).status_code == 200
	rows = bench.on_site(tenant.name, "frappe.client.get_list", doctype="Note", fields=["title"])
	assert "What the customer wrote" in [row["title"] for row in rows]


def config_of(bench, tenant) -> dict:
	return json.loads((bench.path / "sites" / tenant.site / "site_config.json").read_text())


def forget_that_it_was_finished(bench, tenant) -> None:
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.facts import FINISHED_NOTE as NOTE

	site = Bench(bench.path).site(tenant.site)
	site.update_config({"buildpro_finished": None})
	with bench.root() as cursor:
		cursor.execute(f"delete from `{site.config['db_name']}`.`tabSingles` where doctype = %s", (NOTE,))


def test_the_job_has_left_its_mark_that_the_site_is_finished(module_bench, acme):
	from buildpro_saas.agent.facts import FINISHED_NOTE as NOTE

	config = config_of(module_bench, acme)
	assert config["buildpro_finished"] == 1
	with module_bench.root() as cursor:
		cursor.execute(
			f"select field, value from `{config['db_name']}`.`tabSingles` where doctype = %s", (NOTE,)
		)
		noted = dict(cursor.fetchall())
	# beside it: with which files the site was last migrated
	assert noted.pop("migrated") and list(noted.values()) == ["1"]


@pytest.mark.parametrize("step_key", ["make_site", "set_up_company", "invite_owner"])
def test_a_finished_site_survives_cancel_by_older_records(module_bench, acme, records, step_key):
	records.set_back(step_key)
	with pytest.raises(module_bench.frappe.ValidationError, match="in use: it was finished"):
		records.read().cancel_job()
	module_bench.frappe.db.rollback()
	assert records.read().status == "Failed"
	is_whole(module_bench, acme)


def test_a_site_in_which_the_owner_works_survives_cancel(module_bench, acme, records):
	"""Its job failed at its last step, the owner had the link already."""
	forget_that_it_was_finished(module_bench, acme)
	records.set_back("invite_owner")
	with pytest.raises(
		module_bench.frappe.ValidationError, match=r"in use: owner@.* has (signed in|set a password)"
	):
		records.read().cancel_job()
	module_bench.frappe.db.rollback()
	is_whole(module_bench, acme)


def test_a_worker_that_finds_a_cancel_on_record_looks_first(module_bench, acme, records):
	"""The request was made before the backup, or by somebody who looked a second too early."""
	forget_that_it_was_finished(module_bench, acme)
	records.set_back("check_reachable", "Cancelling", cancel_requested=1)
	module_bench.look_after()
	module_bench.wait_for(lambda: records.read().status == "Failed", 60)
	job = records.read()
	assert "was not cancelled" in job.error and "in use" in job.error and "Retry" in job.hint
	assert not job.cancel_requested
	assert {row.step_key: row.status for row in job.steps}["make_site"] == "Completed"
	is_whole(module_bench, acme)


@pytest.mark.parametrize("step_key", ["reserve_name", "make_site", "set_up_company"])
def test_retry_brings_older_records_up_to_date_and_does_nothing_again(module_bench, acme, records, step_key):
	before = config_of(module_bench, acme)
	if "buildpro_finished" not in before:
		from buildpro_saas.agent.bench import Bench

		Bench(module_bench.path).site(acme.site).update_config({"buildpro_finished": 1})
		before = config_of(module_bench, acme)
	database = acme.database or module_bench.frappe.db.get_value("Tenant", acme.name, "database")
	records.set_back(step_key, state="{}")
	records.read().retry()
	module_bench.frappe.db.commit()
	module_bench.wait_for(lambda: records.read().status != "Waiting", 60)
	module_bench.wait_for(lambda: records.read().status in ("Completed", "Failed"), 60)
	job = records.read()
	assert job.status == "Completed", job.error
	assert "Not done again" in job.steps[-1].output
	assert module_bench.status(acme.name) == "Active"
	assert module_bench.frappe.db.get_value("Tenant", acme.name, "database") == database
	assert config_of(module_bench, acme)["encryption_key"] == before["encryption_key"]
	is_whole(module_bench, acme)


def test_a_step_that_would_begin_again_leaves_a_used_site_alone(module_bench, acme, records):
	"""Retry after a failed set-up makes the site anew; not one in which somebody works."""
	forget_that_it_was_finished(module_bench, acme)
	records.set_back("set_up_company")
	records.read().retry()
	module_bench.frappe.db.commit()
	module_bench.wait_for(lambda: records.read().status not in ("Waiting", "Queued", "Running"), 60)
	job = records.read()
	assert job.status == "Failed" and "in use" in job.error
	is_whole(module_bench, acme)


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_folder_that_somebody_moved_is_kept_and_told(module_bench, acme, how):
	from buildpro_saas.fleet import reconciliation

	frappe, sites = module_bench.frappe, module_bench.path / "sites"
	bench = frappe.db.get_value("Tenant", acme.name, "bench")
	away = sites / f"old-{acme.site}"
	if how == "moved":
		(sites / acme.site).rename(away)
	else:
		shutil.copytree(sites / acme.site, away, symlinks=True)
	try:
		(row,) = [row for row in reconciliation.compare(bench) if row.subject == away.name]
		assert acme.name in row.what
		assert (f"mv sites/{away.name} sites/{acme.site}" in row.action) == (how == "moved")
		long_ago = frappe.utils.add_to_date(row.first_found, seconds=-TWO_HOURS)
		frappe.db.set_value("Drift Finding", row.name, "first_found", long_ago)
		frappe.db.commit()
		reconciliation.compare_benches()
		assert (away / "site_config.json").exists()
		if how == "moved":
			(missing,) = [row for row in reconciliation.compare(bench) if row.subject == acme.name]
			assert "lacks its folder" in missing.what and f"mv sites/{away.name}" in missing.action
	finally:
		shutil.rmtree(away) if how == "copied" else away.rename(sites / acme.site)
	reconciliation.compare(bench)
	is_whole(module_bench, acme)


def test_a_moved_site_survives_the_cancel_of_older_records(module_bench, acme, records):
	"""Its database is looked at, wherever its folder is."""
	sites = module_bench.path / "sites"
	away = sites / f"old-{acme.site}"
	records.set_back("invite_owner")
	(sites / acme.site).rename(away)
	try:
		with pytest.raises(module_bench.frappe.ValidationError, match="in use"):
			records.read().cancel_job()
		module_bench.frappe.db.rollback()
	finally:
		away.rename(sites / acme.site)
