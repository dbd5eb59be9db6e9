"""Every seam with the framework, held against the one that the tests run on: what it lacks is named, with the place that uses it.

Against another line of it: `make test BENCH_HOME=… FRAPPE_REPOS=… FRAPPE_BRANCH=develop ARGS=tests/site/test_seams.py` (dev/README.md).
"""

import ast
import inspect
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import seams

from buildpro_saas import framework

# Of the request or site that is under way, or of a document: no names of a module.
OF_THE_MOMENT = (
	*(
		"frappe.local.",
		"frappe.flags.",
		"frappe.conf.",
		"frappe.session.",
		"frappe.response.",
		"frappe.request.",
	),
	*("frappe.form_dict.", "frappe.cache.", "frappe.qb."),
)
# Asked for in buildpro_saas/framework.py, or where something else is done without it.
CAPABILITIES = {
	"frappe.config.clear_site_config_cache",
	"frappe.is_setup_complete",
	"frappe.desk.doctype.system_health_report.system_health_report.SystemHealthReport",
}
# Arguments that framework.py asks for before it gives them.
ASKED_FOR = {("frappe.get_site_config", "cached")}
# Hooks of our own, which we read ourselves.
OUR_HOOKS = {"buildpro_limits", "buildpro_playbooks", "buildpro_feature_gates", "buildpro_template_methods"}
# What hooks.py has that the framework reads without a name in quotation marks, or for people.
DESCRIPTIONS = {
	*("app_name", "app_title", "app_publisher", "app_description", "app_email", "app_license"),
	*("ADMIN_DOCTYPES", "ADMIN_TABLES"),
}


@pytest.fixture
def all_uses(admin_site):
	return sorted(
		(use for use in seams.uses() if not use.name.startswith(OF_THE_MOMENT)), key=lambda use: use.where
	)


def test_the_framework_has_each_name(all_uses):
	missing = {
		f"{use.name} ({use.where})"
		for use in all_uses
		if use.name not in CAPABILITIES and seams.resolve(use.name) is seams.MISSING
	}
	assert len(all_uses) > 500
	assert not missing


def test_each_function_takes_what_it_is_called_with(all_uses):
	wrong = []
	for use in all_uses:
		function = seams.resolve(use.name)
		if use.keywords is None or not callable(function) or isinstance(function, type):
			continue
		try:
			parameters = inspect.signature(function).parameters.values()
		except ValueError:
			continue  # of a builtin
		if not any(each.kind is each.VAR_KEYWORD for each in parameters):
			unknown = set(use.keywords) - {each.name for each in parameters}
			wrong += [
				f"{use.name} has no {name} ({use.where})"
				for name in sorted(unknown)
				if (use.name, name) not in ASKED_FOR
			]
		if not any(each.kind is each.VAR_POSITIONAL for each in parameters):
			most = sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters)
			if use.positional > most:
				wrong.append(f"{use.name} takes {most} arguments ({use.where})")
	assert not wrong


def test_each_hook_is_one_that_the_framework_asks_for(admin_site):
	from buildpro_saas import hooks

	folder = Path(admin_site.__file__).parent
	source = "\n".join(path.read_text() for path in folder.rglob("*.py"))
	ours = {
		name for name in dir(hooks) if not name.startswith("_") and name != "Path" and name != "buildpro_saas"
	}
	unknown = {
		name
		for name in ours - OUR_HOOKS - DESCRIPTIONS
		if f'"{name}"' not in source and f"'{name}'" not in source and f"hooks.{name}" not in source
	}
	assert {"doc_events", "before_request", "has_permission"} <= ours
	assert not unknown


def test_each_event_of_documents_is_one_that_the_framework_runs(admin_site):
	from buildpro_saas import hooks

	source = (Path(admin_site.__file__).parent / "model/document.py").read_text() + "\n".join(
		path.read_text() for path in (Path(admin_site.__file__).parent / "model").glob("*.py")
	)
	events = {event for by_event in hooks.doc_events.values() for event in by_event} - {"before_discard"}
	assert {"before_validate", "on_trash"} <= events
	assert not {event for event in events if f'"{event}"' not in source}


def test_each_method_that_is_overridden_is_there(admin_site):
	from buildpro_saas import hooks

	checked = 0
	for doctype, path in hooks.override_doctype_class.items():
		if doctype == "System Health Report" and not framework.has_health_report():
			continue
		cls = admin_site.get_attr(path)
		for own in (each for each in cls.__mro__ if each.__module__.startswith("buildpro_saas.")):
			frappes = [each for each in own.__mro__ if each.__module__.startswith("frappe.")]
			for name in _called_of_super(own):
				checked += 1
				assert any(name in vars(each) for each in frappes), (
					f"{doctype} has no {name} ({own.__name__})"
				)
	assert checked > 10


def _called_of_super(cls: type) -> set[str]:
	tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
	return {
		node.attr
		for node in ast.walk(tree)
		if isinstance(node, ast.Attribute)
		and isinstance(node.value, ast.Call)
		and getattr(node.value.func, "id", "") == "super"
	}


