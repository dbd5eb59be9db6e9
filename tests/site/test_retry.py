"""Retry of a tenant's job that failed over its plan, once staff have mended that."""

import json

import pytest

STEPS = ("reserve_name", "make_site", "install_apps", "configure", "seed_plan_settings", "create_owner")


@pytest.fixture
def failed(drifting):
	"""The job of a tenant whose owner's user could not be made; its row is read and rolled back with each `retried`."""
	from buildpro_saas.fleet import image_spec

	frappe = drifting.frappe
	tenant = drifting.tenant("Failed", f"{drifting.token}.localhost", f"_{drifting.token}")
	frappe.get_doc("Tenant", tenant).sign_entitlement()
	state = {"plan_apps": image_spec.apps_to_install("Core")}
	job = drifting.record(
		"Provisioning Job",
		title="Test",
		playbook="create_tenant",
		status="Failed",
		tenant=tenant,
		mark=drifting.mark(),
		state=json.dumps(state),
	)
	for index, key in enumerate(STEPS, start=1):
		drifting.record(
			"Provisioning Job Step",
			parent=job,
			parenttype="Provisioning Job",
			parentfield="steps",
			idx=index,
			step_key=key,
			title=key,
			status="Failed" if key == STEPS[-1] else "Completed",
		)
	return job


def retried(frappe, job: str) -> list[str]:
	"""The steps that Retry lets be done again, beside the failed one."""
	frappe.clear_document_cache("Plan", "Core")
	frappe.get_doc("Provisioning Job", job).retry()
	rows = frappe.get_all("Provisioning Job Step", {"parent": job, "status": "Pending"}, pluck="step_key")
	return [key for key in STEPS if key in rows]


@pytest.mark.parametrize("is_answered", [False, True])
def test_another_app_of_the_plan_makes_the_site_anew_unless_it_has_answered(drifting, failed, is_answered):
	frappe = drifting.frappe
	if is_answered:
		state = json.loads(frappe.db.get_value("Provisioning Job", failed, "state"))
		frappe.db.set_value("Provisioning Job", failed, "state", json.dumps({**state, "answered": 200}))
	row = frappe.get_doc(
		{"doctype": "Plan App", "parent": "Core", "parenttype": "Plan", "parentfield": "apps"}
	)
	row.update({"app": "another_app", "idx": 99}).db_insert()
	assert retried(frappe, failed) == ([] if is_answered else list(STEPS[:-1]))


def test_another_limit_of_the_plan_is_in_a_new_statement(drifting, failed):
	frappe = drifting.frappe
	limit = frappe.get_doc(
		{"doctype": "Plan Limit", "parent": "Core", "parenttype": "Plan", "parentfield": "limits"}
	)
	limit.update({"limit_key": "max_users", "value": 4711, "is_hard": 1, "idx": 99}).db_insert()
	assert retried(frappe, failed) == ["seed_plan_settings"]


def test_nothing_is_done_again_where_nothing_has_changed(drifting, failed):
	assert retried(drifting.frappe, failed) == []
