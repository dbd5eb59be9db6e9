"""A tenant's System Manager with every right that Desk and the API know, Server Scripts among them, and no shell: what it gains him.

He has Core, without RFI. Whatever he does, `holds` is asked afterwards as a new request would: the same plan, the same limits.
docs/security.md lists what he cannot be kept from.
"""

import importlib
import inspect
import json
import pkgutil

import pytest
from conftest_data import CATALOGUE

MALLORY = "mallory@acme.example"
SETTINGS = "Nexelya Plan Settings"
FAR = "2099-01-01 00:00:00"


@pytest.fixture
def attack(site, monkeypatch):
	"""The site under test as a tenant's, on which Server Scripts are allowed; what it had is restored."""
	from frappe.cache_manager import clear_defaults_cache
	from frappe.core.doctype.server_script import server_script
	from frappe.utils import safe_exec

	for module in (safe_exec, server_script):
		# where the bench's configuration has the switch: another site's scripts are not this test's affair
		monkeypatch.setattr(module, "is_safe_exec_enabled", lambda: True, raising=False)
	try:
		site.update_config({"buildpro_role": "tenant", "server_script_enabled": 1})
		site.better = site.token(plan="Enterprise", features=["rfi", "bim", "daily_log"], limits={})
		site.apply(plan="Core", features=["daily_log"], limits={"max_users": {"value": 5, "is_hard": True}})
		site.onboarding.make_owner(MALLORY, "Mallory", "en", "Etc/UTC")
		yield Attack(site)
	finally:
		site.update_config({"buildpro_role": "admin", "server_script_enabled": None})
		site.frappe.set_user("Administrator")
		site.frappe.db.rollback()
		begin_request(site)
		# what a test wrote into the site's list of apps is kept though it was rolled back, and the list is asked as the rest is cleared
		clear_defaults_cache()
		site.frappe.clear_cache()


def begin_request(site) -> None:
	"""Forget what Frappe keeps for the length of a request."""
	local = site.frappe.local
	local.cache.clear()
	local.conf = site.frappe._dict(site.frappe.get_site_config())
	local.request_cache.clear()
	if hasattr(local, "doc_events_hooks"):
		del local.doc_events_hooks


class Attack:
	"""What Mallory does, and what became of it."""

	def __init__(self, site):
		self.site, self.frappe = site, site.frappe
		self.token = site.entitlement.stored_token()
		self.files = self.folder()
		self.frappe.set_user(MALLORY)

	def folder(self) -> dict[str, bytes]:
		"""What of the site's own folder decides."""
		from pathlib import Path

		folder = Path(self.frappe.local.site_path)
		return {name: (folder / name).read_bytes() for name in ("entitlement.json", "site_config.json")}

	def script(self, code: str, script_type: str = "API", **fields):
		"""Save a Server Script and run it as Mallory; what it put into frappe.response["message"]."""
		name = self.frappe.generate_hash(length=10)
		script = self.frappe.get_doc(
			{"doctype": "Server Script", "name": name, "script_type": script_type, "script": code, **fields}
			| ({"api_method": name} if script_type == "API" else {})
		).insert()
		self.frappe.local.response.pop("message", None)
		if script_type == "API":
			script.execute_method()
		return self.frappe.local.response.get("message")

	def call(self, method: str, /, **arguments):
		"""As a POST to /api/method/… does."""
		from frappe.handler import execute_cmd
		from frappe.utils import set_request

		set_request(method="POST", path="/")
		self.frappe.local.form_dict = self.frappe._dict(arguments)
		return execute_cmd(method)

	def new_request(self) -> None:
		begin_request(self.site)

	def holds(self) -> None:
		"""The entitlement is as the admin site made it, and the record shows it."""
		self.decides()
		settings = self.frappe.get_doc(SETTINGS)
		settings.run_method("onload")
		assert settings.plan_type == "Core" and settings.token == self.token

	def decides(self) -> None:
		"""The gate of a new request is that of the entitlement that the admin site made."""
		self.new_request()
		assert self.folder() == self.files
		gate = self.site.entitlement.current_decisions()
		assert gate["rfi"].reason.value == "NOT_IN_PLAN" and not self.site.gating.check_feature_access("rfi")
		assert gate["daily_log"].allowed and gate.limits["max_users"].value == 5


