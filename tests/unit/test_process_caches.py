"""What a process keeps for all of its sites: each thing is on a list here, with what it is keyed by. A new one has to be put there.

One process serves many sites, and more than one admin site. What is keyed by less than what it was made from is told to the wrong
site, or is still told when it holds no more.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "buildpro_saas"
# what differs from one framework, Python or machine to another, but not within a process
OF_PROCESS = "nothing: it is the same for all sites of a process"
KEYED_BY = {
	"agent/door.py _doors": "the process and the bench's path",
	"agent/operations/operation.py _known": "the operation's name; filled as the code is read",
	"entitlements/catalogue.py _shared": "the digest of the content",
	"entitlements/keys.py load_private": "the key itself",
	"entitlements/keys.py load_public": "the key itself",
	"entitlements/packing.py unpack": "the packed text itself",
	"entitlements/statement.py _held": "the token, the public keys and the site; the token alone where nothing is proven",
	"entitlements/statement.py _judged": "the digest of token, public keys and site",
	"framework.py undecided": OF_PROCESS,
	"framework.py has_hooks_of_all_doctypes": OF_PROCESS,
	"framework.py keeps_site_config": OF_PROCESS,
	"framework.py has_health_report": OF_PROCESS,
	"framework.py names_database_apart": OF_PROCESS,
	"framework.py sets_users_time_zone": OF_PROCESS,
	"jobs/registry.py _registered": f"{OF_PROCESS}; consoles and tests add to it",
	"licensing/sync_tokens.py _decoy": "the admin site and its encryption key",
	"region.py accepted_zones": OF_PROCESS,
	"region.py _zones_of_table": OF_PROCESS,
	"region.py _of_cldr": OF_PROCESS,
	"region.py _links": OF_PROCESS,
	"region.py _zones_by_country": OF_PROCESS,
	"snapshot_isolation.py _is_on": "host, port and socket of the database server",
	"tenant_site/declared_limits.py _by_apps": "the site's apps, in their order",
	"tenant_site/entitlement.py _read": "the path of the site's file; the value has the file's signature",
	"tenant_site/fresh_config.py _seen": "the path of the site's folder; the value is the file's signature",
	"tenant_site/strict_names.py asked": "no cache: hidden sites that this process asks by itself; empty in a web server",
	"tenant_site/sandbox/addresses.py _addresses_of": "the name of a host of the operator's, for a time",
	"tenant_site/sandbox/addresses.py effective": "the host as text",
	"tenant_site/sandbox/addresses.py is_public": "the address",
	"tenant_site/sandbox/certificates.py _of_system": OF_PROCESS,
	"tenant_site/sandbox/expressions.py _compiled": "the code as text",
	"tenant_site/sandbox/expressions.py BY_SIGN": OF_PROCESS,
	"tenant_site/sandbox/queries.py _places": "the function, whose arguments it names",
	"agent/pending_migration.py _kept": "an app of the bench, for KEPT_FOR seconds; as many as the bench has apps",
	"tenant_site/sandbox/sizes/functions.py _judged_function": "the function, its name and its rule; bounded",
	"tenant_site/sandbox/templates.py _judged_filter": "the filter and its name; bounded",
	"tenant_site/sandbox/templates.py _judged_test": "the test and its name; bounded",
	"tenant_site/sandbox/templates.py _kept": "the source, its names and the filters; code alone, of no site; bounded",
	"tenant_site/sandbox/reachable.py _servers": "all settings that it is made from",
	"tenant_site/sandbox/readable.py own_folders": "the folder of sites and the site",
	"tenant_site/sandbox/readable.py _code": "the bench and Python's path",
	"tenant_site/sandbox/readable.py _assets": "the folder of sites",
	"tenant_site/sandbox/readable.py _system_folders": OF_PROCESS,
	"tenant_site/sandbox/readable.py _system_files": OF_PROCESS,
	"tenant_site/sandbox/reading.py _rule": "the class",
	"tenant_site/sandbox/stand_ins.py replacements": OF_PROCESS,
	"tenant_site/sandbox/temporary.py _made": "the path; the value is the site for which it was made",
	"tenant_site/usage.py _waiting": "the site, the day, the feature and the outcome",
	"tenant_site/usage.py _flushed_at": f"{OF_PROCESS}: when counts of all sites were last taken out",
	"tenant_site/usage.py _lock": f"{OF_PROCESS}: a fork begins with one of its own",
}
CACHES = {"cache", "lru_cache"}
CONTAINERS = {
	*("dict", "list", "set", "bytearray", "defaultdict", "OrderedDict", "Counter", "deque", "ChainMap"),
	*("WeakKeyDictionary", "WeakValueDictionary", "WeakSet", "local", "SimpleNamespace", "Kept"),
}
DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
CHANGE = {
	*("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft"),
	*("put", "remove", "setdefault", "update"),
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def kept(tree: ast.Module) -> Iterator[str]:
	"""Names of what a module keeps from one call to the next."""
	changed = set(_changed(tree))
	for node in ast.walk(tree):
		if isinstance(node, ast.Global):
			yield from node.names
		if isinstance(node, FUNCTIONS[:2]):
			if any(_last_name(each) in CACHES for each in node.decorator_list):
				yield node.name
			# a default is made once, and lives as long as its function
			defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
			if any(map(_is_container, defaults)):
				yield f"{node.name}()"
	for owner in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))):
		for name, value in _bindings(owner):
			if _last_name(value) in CACHES or (
				_is_container(value) and (_is_empty(value) or name in changed)
			):
				yield name


def _bindings(owner: ast.Module | ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
	for node in owner.body:
		targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
		for target in targets:
			if isinstance(target, ast.Name) and getattr(node, "value", None) is not None:
				yield target.id, node.value


def _changed(tree: ast.Module) -> Iterator[str]:
	"""Names whose value a function changes, and attributes that one sets on a function or class of the module by its name."""
	for function in (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)):
		for node in ast.walk(function):
			found = None
			if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
				found = node.value
			elif isinstance(node, ast.AugAssign):
				found = node.target
			elif (
				isinstance(node, ast.Call)
				and isinstance(node.func, ast.Attribute)
				and node.func.attr in CHANGE
			):
				found = node.func.value
			if isinstance(found, ast.Attribute):  # self.kept, cls.kept
				yield found.attr
			elif isinstance(found, ast.Name):
				yield found.id


def _last_name(node: ast.expr) -> str:
	"""`lru_cache` of functools.lru_cache(maxsize=1)(f); an empty text of what has no name."""
	while isinstance(node, ast.Call):
		node = node.func
	while isinstance(node, ast.Subscript):  # Kept[tuple]
		node = node.value
	return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_container(node: ast.expr) -> bool:
	return isinstance(node, DISPLAYS) or (isinstance(node, ast.Call) and _last_name(node) in CONTAINERS)


def _is_empty(node: ast.expr) -> bool:
	"""Whether nothing is in it as the module is read; one of our own kinds, and one made by a call, is there to be filled."""
	return isinstance(node, ast.Call) or not (
		getattr(node, "keys", None) or getattr(node, "elts", None) or getattr(node, "generators", None)
	)


def test_each_has_its_reason():
	found = {
		f"{path.relative_to(APP)} {name}"
		for path in APP.rglob("*.py")
		for name in kept(ast.parse(path.read_text()))
	}
	new, gone = sorted(found - KEYED_BY.keys()), sorted(KEYED_BY.keys() - found)
	assert not new, f"Say in KEYED_BY what these are keyed by: {new}"
	assert not gone, f"These are there no more: {gone}"


@pytest.mark.parametrize(
	("code", "names"),
	[
		("_kept = {}", ["_kept"]),
		("_kept: dict[str, int] = dict()", ["_kept"]),
		("import collections\n_kept = collections.defaultdict(list)", ["_kept"]),
		("_kept = Kept[tuple](5)", ["_kept"]),
		("_kept = []\n", ["_kept"]),
		("_kept = {'first': 1}\ndef f(x):\n\t_kept[x] = 2", ["_kept"]),
		("_kept = {1}\nf = lambda x: _kept.add(x)", ["_kept"]),
		("class A:\n\tkept = {}\n", ["kept"]),
		("class A:\n\tkept = {1: 2}\n\tdef f(self):\n\t\tself.kept[2] = 3", ["kept"]),
		("@functools.lru_cache(maxsize=5)\ndef f(): ...", ["f"]),
		("class A:\n\t@cache\n\tdef f(self): ...", ["f"]),
		("def g(): ...\nf = lru_cache(maxsize=5)(g)", ["f"]),
		("def f(x, kept={}): ...", ["f()"]),
		("def f():\n\tglobal _kept\n\t_kept = 1", ["_kept"]),
		("TABLE = {'a': 1}\nNAMES = [*TABLE]\ndef f(): return TABLE['a']", []),
		("def f():\n\tfound = {}\n\tfound[1] = 2\n\treturn found", []),
		("@cached_property\ndef f(self): ...", []),
		("@dataclass\nclass A:\n\tkept: dict = field(default_factory=dict)", []),
	],
)
def test_what_is_seen(code, names):
	assert sorted(kept(ast.parse(code))) == names
