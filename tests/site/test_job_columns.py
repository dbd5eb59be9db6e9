"""A job is found by its columns: its mark, its image, its database, and the other record that it is about."""

import json

from buildpro_saas.patches import fill_job_columns, fill_job_subjects


def test_jobs_of_before_get_their_columns_from_their_json(drifting):
	frappe, mark = drifting.frappe, drifting.mark()
	inputs = {"mark": mark, "image": "SI-1"}
	state = {"site": "a.localhost", "reserved_database": "_first", "database": "_second"}
	fields = {"title": "Test", "playbook": "test", "status": "Completed"}
	old = drifting.record("Provisioning Job", **fields, inputs=json.dumps(inputs), state=json.dumps(state))
	empty = drifting.record("Provisioning Job", **fields, inputs=None, state=None)
	fill_job_columns.execute()
	columns = ["mark", "image", "database"]
	assert frappe.db.get_value("Provisioning Job", old, columns) == (mark, "SI-1", "_first")
	assert frappe.db.get_value("Provisioning Job", empty, columns) == (None, None, None)


def test_jobs_of_before_get_what_they_are_about_from_their_json(drifting):
	fields = {"title": "Test", "playbook": "test", "status": "Completed"}
	abouts = (
		{"domain": "D-1", "host": "a.example"},
		{"store": "S-1"},
		{"shadow": "SH-1", "backup": None},
		{},
	)
	jobs = [drifting.record("Provisioning Job", **fields, inputs=json.dumps(inputs)) for inputs in abouts]
	fill_job_subjects.execute()
	subjects = [drifting.frappe.db.get_value("Provisioning Job", job, "subject") for job in jobs]
	assert subjects == ["D-1", "S-1", "SH-1", None]


def test_the_columns_that_jobs_are_looked_for_by_are_indexed(admin_site):
	for column in ("mark", "image", "database", "subject"):
		plan = admin_site.db.sql(
			f"explain select name from `tabProvisioning Job` where `{column}` = 'x'", as_dict=True
		)
		assert plan[0].key, column


def test_a_job_writes_its_mark_and_image_and_the_first_database_that_its_steps_name(admin_site, drifting):
	from buildpro_saas.jobs import lifecycle
	from buildpro_saas.jobs.store import JobStore

	job = lifecycle.start("build_image", tenant=None, bench=drifting.bench, inputs={"image": "x"}, image="x")
	admin_site.db.after_commit.reset()
	drifting.rows.append(("Provisioning Job", job.name))
	store = JobStore(job.name)
	store.merge_state({"database": "_first"})
	store.merge_state({"database": "_second"})
	written = admin_site.db.get_value("Provisioning Job", job.name, ["mark", "image", "database"])
	assert written == (job.mark, "x", "_first") and job.mark.startswith(f"{admin_site.local.site}/")
	assert "mark" not in json.loads(job.inputs)
	admin_site.db.rollback()