# -- the record ----------------------------------------------------------------------------------------------------


def test_editing_the_record_over_the_api(attack):
	for field, value in {"plan_type": "Enterprise", "status": "Active", "valid_until": FAR}.items():
		attack.call("frappe.client.set_value", doctype=SETTINGS, name=SETTINGS, fieldname=field, value=value)
		attack.holds()


def test_editing_the_record_behind_its_controller(attack):
	attack.script(
		f"frappe.db.set_value('{SETTINGS}', None, 'plan_type', 'Enterprise');"
		f"doc = frappe.get_doc('{SETTINGS}'); doc.db_set('token', '{attack.site.better}'); doc.db_set('valid_until', '{FAR}')"
	)
	attack.holds()


@pytest.mark.parametrize("kind", ["replayed", "forged", "unsigned", "of another site"])
def test_another_token_in_the_record(attack, kind):
	import jwt

	site = attack.site
	token = {
		"replayed": site.better,
		"forged": site.token(key=site.foreign_key(), features=["rfi"]),
		"unsigned": jwt.encode({"aud": site.frappe.local.site, "sub": "acme"}, "", algorithm="none"),
		"of another site": site.token(site="other.example", features=["rfi"]),
	}[kind]
	with pytest.raises(attack.frappe.ValidationError, match="only the admin site"):
		attack.call(
			"frappe.client.set_value", doctype=SETTINGS, name=SETTINGS, fieldname="token", value=token
		)
	attack.holds()


def test_a_better_statement_replayed_through_the_front_door(attack):
	"""Even if he could call what the admin site calls."""
	with pytest.raises(attack.frappe.ValidationError, match="older"):
		attack.site.in_force.apply_entitlement(attack.site.better, CATALOGUE)
	attack.holds()


def test_a_catalogue_of_his_own_beside_a_genuine_statement(attack):
	changed = {
		**CATALOGUE,
		"features": {**CATALOGUE["features"], "rfi": {"label": "RFI", "plan": "Core", "gates": []}},
	}
	with pytest.raises(attack.frappe.ValidationError, match="catalogue"):
		attack.site.in_force.apply_entitlement(attack.site.token(features=["rfi"]), changed)
	attack.holds()


def test_restoring_an_old_backup_of_the_database(attack):
	"""All that the database has of it is as when he had the better plan."""
	for field, value in {"token": attack.site.better, "plan_type": "Enterprise", "status": "Active"}.items():
		attack.frappe.db.set_single_value(SETTINGS, field, value)
	attack.frappe.db.set_global("buildpro_sequence", "0")
	attack.holds()


# -- keys, clock, configuration ------------------------------------------------------------------------------------


def test_keys_of_his_own(attack):
	key = attack.site.foreign_key()
	keys = json.dumps({key["kid"]: key["public"]})
	attack.script(f"frappe.db.set_value('System Settings', None, 'buildpro_public_keys', '{keys}')")
	attack.frappe.defaults.set_global_default("buildpro_public_keys", keys)
	attack.holds()
	for code in ("frappe.conf.update({})", "frappe.local.conf.update({})", "frappe.get_site_config()"):
		with pytest.raises(Exception):
			attack.script(code)
	attack.holds()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_clock_by_time_zone(attack, zone):
	until = attack.site.entitlement.current_decisions()["daily_log"].valid_until
	attack.call(
		"frappe.client.set_value",
		doctype="System Settings",
		name="System Settings",
		fieldname="time_zone",
		value=zone,
	)
	attack.call("frappe.client.set_value", doctype="User", name=MALLORY, fieldname="time_zone", value=zone)
	attack.holds()
	assert attack.site.entitlement.current_decisions()["daily_log"].valid_until == until


