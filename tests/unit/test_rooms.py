"""Who may know whom: docs/architecture.md's table, held against imports, dotted names and the doctypes that each room reads or writes."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "buildpro_saas"
# what any room may use: the guard, tables of countries, names, dates and statuses, and Python packages
COMMON = {
	*("site_role", "region", "company_name", "framework", "snapshot_isolation"),
	*("refusal", "datetimes", "tenant_status", "scheduled_jobs"),
}
MAY_IMPORT = {
	"agent": set(),
	"entitlements": set(),
	"jobs": {"agent"},
	"licensing": {"jobs", "agent", "entitlements"},
	# a tenant's first statement is a step of making it; licensing knows nothing of the fleet
	"fleet": {"licensing", "jobs", "agent", "entitlements"},
	"tenant_site": {"entitlements", "agent"},
	"feature_gating": {"entitlements", "tenant_site"},
	"control_plane": {"fleet", "licensing", "jobs", "entitlements"},
	"api": {"control_plane", "fleet", "licensing", "jobs", "entitlements", "feature_gating"},
	"commands": {"control_plane", "fleet", "licensing", "jobs", "entitlements", "tenant_site"},
	"openfeature_provider": {"entitlements", "tenant_site"},
	"testing": {"entitlements", "tenant_site"},
}
# The agent's door: what others may import of it. What is behind is plain Python on the bench's disk and servers.
DOOR = {"door", "facts", "errors"}
ALSO_OPEN = {
	# the site's own file, and how it proves that it is itself: both are on the tenant's site
	"tenant_site": {"site_config", "proof"},
}
# What opens a file under sites/, or another connection to MariaDB, by Frappe's own names.
BEHIND_THE_DOOR = {"sites_path", "site_path", "get_site_path", "get_site_base_path", "get_db", "bench_sites"}
RUN_ON_THE_SITE = {
	"tenant_site": "works on the files of the very site that the process is on",
	"framework": "asks the framework for the configuration of the very site that the process is on",
}
# Crossings that no import shows: (room, what is named) with the reason for each.
CALLED_ON_SITES = "runs there in a process or a context of the tenant's site, which has the same app"
IMPORTED_BEFORE = "is imported by a worker before it forks for a job that needs it"
MAY_NAME = {
	**dict.fromkeys(
		(
			("commands", "buildpro_saas.agent.installer"),
			("commands", "buildpro_saas.agent.operations"),
			("commands", "buildpro_saas.fleet.playbooks"),
			("commands", "buildpro_saas.licensing.plan_versions"),
			("commands", "buildpro_saas.control_plane.doctype"),
			("commands", "buildpro_saas.tenant_site.doctype"),
			("commands", "buildpro_saas.tenant_site.hidden_records"),
			("commands", "buildpro_saas.tenant_site.prepared_company"),
		),
		IMPORTED_BEFORE,
	),
	("fleet", "buildpro_saas.agent.installer"): CALLED_ON_SITES,
	(
		"agent",
		"buildpro_saas.tenant_site.identity",
	): "is asked for over HTTP: the site proves that it is itself",
	("fleet", "buildpro_saas.tenant_site.onboarding"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.tenant_site.own_facts"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.tenant_site.prepared_company"): CALLED_ON_SITES,
	("licensing", "buildpro_saas.tenant_site.entitlement_in_force"): CALLED_ON_SITES,
	(
		"tenant_site",
		"buildpro_saas.agent.site_config",
	): "is written by this one alone: the sandbox lets its calls pass",
}
# The doctypes are the control plane's, as records; the rooms below it keep theirs in them.
MAY_USE_DOCTYPES = {
	"jobs": {
		"Provisioning Job": "is what the engine runs",
		"Provisioning Job Step": "is what the engine runs",
		"Batch": "is what the engine works through",
		"Batch Row": "is what the engine works through",
		"Bench": "has the slots and the queue of its jobs",
		"Tenant": "is told what became of it in the transaction that ends its job",
	},
	"licensing": {
		**dict.fromkeys(
			("Plan", "Plan Feature", "Plan Limit", "Plan App", "Plan Version", "Add-on", "Add-on Feature"),
			"is where a statement's content comes from",
		),
		**dict.fromkeys(
			("Add-on Limit", "Feature", "Feature Gate", "Kill Switch", "Tenant Add-on", "Tenant Override"),
			"is where a statement's content comes from",
		),
		"Tenant": "is whose statement it is",
		"Tenant Limit Level": "holds what the tenant's site tells of its use",
		"Tenant Usage": "holds what the tenant's site tells of its use",
		"Bench": "says which sites can be reached from here",
		"Provisioning Job": "brings statements to many tenants",
		"SaaS Settings": "says for how long a statement is valid",
	},
	"fleet": {
		**dict.fromkeys(("Site Image", "Standby Site", "Drift Finding"), "is the fleet's own record"),
		**dict.fromkeys(("Tenant", "Bench", "Plan", "SaaS Settings"), "says what a site is to be"),
		**dict.fromkeys(("Provisioning Job", "Provisioning Job Step"), "is evidence of what made a site"),
		**dict.fromkeys(("Batch", "Batch Row"), "is pruned as jobs are"),
		**dict.fromkeys(
			("Nexelya Plan Settings", "Limit Level"), "is one of those whose cache is made ahead on a site"
		),
	},
	"api": dict.fromkeys(("Batch", "Bench", "Plan", "Tenant"), "is what is asked for"),
	"commands": dict.fromkeys(
		("Batch", "Bench", "Plan", "Provisioning Job", "SaaS Settings", "Site Image", "Tenant"),
		"is what is asked for",
	),
	"agent": {"Bench": "is the agent's own class, not the doctype"},
	"tenant_site": {},
	"entitlements": {},
	"feature_gating": {},
	"openfeature_provider": {},
	"testing": {},
}


def imported_rooms(file: Path) -> set[str]:
	"""Rooms that a file imports, inside functions too."""
	found = set()
	for node in ast.walk(ast.parse(file.read_text())):
		if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == APP.name:
			parts = node.module.split(".")[1:]
			found |= {parts[0]} if parts else {alias.name for alias in node.names}
		elif isinstance(node, ast.Import):
			names = [alias.name.split(".") for alias in node.names]
			found |= {name[1] for name in names if name[0] == APP.name and len(name) > 1}
	return found


def imported_of_agent(file: Path) -> set[str]:
	"""The agent's modules that a file imports, inside functions too."""
	found = set()
	for node in ast.walk(ast.parse(file.read_text())):
		if isinstance(node, ast.ImportFrom) and node.module == f"{APP.name}.agent":
			found |= {alias.name for alias in node.names}
		names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
		if isinstance(node, ast.Import):
			names = [alias.name for alias in node.names]
		found |= {name.split(".")[2] for name in names if name.startswith(f"{APP.name}.agent.")}
	return found


