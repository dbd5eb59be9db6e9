"""Which Provisioning Jobs Frappe's Log Settings prune, and which are kept for as long as something needs them."""

import pytest

OLD, YOUNG = -200, -10  # days


@pytest.fixture
def aged(drifting):
	"""aged(days, job): the job ended so many days ago; returns it."""
	frappe = drifting.frappe

	def age(days: int, job: str, **values) -> str:
		ended = frappe.utils.add_to_date(frappe.utils.now_datetime(), days=days)
		frappe.db.set_value("Provisioning Job", job, {"ended_at": ended, **values})
		step = frappe.get_doc({"doctype": "Provisioning Job Step", "parenttype": "Provisioning Job"})
		step.update(
			{"parent": job, "parentfield": "steps", "step_key": "a", "title": "A", "name": f"{job}-a"}
		)
		step.db_insert()
		drifting.rows.append((step.doctype, step.name))
		frappe.db.commit()
		return job

	return age


def test_log_settings_prune_jobs_on_the_admin_site(admin_site):
	from frappe.core.doctype.log_settings.log_settings import _supports_log_clearing

	from buildpro_saas.fleet import job_retention

	assert _supports_log_clearing("Provisioning Job")

	def rows() -> list:
		settings = admin_site.get_doc("Log Settings")
		return [row.days for row in settings.logs_to_clear if row.ref_doctype == "Provisioning Job"]

	job_retention.unregister()
	job_retention.register()
	assert rows() == [job_retention.DAYS]
	settings = admin_site.get_doc("Log Settings")
	settings.register_doctype("Provisioning Job", 400)
	settings.save()
	job_retention.register()
	assert rows() == [400]  # what staff have set stays


def test_old_jobs_go_and_needed_ones_stay(drifting, aged):
	from buildpro_saas.control_plane.doctype.provisioning_job.provisioning_job import ProvisioningJob

	frappe, mark = drifting.frappe, drifting.mark
	tenant = drifting.tenant("Active", f"{drifting.token}.localhost", None)
	of_image, of_standby = mark(), mark()
	image, _standby = drifting.copies(of_image, f"_{drifting.token}")
	of_its_record = drifting.job(mark(), "Completed")
	frappe.db.set_value("Site Image", image, "job", of_its_record)
	drifting.record("Standby Site", image=image, kind="x", status="Ready", mark=of_standby)
	gone = [
		aged(OLD, drifting.job(mark(), "Completed")),
		aged(OLD, drifting.job(mark(), "Cancelled"), tenant="a tenant that was deleted"),
		aged(OLD, drifting.job(mark(), "Completed"), tenant=tenant, playbook="another"),
	]
	kept = [
		aged(YOUNG, drifting.job(mark(), "Completed")),
		*(aged(OLD, drifting.job(mark(), status)) for status in ("Failed", "Waiting", "Queued", "Running")),
		aged(OLD, drifting.job(mark(), "Completed"), tenant=tenant, playbook="create_tenant"),
		aged(OLD, drifting.job(of_image, "Completed")),
		aged(OLD, drifting.job(of_standby, "Completed")),
		aged(OLD, of_its_record),
		aged(OLD, drifting.job(mark(), "Completed"), tenant=tenant, playbook="another"),  # its newest
	]
	ProvisioningJob.clear_old_logs(days=90)
	assert there(frappe, kept) == set(kept)
	assert there(frappe, gone) == set()
	assert not frappe.db.exists("Provisioning Job Step", {"parent": ("in", gone)})


def test_jobs_whose_mark_a_swapped_in_site_carries_are_kept(admin_site):
	"""Whatever fills a shadow that may become a site. A drill's never does."""
	from buildpro_saas.fleet import job_retention, shadows
	from buildpro_saas.fleet.steps.migrate import MigrateCopy
	from buildpro_saas.fleet.steps.restore import LoadIntoShadow
	from buildpro_saas.fleet.steps.shadow import CopyIntoShadow
	from buildpro_saas.fleet.steps.take_in import FillShadow
	from buildpro_saas.fleet.steps.take_over import TakeOver

	fill = (CopyIntoShadow, LoadIntoShadow, MigrateCopy, FillShadow, TakeOver)
	playbooks = map(admin_site.get_attr, admin_site.get_hooks("buildpro_playbooks"))
	filling = {each.name for each in playbooks if any(isinstance(step, fill) for step in each.steps)}
	assert filling - {shadows.DRILL} == {
		*("copy_site", "restore_site", "restore_lost_site", "migrate_site", "unarchive_site"),
		*("take_in_site", "take_over_site", "clone_tenant"),
	}
	assert filling - {*job_retention.MAKES_SITE} == {shadows.DRILL}


def test_jobs_of_the_last_day_stay_whatever_is_set(drifting, aged):
	from buildpro_saas.fleet import job_retention

	(job,) = [aged(-1, drifting.job(drifting.mark(), "Completed"))]
	job_retention.prune(0)
	assert there(drifting.frappe, [job]) == {job}


def test_a_job_that_is_needed_is_not_deleted_by_hand(drifting):
	frappe = drifting.frappe
	tenant = drifting.tenant("Active", f"{drifting.token}.localhost", None)
	made, other = (drifting.job(drifting.mark(), "Completed") for _n in range(2))
	frappe.db.set_value("Provisioning Job", made, {"tenant": tenant, "playbook": "create_tenant"})
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError, match="made what is still there"):
		frappe.delete_doc("Provisioning Job", made)
	frappe.delete_doc("Provisioning Job", other)
	frappe.db.commit()
	assert there(frappe, [made, other]) == {made}


def there(frappe, jobs: list[str]) -> set[str]:
	return set(frappe.get_all("Provisioning Job", {"name": ("in", jobs)}, pluck="name"))