def test_the_servers_clock_set_back_behind_the_expiry(attack):
	from buildpro_saas.entitlements.acceptance import CLOCK_KEY
	from buildpro_saas.tenant_site.clock import is_set_back

	expires = attack.site.entitlement.current_decisions().statement.grace_until
	attack.site.update_config({CLOCK_KEY: expires + 1000})
	attack.site.entitlement.forget_in_request()
	assert attack.site.gating.get_feature_access("daily_log").reason.value == "EXPIRED"
	assert is_set_back()


@pytest.mark.parametrize("name", ["../../site_config.json", "../../entitlement.json"])
@pytest.mark.parametrize("is_private", [0, 1])
def test_a_file_over_the_sites_own(attack, name, is_private):
	import contextlib

	refused = contextlib.suppress(attack.frappe.ValidationError, OSError)
	with refused:
		values = {"doctype": "File", "file_name": name, "content": "{}", "is_private": is_private}
		attack.frappe.get_doc(values).insert()
	for url in (f"/private/files/{name}", f"/private/files/{name.replace('/', '%2F')}"):
		with refused:
			values = {"doctype": "File", "file_name": "x", "file_url": url, "is_private": is_private}
			attack.frappe.get_doc(values).insert().delete()
	attack.holds()


# -- code ----------------------------------------------------------------------------------------------------------

BLOCKED = {
	"import": "import os",
	"open": "open('site_config.json')",
	"write sql": "frappe.db.sql('update tabSingles set value = 1')",
	"write by query builder": "s = frappe.qb.DocType('Singles'); frappe.qb.update(s).set(s.value, '1').run()",
	"underscores": "frappe.get_doc.__globals__",
	"a controller's module": f"frappe.get_doc('{SETTINGS}').follow_entitlement.__globals__",
	"our function": "frappe.call('buildpro_saas.tenant_site.entitlement.remove')",
	"the front door": "frappe.call('buildpro_saas.tenant_site.entitlement_in_force.apply_entitlement', token='x')",
	"the helper for tests": "frappe.call('buildpro_saas.testing.entitled', 'rfi')",
	"flags": "frappe.flags.in_test = True; frappe.call('buildpro_saas.testing.entitled')",
}


@pytest.mark.parametrize("code", BLOCKED.values(), ids=BLOCKED)
def test_a_server_script_that_is_stopped(attack, code):
	with pytest.raises((Exception, SystemExit)):
		attack.script(code)
	attack.holds()


def test_flags_and_hooks_that_a_server_script_sees_are_copies(attack):
	frappe = attack.frappe
	before = json.dumps(frappe.get_hooks("doc_events"), default=str, sort_keys=True)
	attack.script(
		"hooks = frappe.get_hooks('doc_events')\nfor key in list(hooks): hooks.pop(key)\nfrappe.get_hooks().clear()\n"
	)
	assert json.dumps(frappe.get_hooks("doc_events"), default=str, sort_keys=True) == before
	try:
		attack.script("frappe.flags.in_migrate = True\nfrappe.flags['in_install'] = True")
	except Exception as error:
		assert "flags" in str(error) or "write" in str(error)
	assert not frappe.flags.in_migrate and not frappe.flags.in_install
	attack.holds()


def listed_apps(frappe) -> list[str]:
	return json.loads(frappe.db.get_global("installed_apps"))


@pytest.mark.parametrize("way", ["a Server Script", "Administrator over REST", "an empty list"])
def test_the_app_taken_out_of_the_sites_list(attack, way):
	"""Frappe calls the hooks of the apps in the list, which is in the site's database."""
	frappe = attack.frappe
	if way == "Administrator over REST":
		frappe.set_user("Administrator")
		row = frappe.get_doc(
			"DefaultValue", frappe.db.get_value("DefaultValue", {"defkey": "installed_apps"})
		)
		row.defvalue = '["frappe"]'
		row.save()
	else:
		apps = "[]" if way == "an empty list" else '["frappe"]'
		attack.script(
			f"frappe.db.set_value('DefaultValue', {{'defkey': 'installed_apps'}}, 'defvalue', '{apps}')"
		)
	frappe.clear_cache()
	attack.new_request()
	assert "buildpro_saas" not in listed_apps(frappe)  # or this tests nothing
	assert "buildpro_saas" in frappe.get_installed_apps()
	assert any("buildpro_saas" in name for name in frappe.get_hooks("clear_cache"))
	attack.decides()


