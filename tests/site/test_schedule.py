"""The scheduled jobs of the admin site come to their turn at once."""

import pytest

JOB = "buildpro_saas.jobs.lifecycle.recover_lost_jobs"
ANOTHER = "frappe.email.queue.flush"


@pytest.fixture
def scheduled(admin_site):
	"""Documents of Frappe's Scheduled Job Type by the method that they start."""
	return lambda method: admin_site.get_doc("Scheduled Job Type", {"method": method})


def test_every_admin_job_goes_to_the_short_queue_and_all_others_where_frappe_puts_them(admin_site, scheduled):
	from buildpro_saas.scheduled_jobs import ADMIN_JOBS

	assert {scheduled(method).get_queue_name() for method in ADMIN_JOBS} == {"short"}
	types = admin_site.get_all(
		"Scheduled Job Type", {"method": ("not in", ADMIN_JOBS)}, ["method", "frequency"]
	)
	assert types
	for row in types:
		wanted = "long" if "Long" in row.frequency else "default"
		assert scheduled(row.method).get_queue_name() == wanted, row.method


@pytest.mark.parametrize("method", [JOB, ANOTHER])
@pytest.mark.parametrize("field", ["creation", "last_execution"])
def test_a_job_that_was_made_or_run_in_another_time_zone_is_due_now(scheduled, method, field):
	"""A new site has the framework's time zone, Asia/Kolkata, until `saas setup` or the owner sets another."""
	from frappe.utils import add_to_date, now_datetime

	job_type = scheduled(method)
	job_type.last_execution = now_datetime()
	assert not job_type.is_event_due()
	job_type.update({"last_execution": None, field: add_to_date(now_datetime(), hours=5, minutes=30)})
	assert job_type.is_event_due()


@pytest.mark.parametrize(("method", "is_cleared"), [(JOB, True), (ANOTHER, False)])
def test_a_run_whose_worker_was_killed_does_not_keep_the_next_one_out(
	admin_site, scheduled, method, is_cleared
):
	"""RQ's own records of such a run, as a worker leaves them: started, in the registry, its heartbeat over."""
	from frappe.utils.background_jobs import create_job_id, get_queue
	from rq.job import Job, JobStatus
	from rq.registry import StartedJobRegistry

	job_type = scheduled(method)
	queue = get_queue(job_type.get_queue_name())
	registry = StartedJobRegistry(queue=queue)
	job = Job.create(
		"frappe.ping", id=create_job_id(job_type.rq_job_id), connection=queue.connection, origin=queue.name
	)
	job.save()
	job.set_status(JobStatus.STARTED)
	registry.connection.zadd(registry.key, {job.id: 1})  # long ago
	try:
		assert job_type.is_job_in_queue() is not is_cleared
	finally:
		registry.connection.zrem(registry.key, job.id)
		job.delete()


def test_frappe_never_takes_the_admin_site_for_dormant(admin_site):
	"""Nobody has signed in for long: its scheduled jobs would run once a day."""
	from frappe.utils.scheduler import is_dormant

	from buildpro_saas.jobs.schedule import AWAKE, stay_awake

	admin_site.db.delete("Activity Log")
	assert is_dormant()
	stay_awake()
	assert not is_dormant()
	stay_awake()
	assert admin_site.db.count("Activity Log", {"subject": AWAKE}) == 1
	table = admin_site.qb.DocType("Activity Log")
	week_ago = admin_site.utils.add_days(admin_site.utils.now_datetime(), -7)
	admin_site.qb.update(table).set(table.creation, week_ago).set(table.modified, week_ago).run()
	assert is_dormant()
	stay_awake()
	assert not is_dormant()
