"""The test is the worker that has a job: it runs it, or is killed as one of its steps has done its work."""

import os
import signal

SECONDS = 60


def run(bench, job: str) -> str:
	"""Be the worker that has the job; returns the job's status afterwards."""
	from buildpro_saas.jobs import lifecycle

	frappe = bench.frappe
	is_free(bench, queued_again(bench, job))
	lifecycle.run(job)
	frappe.db.commit()
	return frappe.db.get_value("Provisioning Job", job, "status")


def is_free(bench, job: str) -> None:
	"""Wait until MariaDB has seen that the process is gone which had the job."""
	from buildpro_saas.jobs.lifecycle import JOB_LOCK
	from buildpro_saas.jobs.named_locks import is_held

	bench.wait_for(lambda: not is_held(JOB_LOCK, job), SECONDS)


def run_and_die(bench, job: str, patched: list[tuple[object, str]]) -> None:
	"""Be a worker that is killed: where the first of these functions, given as (owner, name), is called, or has done its work ("after")."""
	is_free(bench, job)
	child = os.fork()
	if not child:
		try:
			connect_anew(bench.frappe)
			for owner, name in patched:
				setattr(owner, name, dying(getattr(owner, name)))
			from buildpro_saas.jobs import lifecycle

			lifecycle.run(job)
		finally:
			os._exit(3)
	_pid, status = os.waitpid(child, 0)
	assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, bench.frappe.db.get_value(
		"Provisioning Job", job, ["status", "error"]
	)
	bench.frappe.db.commit()


def connect_anew(frappe) -> None:
	"""In a child process: have a connection of its own. The parent's is left as it is."""
	site = frappe.local.site
	frappe.local.db = None
	frappe.init(site=site, sites_path=".", force=True)
	frappe.connect()


def dying(function):
	def die(*args, **kwargs):
		function(*args, **kwargs)
		os.kill(os.getpid(), signal.SIGKILL)

	return die


def killed_after(bench, job: str, *steps: type) -> None:
	"""Run the job with a worker that is killed after each of these steps has done its work, and before that is on record."""
	for step in steps:
		run_and_die(bench, job, [(step, "run")])


def queued_again(bench, job: str) -> str:
	"""As the dispatcher sends it. Returns the job."""
	bench.frappe.db.set_value("Provisioning Job", job, {"status": "Queued", "run_after": None})
	bench.frappe.db.commit()
	return job