def test_the_next_delivery_puts_the_app_back_into_the_list(attack):
	frappe = attack.frappe
	attack.script(
		"frappe.db.set_value('DefaultValue', {'defkey': 'installed_apps'}, 'defvalue', '[\"frappe\"]')"
	)
	frappe.clear_cache()
	frappe.set_user("Administrator")
	attack.site.apply(plan="Core", features=["daily_log"])
	assert listed_apps(frappe) == ["frappe", "buildpro_saas"]
	assert frappe.db.exists("Error Log", {"method": ("like", "%taken out%")})


def test_a_site_that_is_no_tenants_keeps_its_list_as_it_is(attack):
	frappe = attack.frappe
	frappe.set_user("Administrator")
	frappe.db.set_global("installed_apps", '["frappe"]')
	attack.site.update_config({"buildpro_role": "admin"})
	attack.new_request()
	assert "buildpro_saas" not in frappe.get_installed_apps()


def test_a_delivery_neither_runs_nor_is_stopped_by_what_he_hung_on_the_record(attack):
	frappe = attack.frappe
	attack.script(
		"frappe.throw('stopped')", "DocType Event", reference_doctype=SETTINGS, doctype_event="Before Save"
	)
	frappe.get_doc(
		{
			"doctype": "Custom Field",
			"dt": SETTINGS,
			"fieldname": "stop",
			"label": "Stop",
			"fieldtype": "Data",
			"reqd": 1,
		}
	).insert()
	frappe.set_user("Administrator")
	frappe.clear_cache()
	with pytest.raises(frappe.ValidationError):
		frappe.get_doc(SETTINGS).save()  # he did hang it there
	attack.site.apply(plan="Core", features=["rfi"])
	assert attack.site.gating.check_feature_access("rfi")
	assert frappe.db.get_single_value(SETTINGS, "token") == attack.site.entitlement.stored_token()


def test_property_setters_and_client_scripts_on_the_record(attack):
	frappe = attack.frappe
	for field, prop, value, kind in (
		("plan_type", "read_only", "0", "Check"),
		("token", "hidden", "0", "Check"),
		("plan_type", "default", "Enterprise", "Text"),
	):
		frappe.get_doc(
			{
				"doctype": "Property Setter",
				"doctype_or_field": "DocField",
				"doc_type": SETTINGS,
				"field_name": field,
				"property": prop,
				"value": value,
				"property_type": kind,
			}
		).insert()
	frappe.get_doc(
		{
			"doctype": "Client Script",
			"name": "Mallory's",
			"dt": SETTINGS,
			"enabled": 1,
			"script": "frappe.boot.buildpro = {}",
		}
	).insert()
	attack.holds()


# -- internals -----------------------------------------------------------------------------------------------------

# What of these rooms may be called over HTTP on a tenant's site; each asks, and none changes what is entitled.
ALLOWED_RPC = {
	# for the site's System Managers alone: tests/bench/test_data_export.py tries it as others
	"buildpro_saas.tenant_site.data_export.ask",
	"buildpro_saas.tenant_site.data_export.download",
	"buildpro_saas.tenant_site.data_export.progress",
	"buildpro_saas.tenant_site.own_domains.ask",
	"buildpro_saas.tenant_site.own_domains.progress",
	"buildpro_saas.tenant_site.identity.prove",  # says nothing but to who knows the site's secret
	"buildpro_saas.tenant_site.search.search",
	"buildpro_saas.tenant_site.search.search_link",
	"buildpro_saas.tenant_site.search.search_widget",
	"buildpro_saas.tenant_site.workspaces.get_desktop_page",
	"buildpro_saas.tenant_site.workspaces.get_workspace_sidebar_items",
}


def modules():
	import buildpro_saas

	return [info.name for info in pkgutil.walk_packages(buildpro_saas.__path__, "buildpro_saas.")]


def functions(room: str):
	for name in modules():
		if name.startswith(f"buildpro_saas.{room}"):
			module = importlib.import_module(name)
			for key, value in inspect.getmembers(module, inspect.isfunction):
				if value.__module__ == name:
					yield f"{name}.{key}", value


