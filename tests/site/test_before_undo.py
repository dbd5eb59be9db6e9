"""What is looked at before anything is undone or done again: the tenant's status, and what shows that his site is in use.

Each sign is there alone: a look that is taken out is missed by its test.
"""

from types import SimpleNamespace

import pytest
from engine_bench import failing, step

from buildpro_saas.agent.errors import AgentError, NotOursError

KNOWN = 2  # the number of the newest statement that the records know of
LOGIN = ("olga@acme.example", "Login", "Success")


# -- the tenant's status -----------------------------------------------------------------------------------------


@pytest.fixture
def failed_job(engine, drifting):
	"""A job that failed, as the playbooks of tenants do, and whose tenant works meanwhile. Nothing of the site is there to be asked."""
	tenant = drifting.tenant("Provisioning", f"{drifting.token}.localhost", None)
	engine.frappe.db.set_value("Tenant", tenant, "subdomain", tenant)  # a record's name is its subdomain
	job = engine.job(
		step(engine, "Make"),
		step(engine, "Invite", run=failing(9, AgentError("The mail server is away."))),
		tenant_while_running="Provisioning",
		tenant_when_completed="Active",
		tenant_when_failed="Failed",
		tenant_when_cancelled="Draft",
	)
	job.db_set("tenant", tenant)
	engine.frappe.db.commit()
	job = engine.run(job)
	assert (job.status, engine.done) == ("Failed", ["Make", "Invite"])
	engine.frappe.db.set_value("Tenant", tenant, "status", "Active")
	engine.frappe.db.commit()
	return job


def tenant_status(job) -> str:
	import frappe

	frappe.db.commit()
	return frappe.db.get_value("Tenant", job.tenant, "status")


@pytest.mark.parametrize(("press", "next_status"), [("cancel_job", "Draft"), ("retry", "Provisioning")])
def test_a_button_is_refused_while_the_tenant_works(engine, failed_job, press, next_status):
	with pytest.raises(
		engine.frappe.ValidationError, match=f"is Active and cannot become {next_status}: nothing of it"
	):
		getattr(failed_job, press)()
	engine.frappe.db.rollback()
	failed_job.reload()
	assert (failed_job.status, bool(failed_job.cancel_requested)) == ("Failed", False)
	assert tenant_status(failed_job) == "Active"


@pytest.mark.parametrize("status", ["Queued", "Running", "Cancelling"])
def test_a_worker_undoes_nothing_while_the_tenant_works(engine, failed_job, status):
	"""Cancel was pressed before the tenant became Active: the worker looks itself."""
	failed_job.db_set({"status": status, "cancel_requested": 1})
	engine.frappe.db.commit()
	job = engine.run(failed_job)
	assert (job.status, job.cancel_requested, engine.done) == ("Failed", 0, ["Make", "Invite"])
	assert "is Active and cannot become Draft" in job.error and "Leave the job as it is" in job.hint
	assert tenant_status(job) == "Active"


# -- signs of use --------------------------------------------------------------------------------------------------


class MadeSite:
	"""A site that a job made: its folder and database carry the job's mark, and nobody has used it."""

	def __init__(self, drifting):
		from buildpro_saas.agent import door

		self.drifting, self.mark = drifting, drifting.mark()
		self.database = drifting.database(self.mark, has_tables=True)
		here, name = door.here(), f"{drifting.token}.localhost"
		self.context = SimpleNamespace(
			bench=here,
			site=here.site(name),
			mark=self.mark,
			job="none",
			tenant={"entitlement_sequence": KNOWN},
			state={"database": self.database},
		)

	def make_folder(self, **config) -> None:
		self.drifting.site(self.mark, db_name=self.database, **config)

	def log(self, user: str, operation: str, status: str) -> None:
		"""A row of the framework's Activity Log."""
		table = f"`{self.database}`.`tabActivity Log`"
		with self.drifting.server() as mariadb:
			mariadb.db.sql(
				f"create table {table} (user varchar(140), operation varchar(140), status varchar(140))"
			)
			mariadb.db.sql(f"insert into {table} values (%s, %s, %s)", (user, operation, status))
			mariadb.db.commit()

	def is_there(self) -> tuple[bool, bool]:
		"""Whether its folder, and its database, are."""
		return self.drifting.has(self.context.site.name), self.drifting.has(self.database)


@pytest.fixture
def made_site(drifting):
	return MadeSite(drifting)


def looks():
	from buildpro_saas.fleet import finished_site

	return finished_site.check_unused, finished_site.remove_unless_used


def refused(made_site, sign: str) -> None:
	for look in looks():
		with pytest.raises(NotOursError, match=f"in use: {sign}. Nothing of it is taken away"):
			look(made_site.context)
		assert made_site.is_there() == (True, True)


def removed(made_site) -> None:
	check_unused, remove = looks()
	check_unused(made_site.context)
	remove(made_site.context)
	assert made_site.is_there() == (False, False)


def test_a_statement_newer_than_the_records_is_use(made_site):
	made_site.make_folder(buildpro_sequence=KNOWN + 1)
	refused(made_site, "it has a newer entitlement than the records know of")


@pytest.mark.parametrize("number", [KNOWN, str(KNOWN), KNOWN - 1, None])
def test_a_statement_that_the_records_know_is_none(made_site, number):
	made_site.make_folder(buildpro_sequence=number)
	removed(made_site)


def test_a_statement_that_the_job_itself_brought_is_none(made_site):
	from buildpro_saas.fleet.finished_site import SEEDED_UNTIL

	made_site.context.state[SEEDED_UNTIL] = KNOWN + 5
	made_site.make_folder(buildpro_sequence=KNOWN + 5)
	removed(made_site)


def test_a_sign_in_that_only_the_log_knows_is_use(made_site):
	"""The user may have been deleted since, and the session has ended."""
	made_site.make_folder(buildpro_sequence=KNOWN)
	made_site.log(*LOGIN)
	refused(made_site, "olga@acme.example has signed in")


@pytest.mark.parametrize(
	("user", "operation", "status"),
	[
		("Guest", *LOGIN[1:]),
		(*LOGIN[:2], "Failed"),
		(LOGIN[0], "Logout", "Success"),
	],
)
def test_what_else_the_log_knows_is_none(made_site, user, operation, status):
	made_site.make_folder(buildpro_sequence=KNOWN)
	made_site.log(user, operation, status)
	removed(made_site)
