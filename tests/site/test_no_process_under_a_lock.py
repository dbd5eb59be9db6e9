"""Whoever saves a Tenant or a Plan keeps others waiting: no `git` runs meanwhile, and no other process is started."""

import os
import subprocess
from contextlib import closing

import pytest
from conftest_data import second_connection

PLAN = "NP Plan"


@pytest.fixture
def frappe(admin_site):
	admin_site.get_doc({"doctype": "Plan", "plan_name": PLAN}).insert()
	return admin_site


@pytest.fixture
def started(monkeypatch):
	"""The commands of the processes that were started."""
	commands = []
	original = subprocess.Popen.__init__

	def init(self, args, *more, **options):
		commands.append(args)
		original(self, args, *more, **options)

	monkeypatch.setattr(subprocess.Popen, "__init__", init)
	return commands


@pytest.fixture
def neighbour(frappe, bench_path, tmp_path):
	"""A Bench on record in another folder: its Python and sites are this one's, and a helper process answers for it."""
	from buildpro_saas.agent import door

	for part in ("env", "sites", "apps"):
		(tmp_path / part).symlink_to(bench_path / part)
	bench = frappe.copy_doc(frappe.get_doc("Bench", {"is_local": 1}))
	bench.update({"bench_name": "np-neighbour", "path": str(tmp_path), "max_sites": 0})
	bench.flags.is_from_shell = True
	bench.insert()
	assert bench.is_reachable and not bench.is_local
	yield bench
	key = (os.getpid(), str(tmp_path))
	if opened := door._doors.pop(key, None):
		opened._transport.close()


@pytest.fixture
def held(frappe):
	"""Whether this transaction holds the row of a document, as another connection sees it.

	What was inserted by this transaction itself cannot be asked: so a Bench must be committed.
	"""

	def ask(doctype: str, name: str) -> bool:
		with closing(second_connection(frappe)) as other, other.cursor() as cursor:
			cursor.execute(f"select name from `tab{doctype}` where name = %s for update skip locked", name)
			return not cursor.fetchone()

	return ask


def tenant(frappe, **values):
	return frappe.get_doc(
		{
			"doctype": "Tenant",
			"subdomain": "np-acme",
			"company": "NP Acme",
			"owner_name": "Olga",
			"owner_email": "olga@np-acme.example",
			"plan": PLAN,
			**values,
		}
	)


def test_inserting_a_tenant_starts_none(frappe, started):
	made = tenant(frappe).insert()
	assert made.status == "Provisioning" and started == []


def test_provisioning_a_draft_starts_none(frappe, started):
	made = tenant(frappe).insert()
	frappe.db.delete("Provisioning Job", {"tenant": made.name})
	made.db_set("status", "Draft")
	made.provision()
	assert made.status == "Provisioning" and started == []


def test_a_plan_that_gets_an_app_starts_none(frappe, neighbour, started):
	plan = frappe.get_doc("Plan", PLAN)
	plan.append("apps", {"app": "no_such_app"})
	frappe.flags.mute_messages = False
	frappe.clear_messages()
	plan.save()
	told = str(frappe.get_message_log())
	assert "np-neighbour lacks no_such_app" in told and "press Refresh Facts" in told
	assert started == []


@pytest.fixture
def committed(frappe, neighbour):
	"""The neighbour and the plan, as other connections see them."""
	frappe.db.commit()
	yield neighbour
	frappe.db.rollback()
	frappe.delete_doc("Bench", neighbour.name, force=True)
	frappe.delete_doc("Plan", PLAN, force=True)
	frappe.db.commit()


def test_another_benchs_helper_is_started_before_its_row_is_locked(frappe, committed, held, monkeypatch):
	from buildpro_saas.agent.neighbour import Neighbour

	was_held = []
	original = Neighbour._started

	def note(self):
		was_held.append(held("Bench", committed.name))
		return original(self)

	monkeypatch.setattr(Neighbour, "_started", note)
	tenant(frappe, bench=committed.name).insert()
	assert held("Bench", committed.name)  # so it can be seen
	assert was_held == [False]


def test_a_helper_that_is_about_to_be_replaced_is_replaced_before(frappe, committed, held, monkeypatch):
	from buildpro_saas.agent import door, neighbour

	transport = door.to(committed.path)._transport
	transport.prepare()
	first = transport._process
	transport.prepare()
	assert transport._process is first
	monkeypatch.setattr(transport, "_started_at", transport._started_at - neighbour.OLD + 1)
	transport.do("app_names", {})
	assert transport._process is first  # a second is left
	transport.prepare()
	assert transport._process is not first


def test_a_tenant_is_suspended_without_starting_a_process_under_its_lock(
	frappe, committed, held, drifting, monkeypatch
):
	from buildpro_saas.agent.neighbour import Neighbour

	frappe.db.set_value("Bench", committed.name, "base_domain", "localhost")
	name = drifting.tenant(
		"Active", f"{drifting.token}.localhost", None, bench=committed.name, name=drifting.token
	)
	was_held = []
	original = Neighbour._started

	def note(self):
		was_held.append(held("Tenant", name))
		return original(self)

	monkeypatch.setattr(Neighbour, "_started", note)
	doc = frappe.get_doc("Tenant", name)
	doc.suspend("not paid")
	assert held("Tenant", name) and doc.warning  # its site was looked at
	assert was_held == [False]


def test_a_bench_that_is_gone_leaves_its_tenant_to_be_suspended(frappe, committed, drifting):
	name = drifting.tenant(
		"Active", f"{drifting.token}.localhost", None, bench=committed.name, name=drifting.token
	)
	frappe.db.set_value("Bench", committed.name, "path", f"{committed.path}/gone")
	doc = frappe.get_doc("Tenant", name)
	doc.suspend("not paid")
	assert doc.status == "Suspended" and "is no bench" in doc.warning


def test_set_plan_apps_asks_the_other_benches_before_it_saves(frappe, committed):
	from buildpro_saas.commands.plans import _refresh_other_benches

	frappe.db.delete("Bench App", {"parent": committed.name})
	_refresh_other_benches()
	there = {row.app for row in frappe.get_doc("Bench", committed.name).apps}
	assert {"frappe", "buildpro_saas"} <= there


def test_set_plan_apps_says_which_bench_it_could_not_ask(frappe, committed, capsys):
	from buildpro_saas.commands.plans import _refresh_other_benches

	frappe.db.set_value("Bench", committed.name, "path", f"{committed.path}/gone")
	_refresh_other_benches()
	said = capsys.readouterr().err
	assert said.startswith("np-neighbour was not asked for its apps: ") and "is no bench" in said