@pytest.mark.parametrize("room", ["tenant_site", "entitlements", "feature_gating", "testing", "agent"])
def test_no_internal_of_a_room_is_to_be_called_over_rpc(attack, room):
	names = list(functions(room))
	assert names
	for name, function in names:
		if function in attack.frappe.whitelisted:
			assert name in ALLOWED_RPC, name
			continue
		with pytest.raises(attack.frappe.PermissionError):
			attack.call(name)
	attack.holds()


def test_methods_of_the_record_over_run_doc_method(attack):
	for method in ("show_entitlement", "follow_entitlement", "keep_company", "refuse_other_token"):
		with pytest.raises(attack.frappe.PermissionError):
			attack.call("run_doc_method", dt=SETTINGS, dn=SETTINGS, method=method)
	attack.holds()


JOBS = (
	"buildpro_saas.install.after_uninstall",
	"buildpro_saas.install._make_keys",
	"buildpro_saas.tenant_site.entitlement.remove",
	"buildpro_saas.overrides.ScheduledJobType",
	# the whole bench's: its queues, its sites
	"frappe.utils.doctor.purge_pending_jobs",
	"frappe.utils.doctor.doctor",
	"frappe.utils.scheduler.enqueue_events_for_all_sites",
	"frappe.utils.background_jobs.start_worker",
	"frappe.app.serve",
	"os.abort",
	"no.such.function",
)


@pytest.mark.parametrize("method", JOBS)
def test_a_scheduled_job_of_his_own_that_names_our_functions(attack, method):
	"""Frappe lets a System Manager name any function without arguments; some are this app's, some act on the whole bench."""
	frappe = attack.frappe
	values = {"doctype": "Scheduled Job Type", "method": method, "frequency": "All", "create_log": 0}
	with pytest.raises(frappe.PermissionError, match="scheduled"):
		frappe.get_doc(values).insert()
	job = frappe.get_doc(values)
	job.name = frappe.generate_hash()
	job.db_insert()  # as a Server Script can
	with pytest.raises(frappe.PermissionError, match="scheduled"):
		frappe.get_doc("Scheduled Job Type", job.name).execute()
	attack.holds()


def test_a_scheduled_job_by_another_modules_name(attack, monkeypatch):
	"""A module has what it imports: the function counts, and not the name by which it is called."""
	from frappe.utils import data

	from buildpro_saas.tenant_site import overrides

	monkeypatch.setattr(data, "innocent", attack.site.entitlement.remove, raising=False)
	assert overrides.app_of("frappe.utils.data.innocent") == "buildpro_saas"
	assert overrides.app_of("frappe.utils.data.now") == "frappe" and overrides.app_of("no.such") is None
	with pytest.raises(attack.frappe.PermissionError, match="scheduled"):
		attack.frappe.get_doc(
			{"doctype": "Scheduled Job Type", "method": "frappe.utils.data.innocent", "frequency": "All"}
		).insert()


def test_jobs_that_apps_schedule_are_none_of_that(attack):
	from buildpro_saas.tenant_site import overrides

	methods = overrides.scheduled_methods()
	assert "buildpro_saas.jobs.lifecycle.recover_lost_jobs" in methods and len(methods) > 20
	attack.frappe.set_user("Administrator")
	for name in attack.frappe.get_all(
		"Scheduled Job Type", {"server_script": ("is", "not set")}, pluck="name"
	):
		attack.frappe.get_doc("Scheduled Job Type", name).refuse_internals()


def test_only_uninstalling_takes_the_role_away(attack):
	from buildpro_saas import install

	with pytest.raises(attack.frappe.PermissionError, match="uninstalling"):
		install.after_uninstall()
	attack.holds()


def test_records_of_the_control_plane_are_refused_here(attack):
	for doctype in ("Tenant", "Plan", "Feature", "SaaS Settings"):
		with pytest.raises(attack.frappe.PermissionError):
			attack.call("frappe.client.insert", doc=json.dumps({"doctype": doctype, "name": "x"}))
	attack.holds()
