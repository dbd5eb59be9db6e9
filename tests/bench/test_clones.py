"""A clone of a tenant: a tenant of its own that reaches nobody, says what it is, ends by itself, and counts nowhere."""

import json
import os

import pytest
from site_of_tenant import config, get

SECONDS = 600


@pytest.fixture(scope="module")
def acme(module_bench):
	tenant = module_bench.active_tenant()
	module_bench.on_site(tenant.name, "on_clone.live")
	return tenant


@pytest.fixture(scope="module")
def clone(module_bench, acme, bench_command):
	"""A clone, made by the shell."""
	before, name = of_original(module_bench, acme), f"t{os.urandom(4).hex()}"
	module_bench.tenants.append(name)
	saas = ("--site", module_bench.frappe.local.site, "saas", "clone", acme.name, name)
	done = bench_command(*saas, "--days", "3", "--wait", "--json")
	assert done.returncode == 0, done.stdout + done.stderr
	assert json.loads(done.stdout)["status"] == "Completed"
	assert of_original(module_bench, acme) == before
	module_bench.frappe.db.commit()
	return module_bench.frappe.get_doc("Tenant", name)


def of_original(bench, acme) -> dict:
	from buildpro_saas.agent import door

	moving = ("buildpro_clock", "buildpro_shown")
	own = {key: value for key, value in config(bench, acme).items() if key not in moving}
	return {
		"told": bench.on_site(acme.name, "on_clone.told"),
		"config": own,
		"users": door.here().do("site_manifest", site=acme.site).tables["tabUser"],
	}


def test_it_has_the_same_data_and_reaches_nobody(module_bench, acme, clone):
	assert clone.status == "Active" and clone.cloned_from == acme.name and clone.is_silenced
	there = module_bench.on_site(acme.name, "on_clone.told")
	here = module_bench.on_site(clone.name, "on_clone.told")
	assert (there["hooks"], there["mails"], there["secrets"]) == ([1], 1, 1)
	assert here == {**there, "hooks": [0], "mails": 0, "secrets": 0} and here["notes"] == ["then"]
	mine, its = config(module_bench, clone), config(module_bench, acme)
	assert mine["mute_emails"] and mine["pause_scheduler"] and "maintenance_mode" not in mine
	assert mine["buildpro_tenant"] == clone.name and mine["host_name"] != its["host_name"]
	for key in ("encryption_key", "db_name", "db_password", "buildpro_sync_token"):
		assert mine[key] != its[key], key
	assert "pause_scheduler" not in its and "buildpro_clone" not in its


def test_every_page_says_what_it_is(module_bench, acme, clone):
	page = get(module_bench, clone, "/login")
	assert f"This is a clone of {acme.name}" in page.text and "noindex" in page.headers["X-Robots-Tag"]
	other = get(module_bench, acme, "/login")
	assert "This is a clone" not in other.text and "X-Robots-Tag" not in other.headers


def test_it_counts_nowhere(module_bench, acme, clone):
	frappe = module_bench.frappe
	card = frappe.get_doc("Number Card", "Active Tenants")
	filters = [each[:4] for each in json.loads(card.filters_json)]
	counted = frappe.get_all("Tenant", filters, pluck="name")
	assert acme.name in counted and clone.name not in counted
	clone.reload()
	clone.cloned_from = None  # and nobody makes a customer of it
	with pytest.raises(frappe.ValidationError, match="Cloned From"):
		clone.save()
	frappe.db.rollback()
	with pytest.raises(frappe.ValidationError, match="no clone"):
		acme.keep_clone(3)
	with pytest.raises(frappe.DuplicateEntryError, match="taken"):
		acme.clone(clone.subdomain)
	frappe.db.rollback()


@pytest.mark.fault
def test_killed_and_cancelled_nothing_is_left(module_bench, acme):
	bench, there = module_bench, module_bench.everything()
	with bench.held("make_own", "Completed"):
		made = acme.clone(f"t{os.urandom(4).hex()}")
		bench.tenants.append(made["tenant"])
		bench.frappe.db.commit()
		bench.wait_held(made["tenant"])
		bench.services.kill("provisioning")
		bench.frappe.get_doc("Provisioning Job", made["job"]).cancel_job()
		bench.frappe.db.commit()
	bench.services.start_all("provisioning")
	bench.wait_looking(lambda: bench.has_ended(made["job"]), SECONDS)
	assert bench.job(made["tenant"]).status == "Cancelled", bench.describe(made["tenant"])
	assert bench.everything() == there


def test_its_time_is_over(module_bench, acme, clone):
	"""The last one: it is suspended afterwards."""
	from buildpro_saas.fleet import clones

	frappe = module_bench.frappe
	clone.reload()
	clone.keep_clone(5)
	frappe.db.commit()
	until = frappe.db.get_value("Tenant", clone.name, "expires_on")
	assert config(module_bench, clone)["buildpro_clone"] == {"of": acme.name, "until": f"{until:%Y-%m-%d}"}
	clones.suspend_expired_clones()
	assert module_bench.status(clone.name) == "Active"
	frappe.db.set_value("Tenant", clone.name, "expires_on", "2020-01-01 00:00:00")
	frappe.db.commit()
	clones.suspend_expired_clones()
	assert module_bench.status(clone.name) == "Suspended" and module_bench.status(acme.name) == "Active"
