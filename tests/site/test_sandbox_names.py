"""Everything that Frappe gives to templates, expressions and scripts is decided: a newer Frappe's additions fail here until somebody does."""

import importlib
import inspect
import pkgutil
import sys

import pytest


@pytest.fixture
def tenants(frappe, monkeypatch):
	"""The site as a tenant's, with nothing of the environment made yet."""
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	frappe.local.jenv = None
	yield frappe
	frappe.local.jenv = None


def errors(namespace: dict) -> set[str]:
	return {
		name for name, value in namespace.items() if isinstance(value, type) and issubclass(value, Exception)
	}


def undecided(frappe) -> dict[str, set[str]]:
	"""Names that are in neither list, by where they stand."""
	from frappe.utils import jinja
	from frappe.utils.safe_exec import get_safe_globals
	from jinja2.defaults import DEFAULT_FILTERS
	from RestrictedPython import safe_globals

	from buildpro_saas.tenant_site.sandbox import names

	whole = get_safe_globals()
	methods, filters = jinja.get_jinja_hooks()
	base = jinja.get_jenv.__wrapped__()
	return {
		"globals": {*whole, *base.globals}
		- names.GLOBALS
		- names.REFUSED_GLOBALS
		- {*safe_globals, *methods},
		"frappe": {*whole["frappe"]} - names.FRAPPE - names.REFUSED_FRAPPE - errors(whole["frappe"]),
		"frappe.db": {*whole["frappe"]["db"]} - names.DB - names.REFUSED_DB,
		"frappe.utils": {*whole["frappe"]["utils"]} - names.UTILS - names.REFUSED_UTILS,
		"filters": {*base.filters} - {*DEFAULT_FILTERS, *filters} - names.FILTERS,
	}


def test_each_name_is_decided(tenants):
	assert not any(undecided(tenants).values()), undecided(tenants)


@pytest.mark.parametrize("where", ["", "frappe", "db", "utils"])
def test_a_new_name_is_seen_and_refused(tenants, monkeypatch, where):
	"""What this file asks for, asked with a name that a newer Frappe might add."""
	from frappe.utils import jinja, safe_exec

	original = safe_exec.get_safe_globals

	def newer():
		whole = original()
		place = whole["frappe"].get(where, whole["frappe"]) if where else whole
		place["brand_new"] = lambda: "reached"
		return whole

	monkeypatch.setattr(safe_exec, "get_safe_globals", newer)
	tenants.local.jenv = None
	found = undecided(tenants)
	assert {"brand_new"} in found.values(), found
	name = ".".join(
		part for part in ("frappe" if where else "", where if where != "frappe" else "", "brand_new") if part
	)
	with pytest.raises(tenants.PermissionError, match="brand_new"):
		tenants.render_template("{{ " + name + "() }}", {})
	assert jinja.get_jenv.__wrapped__() is not tenants.get_jenv()


def test_a_filter_of_a_newer_frappe_is_refused(tenants, monkeypatch):
	from frappe.utils import jinja

	original = jinja.set_filters

	def newer(jenv):
		original(jenv)
		jenv.filters["brand_new"] = lambda value: "reached"

	monkeypatch.setattr(jinja, "set_filters", newer)
	forget_environment(jinja)
	assert undecided(tenants)["filters"] == {"brand_new"}
	with pytest.raises(tenants.ValidationError, match="brand_new"):
		tenants.render_template("{{ 1|brand_new }}", {})
	monkeypatch.undo()
	forget_environment(jinja)


def forget_environment(jinja) -> None:
	"""From 16 on a process keeps what environments are made from."""
	if kept := getattr(jinja, "_get_jenv", None):
		kept.clear_cache()


def test_what_is_refused_is_not_there(tenants):
	from buildpro_saas.tenant_site.sandbox import names

	jenv = tenants.get_jenv()
	base = sys.modules["frappe.utils.jinja"].get_jenv.__wrapped__()
	for there, refused, whole in (
		(jenv.globals, names.REFUSED_GLOBALS, base.globals),
		(jenv.globals["frappe"], names.REFUSED_FRAPPE, base.globals["frappe"]),
		(jenv.globals["frappe"]["db"], names.REFUSED_DB, base.globals["frappe"]["db"]),
	):
		for name in refused & {*whole}:
			assert there.get(name) is not whole[name] or whole[name] is None, name
			if callable(there.get(name)):
				with pytest.raises(tenants.PermissionError, match=name):
					there[name]()


def test_apps_methods_and_filters_are_there(tenants):
	"""Apps are trusted: what they offer by the hook `jinja` is called as it is; of a filter the result is counted."""
	from frappe.utils import jinja

	methods, filters = jinja.get_jinja_hooks()
	jenv = tenants.get_jenv()
	assert methods and filters
	assert {name: jenv.globals[name] for name in methods} == methods
	assert {name: jenv.filters[name].__wrapped__ for name in filters} == filters


@pytest.mark.parametrize(
	("module", "name"),
	[
		("frappe.utils.jinja", "get_jenv"),
		("frappe", "get_jenv"),
		("frappe", "safe_eval"),
		("frappe.utils.safe_exec", "safe_eval"),
	],
)
def test_frappes_functions_are_replaced_wherever_they_are_kept(tenants, module, name):
	"""`from x import y` keeps a function under another module's name: that one must be ours, too."""
	holder = importlib.import_module(module)
	if not hasattr(holder, name):
		assert name == "safe_eval" and module != "frappe"  # Frappe of 2023 has it in one place
		return
	function = getattr(holder, name)
	assert function.is_buildpro_sandbox
	parameters = ["code", "eval_globals", "eval_locals"] if name == "safe_eval" else []
	assert list(inspect.signature(function.__wrapped__).parameters)[:3] == parameters
	for keeper in (each for each in list(sys.modules.values()) if name in getattr(each, "__dict__", {})):
		kept = vars(keeper)[name]
		assert kept is not function.__wrapped__, keeper.__name__


def test_installing_again_changes_nothing(tenants):
	from buildpro_saas.tenant_site import sandbox

	before = tenants.get_jenv, tenants.safe_eval
	sandbox.install()
	assert (tenants.get_jenv, tenants.safe_eval) == before


def test_nobody_else_makes_an_environment_or_evaluates(tenants):
	"""Of Frappe's code, only what is wrapped makes Jinja environments: another place would be a way around."""
	import frappe

	makers = set()
	for info in pkgutil.walk_packages(frappe.__path__, "frappe."):
		if info.ispkg or ".test" in info.name or ".patches" in info.name:
			continue
		spec = importlib.util.find_spec(info.name)
		text = spec.loader.get_source(info.name) or ""
		if "SandboxedEnvironment" in text or "jinja2.Environment" in text or "import Environment" in text:
			makers.add(info.name)
	assert makers == {"frappe.utils.jinja"}