def test_each_method_that_stands_in_for_one_of_frappes_takes_its_arguments(admin_site):
	from buildpro_saas import hooks

	for theirs, ours in hooks.override_whitelisted_methods.items():
		parameters = inspect.signature(inspect.unwrap(admin_site.get_attr(theirs))).parameters
		# some are decorated by a function that takes anything, and do not say what they take themselves
		wanted = {
			name
			for name, each in parameters.items()
			if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
		}
		has = inspect.signature(inspect.unwrap(admin_site.get_attr(ours))).parameters
		takes_all = any(each.kind is each.VAR_KEYWORD for each in has.values())
		assert takes_all or wanted <= set(has), f"{ours} lacks {wanted - set(has)} of {theirs}"


def test_what_is_wrapped_takes_what_the_wrapper_hands_on(admin_site):
	from frappe.database.database import Database
	from frappe.model.document import Document
	from frappe.translate import get_translations_from_apps
	from frappe.utils import file_manager, jinja

	wrapped = {
		admin_site.get_module: ("modulename",),
		get_translations_from_apps: ("lang",),
		Document.set_title_field: ("self",),
		admin_site.init: ("site", "sites_path"),
		admin_site.safe_eval: ("code", "eval_globals", "eval_locals"),
		file_manager.write_file: ("content", "fname", "is_private"),
		Database.connect: ("self",),
		Database.sql: ("self", "query", "values"),
		Database.mogrify: ("self", "query", "values"),
		jinja.get_jenv: (),
	}
	for function, first in wrapped.items():
		assert tuple(inspect.signature(inspect.unwrap(function)).parameters)[: len(first)] == first


# -- capabilities ----------------------------------------------------------------------------------------------------


def test_the_framework_can_be_tried(admin_site):
	"""Else framework.py goes by what it takes to be likely."""
	assert framework._hooks_allow({framework.PROBE: ["_"]}, True)
	assert not framework._hooks_allow({framework.PROBE: ["_"]}, False)
	assert framework._conditions_of({framework.PROBE: ["_"]}) in (framework.PROBE, "1 = 1")


def test_hooks_of_all_doctypes_are_asked_beside_those_of_one(admin_site, monkeypatch):
	"""By the framework itself, or by what framework.py adds to that of 2023."""
	from frappe.model.db_query import DatabaseQuery
	from frappe.permissions import has_controller_permissions

	import buildpro_saas.tenant_site  # noqa: F401  # as any process does by its hooks

	monkeypatch.setattr("frappe.model.db_query.get_server_script_map", dict)
	answers = {"own": True, "all": False}
	monkeypatch.setattr(admin_site, "get_hooks", lambda *_, **__: {framework.PROBE: ["own"], "*": ["all"]})
	monkeypatch.setattr(admin_site, "get_attr", lambda name: name)
	monkeypatch.setattr(admin_site, "call", lambda name, *_, **__: answers[name])
	doc = SimpleNamespace(doctype=framework.PROBE)
	assert has_controller_permissions(doc, "read", user="Guest") is False
	answers["all"] = framework.undecided()
	assert has_controller_permissions(doc, "read", user="Guest")
	told = []
	conditions = {"own": "a = 1 or b = 1", "all": "1 = 0"}

	def call(name, *_, doctype=None, **__) -> str:
		told.append((name, doctype))
		return conditions[name]

	monkeypatch.setattr(admin_site, "call", call)
	asked = SimpleNamespace(doctype=framework.PROBE, user="Guest")
	found = DatabaseQuery.get_permission_query_conditions(asked)
	assert "a = 1 or b = 1" in found and "1 = 0" in found
	assert ("all", framework.PROBE) in told  # by which it knows what it is asked for


def test_a_hook_that_does_not_decide_leaves_it_to_the_roles_and_to_other_hooks(admin_site, monkeypatch):
	"""What framework.undecided() says, tried on the framework itself, with its own way of asking hooks."""
	from frappe.permissions import has_controller_permissions

	doc = SimpleNamespace(doctype=framework.PROBE)
	answers = {"ours": framework.undecided()}
	hooks = {framework.PROBE: ["other", "ours"]}
	monkeypatch.setattr(admin_site, "get_hooks", lambda *_, **__: hooks)
	monkeypatch.setattr(admin_site, "get_attr", lambda name: name)
	monkeypatch.setattr(admin_site, "call", lambda name, *_, **__: answers[name])
	answers["other"] = framework.undecided()
	assert has_controller_permissions(doc, "read", user="Guest") is not False
	answers["other"] = False
	assert has_controller_permissions(doc, "read", user="Guest") is False
	answers |= {"ours": False, "other": True}
	assert has_controller_permissions(doc, "read", user="Guest") is False


def test_a_changed_configuration_counts_for_the_next_web_request(admin_site, monkeypatch):
	"""Where the framework keeps site_config.json, a request that enters the site sees what another process has just written."""
	from buildpro_saas.agent import site_config

	key = "buildpro_requests_per_hour"
	folder = Path(admin_site.get_site_path()).absolute()
	before = site_config.read(folder)
	site = admin_site.local.site
	monkeypatch.setattr(admin_site.local, "request", SimpleNamespace(host=site, headers={}), raising=False)
	try:
		for value in (7001, 7002):
			site_config.update(folder, {key: value})
			admin_site.init(site, sites_path=".", force=True)
			assert admin_site.conf.get(key) == value
		site_config.update(folder, {key: None})
		admin_site.init(site, sites_path=".", force=True)
		assert key not in admin_site.conf
	finally:
		site_config.write(folder, before)
		monkeypatch.undo()
		admin_site.init(site, sites_path=".", force=True)
		admin_site.connect()