def names_in(file: Path) -> set[str]:
	"""Attributes and names that a file's code uses."""
	nodes = list(ast.walk(ast.parse(file.read_text())))
	return {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {
		node.id for node in nodes if isinstance(node, ast.Name)
	}


def outside_the_agent() -> list[str]:
	"""The other rooms, and the files beside them."""
	files = [path.stem for path in APP.glob("*.py") if path.stem != "__init__"]
	return sorted({*MAY_IMPORT, *files} - {"agent"})


def texts_in(file: Path) -> Iterator[str]:
	"""The text values in a file's code, without docstrings."""
	tree = ast.parse(file.read_text())
	bodies = (ast.Module, ast.ClassDef, ast.FunctionDef)
	docstrings = {
		id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, bodies) and is_docstring(node)
	}
	for node in ast.walk(tree):
		if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
			yield node.value


def is_docstring(node: ast.AST) -> bool:
	return (
		bool(node.body)
		and isinstance(node.body[0], ast.Expr)
		and isinstance(node.body[0].value, ast.Constant)
	)


def files_of(room: str) -> list[Path]:
	return [APP / f"{room}.py"] if (APP / f"{room}.py").exists() else sorted((APP / room).rglob("*.py"))


def doctypes() -> dict[str, str]:
	"""{doctype: room in which it is defined}"""
	files = APP.glob("*/doctype/*/*.json")
	return {json.loads(file.read_text())["name"]: file.relative_to(APP).parts[0] for file in files}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_knows_only_whom_it_may(room):
	allowed = MAY_IMPORT[room] | COMMON | {room}
	strangers = {str(file.relative_to(APP)): imported_rooms(file) - allowed for file in files_of(room)}
	assert files_of(room) and not {file: rooms for file, rooms in strangers.items() if rooms}


@pytest.mark.parametrize("room", outside_the_agent())
def test_the_agent_is_reached_by_its_door_only(room):
	allowed = DOOR | ALSO_OPEN.get(room, set())
	strangers = {
		str(file.relative_to(APP)): imported_of_agent(file) - allowed
		for file in files_of(room)
		if imported_of_agent(file) - allowed
	}
	assert not strangers


@pytest.mark.parametrize("room", sorted(set(outside_the_agent()) - RUN_ON_THE_SITE.keys()))
def test_nobody_else_opens_a_bench(room):
	opened = {str(file.relative_to(APP)): names_in(file) & BEHIND_THE_DOOR for file in files_of(room)}
	assert not {file: names for file, names in opened.items() if names}


def test_no_two_rooms_know_each_other():
	assert not [
		(room, other) for room, known in MAY_IMPORT.items() for other in known if room in MAY_IMPORT[other]
	]


def test_what_a_room_names_without_importing_it_is_listed_with_its_reason():
	named = set()
	for room in MAY_IMPORT:
		for file in files_of(room):
			for text in texts_in(file):
				if (found := re.match(r"buildpro_saas\.(\w+)\.\w+", text)) and found[1] not in {
					room,
					*COMMON,
				}:
					named.add((room, found[0]))
	assert named == set(MAY_NAME)


def test_a_room_uses_only_the_doctypes_that_are_listed_with_a_reason():
	defined, used = doctypes(), {room: set() for room in MAY_USE_DOCTYPES}
	for room in MAY_USE_DOCTYPES:
		for file in files_of(room):
			used[room] |= {text for text in texts_in(file) if defined.get(text, room) != room}
	strangers = {room: names - MAY_USE_DOCTYPES[room].keys() for room, names in used.items()}
	assert not {room: names for room, names in strangers.items() if names}


def test_every_room_says_which_doctypes_it_uses():
	assert set(MAY_USE_DOCTYPES) == set(MAY_IMPORT) - {"control_plane"}


def test_entitlements_are_free_of_frappe():
	for file in files_of("entitlements"):
		assert "frappe" not in {
			name.split(".")[0]
			for node in ast.walk(ast.parse(file.read_text()))
			for name in (
				[node.module or ""]
				if isinstance(node, ast.ImportFrom)
				else [alias.name for alias in node.names]
				if isinstance(node, ast.Import)
				else []
			)
		}, file


def test_every_room_is_in_the_table():
	rooms = {
		p.name for p in APP.iterdir() if p.is_dir() and (p / "__init__.py").exists() and any(p.glob("*.py"))
	}
	assert rooms - {"templates", "public", "config", "patches"} <= set(MAY_IMPORT)
