"""Background jobs of a site that goes: they go before it, and one that is left behind ends no worker. On the bench's real Redis."""

import time
from datetime import datetime, timedelta, timezone

import pytest

from dev.services import Services

QUEUE = "short"
# the early 15 has no such function; RQ fails to import it then, which ended workers as well
ON_FAILURE = "frappe.utils.background_jobs.truncate_failed_registry"


class Rq:
	"""The bench's queue, and jobs of sites on it as RQ keeps them."""

	def __init__(self, frappe):
		from frappe.utils.background_jobs import get_queue

		self.frappe, self.queue = frappe, get_queue(QUEUE)
		self.made: list[str] = []

	def job(self, site: str, separator: str = "::"):
		from rq.job import Callback, Job

		job = Job.create(
			"frappe.utils.background_jobs.execute_job",
			kwargs={"site": site, "method": "frappe.ping", "event": None, "job_name": "ping", "kwargs": {}},
			id=f"{site}{separator}{self.frappe.generate_hash(length=10)}",
			connection=self.queue.connection,
			on_failure=Callback(ON_FAILURE),
			origin=self.queue.name,
		)
		self.made.append(job.id)
		return job

	def left_behind(self, site: str) -> str:
		"""A job that was running when its worker was killed, two minutes ago."""
		from rq.job import JobStatus

		job = self.job(site)
		job.set_status(JobStatus.STARTED)
		job.save()
		self.queue.started_job_registry.add(job, ttl=-120)
		self.queue.connection.zadd(self.queue.started_job_registry.key, {job.id: time.time() - 120})
		return job.id

	def everywhere(self, site: str, separator: str = "::") -> set[str]:
		"""One job in the queue and in each of its registries."""
		ids = {self.queue.enqueue_job(self.job(site, separator)).id}
		later = datetime.now(timezone.utc) + timedelta(days=1)
		ids.add(self._scheduled(self.job(site, separator), later))
		for registry in self._registries()[:-1]:
			job = self.job(site, separator)
			job.save()
			registry.add(job, 3600)
			ids.add(job.id)
		return ids

	def _scheduled(self, job, later) -> str:
		job.save()
		self.queue.scheduled_job_registry.schedule(job, later)
		return job.id

	def _registries(self) -> list:
		queue = self.queue
		return [
			queue.started_job_registry,
			queue.deferred_job_registry,
			queue.failed_job_registry,
			queue.finished_job_registry,
			queue.canceled_job_registry,
			queue.scheduled_job_registry,
		]

	def known(self) -> set[str]:
		"""The ids that Redis has of the jobs made here: in the queue, in a registry, or as a job."""
		names = set(self.queue.job_ids)
		for registry in self._registries():
			names |= {name.decode() for name in self.queue.connection.zrange(registry.key, 0, -1)}
		return {name for name in self.made if name in names or self.exists(name)}

	def exists(self, job: str) -> bool:
		from rq.job import Job

		return Job.exists(job, connection=self.queue.connection)

	def forget(self) -> None:
		for name in self.made:
			self.queue.remove(name)
			for registry in self._registries():
				registry.remove(name)
			self.queue.connection.delete(f"rq:job:{name}")

	def clean_again(self) -> None:
		"""The next worker that starts looks at what dead ones left; else one does that each quarter of an hour."""
		self.queue.connection.delete(self.queue.registry_cleaning_key)


@pytest.fixture
def rq(frappe):
	rq = Rq(frappe)
	yield rq
	rq.forget()


@pytest.fixture
def stopped_worker():
	"""The tenants' worker, stopped: what a test puts into its queue stays there until the test starts it again."""
	services = Services.from_environment()
	services.stop("worker")
	yield services
	services.start_all("worker")


@pytest.fixture
def name(frappe):
	return f"gone-{frappe.generate_hash(length=8)}.localhost"


def wait_until(is_met, seconds: float = 30) -> None:
	end = time.monotonic() + seconds
	while not is_met():
		assert time.monotonic() < end, "not within the time"
		time.sleep(0.1)


def test_a_worker_outlives_the_abandoned_job_of_a_site_that_is_gone(rq, stopped_worker, name):
	job = rq.left_behind(name)
	rq.clean_again()
	stopped_worker.start("worker")
	wait_until(lambda: job in rq.queue.failed_job_registry or not stopped_worker.is_running("worker"))
	stopped_worker.wait_ready("worker")
	after = rq.queue.enqueue_job(rq.job(rq.frappe.local.site))
	wait_until(lambda: after.get_status(refresh=True) == "finished")


def test_a_removed_site_takes_its_jobs_along_and_no_others(rq, stopped_worker, drifting, name):
	from buildpro_saas.agent.site import Site

	others = rq.everywhere(f"x{name}") | rq.everywhere(rq.frappe.local.site)
	for separator in ("::", "||"):
		jobs = rq.everywhere(name, separator)
		assert jobs <= rq.known()
		site = Site(drifting.sites, name)
		site.make_folder({"db_name": "_x"}, "admin/1")
		site.remove_folder("admin/1")
		assert not site.exists() and rq.known() == others


def test_a_site_that_is_only_hidden_keeps_its_jobs(rq, stopped_worker, drifting, name):
	from buildpro_saas.agent.site import Site

	site = Site(drifting.sites, name)
	site.make_folder({"db_name": "_x"}, "admin/1")
	jobs = rq.everywhere(name)
	site.hide("admin/1")
	site.show("admin/1")
	assert rq.known() == jobs
	site.remove_folder("admin/1")
	assert rq.known() == set()


def test_so_does_one_that_goes_to_the_trash(rq, stopped_worker, drifting):
	site = drifting.site(drifting.mark())
	rq.everywhere(site)
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.status(site) == "Removed" and rq.known() == set()


def test_so_does_one_that_becomes_an_image_or_gets_its_name(rq, stopped_worker, drifting, name):
	from buildpro_saas.agent.bench import Bench

	bench = Bench(drifting.sites.parent)
	mark, database = drifting.mark(), f"_{drifting.token}"
	standby, site = bench.standby(database), bench.site(name)
	standby.sites_path.mkdir(parents=True, exist_ok=True)
	standby.make_folder({"db_name": database}, mark)
	rq.everywhere(f".buildpro/standby/{database}")
	standby.move_to(site, mark)
	assert rq.known() == set()
	rq.everywhere(name)
	site.move_to(bench.image(database), mark)
	assert rq.known() == set()
