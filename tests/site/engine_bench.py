"""Jobs of made-up playbooks, run in the tests' process, and a bench on record in whose slots only they are."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def engine_of(frappe) -> Iterator["EngineBench"]:
	"""What a test makes is removed."""
	engine = EngineBench(frappe)
	yield engine
	frappe.db.rollback()
	for job in engine.made:
		frappe.db.delete("Provisioning Job Step", {"parent": job})
		frappe.db.delete("Provisioning Job", {"name": job})
	frappe.db.commit()


@contextmanager
def bench_of(frappe) -> Iterator:
	"""A Bench on record in whose slots only the test's own jobs are: this one's scheduler may build images meanwhile.

	It has the path of the one that this site runs on.
	"""
	name = f"b{frappe.generate_hash(length=8)}"
	doc = frappe.copy_doc(frappe.get_doc("Bench", {"is_local": 1}))
	doc.update({"name": name, "bench_name": name, "queue": "", "max_heavy_jobs": 1})
	doc.docstatus = 0  # a copy has none until it is inserted
	doc.db_insert()
	frappe.db.commit()
	yield doc
	frappe.db.rollback()
	frappe.db.delete("Bench", {"name": name})
	frappe.db.commit()


class EngineBench:
	"""Makes jobs of made-up playbooks and runs them in this process, without a worker."""

	def __init__(self, frappe):
		from buildpro_saas.jobs import lifecycle, registry

		self.frappe, self.jobs, self.registry = frappe, lifecycle, registry
		self.done: list[str] = []
		self.made: list[str] = []

	def job(self, *steps, **options):
		from buildpro_saas.jobs.playbook import Playbook

		name = f"test_{self.frappe.generate_hash(length=8)}"
		self.registry.register(Playbook(name=name, title="Test", steps=steps, **options))
		job = self.jobs.start(name, tenant=None, bench=self.frappe.get_all("Bench", pluck="name")[0])
		self.frappe.db.after_commit.reset()  # no worker: this test runs it
		job.db_set("status", "Queued")
		self.frappe.db.commit()
		self.made.append(job.name)
		return job

	def next_jobs(self, bench: str, slots: int) -> list:
		from buildpro_saas.jobs import dispatcher

		return dispatcher._next_jobs(bench, slots)

	def run(self, job):
		self.jobs.run(job.name)
		return self.frappe.get_doc("Provisioning Job", job.name)


def step(engine, name, *, run=None, undo=None, **attributes):
	"""A step called `name` that notes that it ran, and does `run` before."""
	from buildpro_saas.jobs.playbook import RetryPolicy, Step

	def do_run(self, context):
		engine.done.append(name)
		return run(context) if run else None

	def do_undo(self, context):
		engine.done.append(f"undo {name}")
		return undo(context) if undo else None

	quick = {"title": name, "retry": RetryPolicy(attempts=3, first_delay=0.01)}
	return type(name, (Step,), {**quick, **attributes, "run": do_run, "undo": do_undo})()


def failing(times, error):
	left = [error] * times

	def run(_context):
		if left:
			raise left.pop()

	return run


def waiting_on(engine, bench: str, count: int = 1, **options) -> list:
	made = [engine.job(step(engine, f"Step{n}"), **options) for n in range(count)]
	for job in made:
		engine.frappe.db.set_value("Provisioning Job", job.name, {"status": "Waiting", "bench": bench})
	engine.frappe.db.commit()
	for job in made:
		job.reload()
	return made
