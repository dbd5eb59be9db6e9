"""What is the bench's and no tenant's: its workers, its queues, and tracebacks."""

import pytest


@pytest.fixture
def tenant(site, monkeypatch):
	monkeypatch.setitem(site.frappe.conf, "buildpro_role", "tenant")
	return site


def rows(frappe, doctype: str) -> list:
	"""As Desk's list asks for them, which asks no permission hook for virtual doctypes."""
	from frappe.model.base_document import get_controller

	args = {"page_length": 100_000, "filters": []}
	return frappe.call(get_controller(doctype).get_list, args=args, **args)


def test_the_benchs_workers_are_not_shown_to_tenants(site, monkeypatch):
	frappe = site.frappe
	workers = rows(frappe, "RQ Worker")
	assert workers, "the bench has no workers to hide"
	monkeypatch.setitem(frappe.conf, "buildpro_role", "tenant")
	assert rows(frappe, "RQ Worker") == []
	with pytest.raises(frappe.PermissionError, match="operator"):
		frappe.get_doc("RQ Worker", workers[0].name)


def test_jobs_of_a_site_whose_name_goes_on_are_not_this_ones(tenant):
	from frappe.utils.background_jobs import create_job_id, get_queue
	from rq.job import Job

	frappe = tenant.frappe
	queue = get_queue("long")
	# as RQ notes with a queue's first job: only queues that it has noted are listed
	queue.connection.sadd(queue.redis_queues_keys, queue.key)
	site = frappe.local.site
	made = []
	for owner in (site, f"{site}.au"):
		job_id = create_job_id("buildpro-test").replace(site, owner, 1)
		arguments = {"site": owner, "kwargs": {}, "job_name": "x", "method": "frappe.ping", "user": "Guest"}
		made.append(
			Job.create(
				"frappe.ping", kwargs=arguments, id=job_id, connection=queue.connection, origin=queue.name
			)
		)
	try:
		for job in made:
			job.set_status("failed")
			job.save()
			queue.failed_job_registry.add(job, ttl=60)
		shown = {row.name for row in rows(frappe, "RQ Job")}
		assert made[0].id in shown and made[1].id not in shown
	finally:
		for job in made:
			queue.failed_job_registry.remove(job)
			job.delete()


@pytest.mark.parametrize(
	("role", "queue", "is_refused"),
	[
		*(("tenant", "provisioning", True), ("tenant", "long", False), ("admin", "provisioning", False)),
		*(("tenant", "ours", True), ("tenant", "theirs", False), ("admin", "ours", False)),
	],
)
def test_a_tenants_job_in_our_own_queue_is_refused(site, monkeypatch, role, queue, is_refused):
	from frappe.utils.background_jobs import generate_qname, get_redis_conn
	from rq.job import Job, _job_stack

	frappe = site.frappe
	monkeypatch.setitem(frappe.conf, "buildpro_role", role)
	workers = {"ours": {"timeout": 500, "buildpro": 1}, "theirs": {"timeout": 500}}
	monkeypatch.setitem(frappe.conf, "workers", workers)
	name = "buildpro_saas.jobs.queue.refuse_tenants_jobs"
	assert name in frappe.get_hooks("before_job")
	hook = frappe.get_attr(name)
	_job_stack.push(Job.create("frappe.ping", connection=get_redis_conn(), origin=generate_qname(queue)))
	try:
		if is_refused:
			with pytest.raises(frappe.PermissionError, match=queue):
				hook()
		else:
			hook()
	finally:
		_job_stack.pop()


@pytest.mark.parametrize("role", ["admin", "tenant"])
@pytest.mark.parametrize(("user", "is_hidden"), [("Guest", True), (None, True), ("Administrator", False)])
def test_tracebacks_are_for_those_who_work_in_desk(site, monkeypatch, role, user, is_hidden):
	from buildpro_saas import site_role

	frappe = site.frappe
	monkeypatch.setitem(frappe.conf, "buildpro_role", role)
	monkeypatch.setattr(frappe.local, "session", frappe._dict(user=user, data=frappe._dict()))
	monkeypatch.setitem(frappe.local.flags, "disable_traceback", None)
	site_role.hide_tracebacks()
	assert frappe.local.flags.disable_traceback is is_hidden
