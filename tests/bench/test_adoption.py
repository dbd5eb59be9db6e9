"""Tenants whose records a restore of the admin site has lost are taken in again, by what their sites know."""

import json
import threading
from contextlib import contextmanager

import pytest
import site_config_file

COMMAND = "saas", "adopt"


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, whose record each test loses."""
	return module_bench.active_tenant(company="Acme & Söhne", customisations="None")


@pytest.fixture
def frappe(module_bench):
	yield module_bench.frappe
	module_bench.frappe.db.rollback()


@pytest.fixture
def lost(module_bench, acme):
	"""Lose the record of acme, as a restore from an older backup does: its jobs, tokens and children are gone too."""
	yield lambda: lose(module_bench, acme.name)
	if not module_bench.frappe.db.exists("Tenant", acme.name):
		adopt(module_bench, acme.site)
	settle(module_bench, acme.name)


def lose(bench, tenant: str) -> None:
	frappe = bench.frappe
	settle(bench, tenant)
	for job in frappe.get_all("Provisioning Job", {"tenant": tenant}, pluck="name"):
		frappe.db.delete("Provisioning Job Step", {"parent": job})
		frappe.db.delete("Provisioning Job", {"name": job})
	for table in frappe.get_meta("Tenant").get_table_fields():
		frappe.db.delete(table.options, {"parent": tenant})
	frappe.db.delete("Tenant", {"name": tenant})
	frappe.db.delete("__Auth", {"doctype": "Tenant", "name": tenant})
	frappe.db.commit()


def adopt(bench, site: str, plan: str | None = None):
	from buildpro_saas.control_plane.doctype.tenant import adoption

	bench.frappe.db.commit()
	try:
		tenant = adoption.adopt(site, plan)
	except Exception:
		bench.frappe.db.rollback()
		raise
	bench.frappe.db.commit()
	return tenant


def settle(bench, tenant: str) -> None:
	"""Wait until no job is about the tenant, nor brings it a statement."""

	def is_settled() -> bool:
		bench.frappe.db.commit()
		unfinished = {"status": ("in", ("Waiting", "Queued", "Running"))}
		return not bench.frappe.get_all("Provisioning Job", unfinished)

	bench.wait_for(is_settled, 60)


def config_of(bench, site: str) -> dict:
	return json.loads((bench.path / "sites" / site / "site_config.json").read_text())


def config(bench, site: str, **values):
	return site_config_file.changed(bench.path / "sites" / site, **values)


SAME = (
	*(
		"company",
		"plan",
		"plan_version",
		"bench",
		"status",
		"owner_name",
		"owner_email",
		"country",
		"currency",
	),
	*("time_zone", "language", "site", "database", "database_name", "trial_ends_on", "plan_after_trial"),
	*("next_plan", "next_plan_on"),
)


def fields_of(tenant) -> dict:
	return {field: tenant.get(field) or None for field in SAME}


def test_the_record_is_as_it_was_and_the_site_gets_a_statement(module_bench, acme, frappe, lost):
	before, site = fields_of(frappe.get_doc("Tenant", acme.name)), config_of(module_bench, acme.site)
	apps = [(row.app, row.version) for row in frappe.get_doc("Tenant", acme.name).apps]
	lost()
	adopt(module_bench, acme.site)
	assert module_bench.wait_job(acme.name).status == "Completed", module_bench.describe(acme.name)
	tenant = frappe.get_doc("Tenant", acme.name)
	assert fields_of(tenant) == before
	assert [(row.app, row.version) for row in tenant.apps] == apps
	after = config_of(module_bench, acme.site)
	assert int(tenant.entitlement_sequence) == after["buildpro_sequence"] > site["buildpro_sequence"]
	assert after["buildpro_sync_token"] not in (None, site["buildpro_sync_token"])
	moving = {
		"buildpro_sequence",
		"buildpro_sync_token",
		"buildpro_last_known",
		"buildpro_clock",
		"buildpro_finished",
	}
	assert {key: after[key] for key in after if key not in moving} == {
		key: site[key] for key in site if key not in moving
	}
	assert after["buildpro_finished"] == 1 and tenant.trusted_keys


def test_the_site_asks_with_its_new_token(module_bench, acme, frappe, lost, bench_command):
	lost()
	adopt(module_bench, acme.site)
	module_bench.wait_job(acme.name)
	pulled = bench_command("--site", acme.site, "saas", "pull")
	assert pulled.returncode == 0 and "Nothing new" in pulled.stdout, pulled.stderr


def test_terms_come_back_from_the_statement(module_bench, acme, frappe, lost):
	more_users = {"kind": "Limit", "limit_key": "max_users", "value": 77, "is_hard": 1, "reason": "x"}
	bim = {"kind": "Feature", "feature": "bim", "access": "Grant", "reason": "y"}
	with module_bench.edited("Tenant", acme.name) as tenant:
		tenant.update({"plan_after_trial": "Core", "trial_ends_on": "2199-01-31 10:00:00"})
		tenant.append("overrides", more_users)
		tenant.append("overrides", {**bim, "ends_on": "2199-01-01 00:00:00"})
	settle(module_bench, acme.name)
	before = fields_of(frappe.get_doc("Tenant", acme.name))
	lost()
	adopt(module_bench, acme.site)
	found = frappe.get_doc("Tenant", acme.name)
	assert fields_of(found) == before
	rows = {(row.kind, row.limit_key, row.value, row.feature, str(row.ends_on)) for row in found.overrides}
	assert rows == {
		("Limit", "max_users", 77, None, "None"),
		("Feature", None, 0, "bim", "2199-01-01 00:00:00"),
	}
	with module_bench.edited("Tenant", acme.name) as tenant:
		tenant.update({"plan_after_trial": None, "trial_ends_on": None, "overrides": []})


@pytest.mark.parametrize("act", ["suspend", "mark_past_due"])
def test_a_tenant_that_was_suspended_is_so_again(module_bench, acme, frappe, lost, act):
	getattr(frappe.get_doc("Tenant", acme.name), act)("Invoice 4711")
	frappe.db.commit()
	status = frappe.db.get_value("Tenant", acme.name, "status")
	lost()
	adopt(module_bench, acme.site)
	assert module_bench.status(acme.name) == status != "Active"
	frappe.get_doc("Tenant", acme.name).resume()
	frappe.db.commit()


def test_drift_names_the_command_and_the_finding_is_resolved(module_bench, acme, frappe, lost, bench_command):
	from buildpro_saas.fleet import reconciliation

	lost()
	found = {row.subject: row for row in reconciliation.compare(frappe.get_all("Bench", pluck="name")[0])}
	row = found[acme.site]
	assert f"bench --site {frappe.local.site} saas adopt {acme.site}" in row.action
	finding = frappe.get_doc("Drift Finding", row.name)
	finding.run_method("onload")
	assert finding.get_onload("may_be_adopted")
	told = bench_command("--site", frappe.local.site, *COMMAND, acme.site)
	assert told.returncode == 0 and f"Tenant {acme.name} is Active again: Core." in told.stdout, told.stderr
	frappe.db.commit()
	finding.reload()
	assert finding.status == "Resolved"
	finding.run_method("onload")
	assert not finding.get_onload("may_be_adopted")


def test_the_button_of_the_finding(module_bench, acme, frappe, lost):
	from buildpro_saas.fleet import reconciliation

	lost()
	rows = reconciliation.compare(frappe.get_all("Bench", pluck="name")[0])
	finding = frappe.get_doc("Drift Finding", next(row.name for row in rows if row.subject == acme.site))
	assert finding.adopt() == acme.name
	frappe.db.commit()
	assert module_bench.wait_job(acme.name).status == "Completed"


def test_killed_in_the_middle_it_goes_on(module_bench, acme, frappe, lost):
	"""What was not committed is not there; what was, goes on with the next worker."""
	from buildpro_saas.control_plane.doctype.tenant import adoption

	lost()
	adoption.adopt(acme.site)
	frappe.db.rollback()
	assert not frappe.db.exists("Tenant", acme.name)
	with module_bench.held("deliver_entitlement", "Completed"):
		adopt(module_bench, acme.site)
		module_bench.wait_held(acme.name)
		module_bench.services.kill("worker")
	module_bench.services.start_all("worker")
	module_bench.wait_looking(
		lambda: module_bench.job_status(acme.name) == "Completed",
		60,
		lambda: module_bench.describe(acme.name),
	)
	assert frappe.get_doc("Tenant", acme.name).is_entitlement_current()


def test_of_two_at_once_one_adopts(module_bench, acme, frappe, lost, bench_command):
	lost()
	told, admin = [], frappe.local.site
	both = [
		threading.Thread(target=lambda: told.append(bench_command("--site", admin, *COMMAND, acme.site)))
		for _n in range(2)
	]
	for each in both:
		each.start()
	for each in both:
		each.join()
	assert sorted(each.returncode for each in told) == [0, 1], told
	loser = next(each for each in told if each.returncode)
	assert "on record already" in loser.stderr and "Traceback" not in loser.stderr
	frappe.db.commit()
	assert frappe.db.count("Provisioning Job", {"tenant": acme.name}) == 1


# -- refused -------------------------------------------------------------------------------------------------------


def refused(bench, site: str, match: str, plan: str | None = None) -> None:
	told = (bench.frappe.ValidationError, bench.frappe.DuplicateEntryError)
	with pytest.raises(told, match=match):
		adopt(bench, site, plan)


def test_what_is_no_tenants_site_that_nobody_knows(module_bench, acme, frappe, lost):
	refused(module_bench, "nobody.localhost", "no site nobody.localhost")
	refused(module_bench, f"./{acme.site}", "no site")
	refused(module_bench, frappe.local.site, "is not a tenant")
	refused(module_bench, acme.site, "on record already, as Active")
	frappe.db.set_value("Tenant", acme.name, "status", "Failed")
	refused(module_bench, acme.site, "Press Retry")
	frappe.db.set_value("Tenant", acme.name, "status", "Draft")
	refused(module_bench, acme.site, "delete it")
	frappe.db.set_value("Tenant", acme.name, "status", "Active")
	frappe.db.commit()


def test_what_its_configuration_does_not_bear_out(module_bench, acme, frappe, lost):
	lost()
	with config(module_bench, acme.site, buildpro_tenant="other"):
		refused(module_bench, acme.site, "names the tenant other")
	with config(module_bench, acme.site, buildpro_job="another/0123"):
		refused(module_bench, acme.site, "marks differ")
	with config(module_bench, acme.site, db_name="_0123456789abcdef"):
		refused(module_bench, acme.site, "_0123456789abcdef of .* is not there")
	with config(module_bench, acme.site, db_password="wrong"):
		refused(module_bench, acme.site, "cannot be read")
	assert not frappe.db.exists("Tenant", acme.name)


@contextmanager
def statement(bench, site: str, token: str | None):
	"""Another statement in both places where the site keeps it; None: in neither."""
	path = bench.path / "sites" / site / "entitlement.json"
	before = path.read_text()
	path.write_text(json.dumps({"token": token, "catalogue": {}}) if token else "{}")
	try:
		with config(bench, site, buildpro_last_known={"token": token} if token else None):
			yield
	finally:
		path.write_text(before)


def signed(bench, acme, key=None, site: str | None = None, plan: str = "Core") -> str:
	from buildpro_saas.entitlements import layers
	from buildpro_saas.entitlements import statement as statements

	data = {"tenant": acme.name, "site": site or acme.site, "layers": layers.single_plan(plan, [], {})}
	key = key or bench.frappe.conf.buildpro_signing_key
	return statements.issue(key, data, valid_days=30, grace_days=7)


def test_a_statement_that_is_none_of_this_admin_sites(module_bench, acme, frappe, lost):
	from buildpro_saas.entitlements import keys

	lost()
	site = acme.site
	with statement(module_bench, site, None):
		refused(module_bench, site, "has no statement")
	with statement(module_bench, site, signed(module_bench, acme, keys.generate())):
		refused(module_bench, site, "none of this admin site")
	with statement(module_bench, site, signed(module_bench, acme, site="other.localhost")):
		refused(module_bench, site, "made for another site")


def test_a_plan_that_is_gone_has_to_be_named(module_bench, acme, frappe, lost):
	lost()
	with statement(module_bench, acme.site, signed(module_bench, acme, plan="Gone")):
		refused(module_bench, acme.site, "plan Gone, which is not on record: .*--plan")
		refused(module_bench, acme.site, "There is no Plan Nowhere", "Nowhere")
		assert adopt(module_bench, acme.site, "Core").plan == "Core"


def test_a_name_that_is_reserved_by_now(module_bench, acme, frappe, lost):
	lost()
	before = frappe.db.get_single_value("SaaS Settings", "reserved_subdomains")
	frappe.db.set_single_value("SaaS Settings", "reserved_subdomains", f"{before}\n{acme.name}")
	frappe.db.commit()
	try:
		refused(module_bench, acme.site, "is reserved: take it off the list")
	finally:
		frappe.db.set_single_value("SaaS Settings", "reserved_subdomains", before)
		frappe.db.commit()


def test_a_job_that_has_not_let_go(module_bench, acme, frappe, lost):
	mark = config_of(module_bench, acme.site)["buildpro_job"]
	lost()
	job = frappe.get_doc(
		{
			"doctype": "Provisioning Job",
			"title": "Test",
			"playbook": "create_tenant",
			"status": "Failed",
			"mark": mark,
		}
	)
	job.name = f"PJ-{frappe.generate_hash(length=6)}"
	job.db_insert()
	frappe.db.commit()
	try:
		refused(module_bench, acme.site, f"The job {job.name}, which is Failed")
	finally:
		frappe.db.delete("Provisioning Job", {"name": job.name})
		frappe.db.commit()


def test_the_shell_says_it_as_text(module_bench, acme, frappe, bench_command):
	told = bench_command("--site", frappe.local.site, *COMMAND, frappe.local.site)
	assert told.returncode == 1 and "is not a tenant's" in told.stderr, told.stderr
