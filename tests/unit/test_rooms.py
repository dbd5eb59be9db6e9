"""Who may know whom: docs/architecture.md's tables, held against imports, dotted names, and the documents that each room uses."""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "buildpro_saas"
# what any room may use: the guard, tables of countries, names, dates and statuses, and Python packages
COMMON = {
	*("site_role", "region", "company_name", "framework", "snapshot_isolation"),
	*("refusal", "given", "datetimes", "tenant_status", "scheduled_jobs", "side_by_side", "redaction"),
}
MAY_IMPORT = {
	"agent": set(),
	"entitlements": set(),
	"jobs": {"agent"},
	"licensing": {"jobs", "agent", "entitlements"},
	# a tenant's first statement is a step of making it; licensing knows nothing of the fleet
	"fleet": {"domains", "licensing", "jobs", "agent", "entitlements"},
	# whether a plan has host names of its own, and what its limits say to the proxy, is licensing's
	"domains": {"licensing", "jobs", "agent", "entitlements"},
	# it looks at what the rooms below keep and do; none of them asks it
	"monitoring": {"fleet", "domains", "jobs", "agent", "entitlements"},
	"tenant_site": {"entitlements", "agent"},
	"feature_gating": {"entitlements", "tenant_site"},
	"control_plane": {"monitoring", "fleet", "domains", "licensing", "jobs", "entitlements"},
	"api": {
		*("control_plane", "monitoring", "fleet", "domains", "licensing", "jobs", "entitlements"),
		"feature_gating",
	},
	"commands": {
		*("control_plane", "monitoring", "fleet", "domains", "licensing", "jobs", "entitlements"),
		"tenant_site",
	},
	"openfeature_provider": {"entitlements", "tenant_site"},
	"testing": {"entitlements", "tenant_site"},
	"overrides": {"jobs", "tenant_site"},
	"old_imports": set(),
}
# What the framework calls first, and what bench does once: they know all rooms.
KNOW_ALL = {"hooks", "install", "patches"}
# The agent's door: what others may import of it. What is behind is plain Python on the bench's disk and servers.
DOOR = {"door", "facts", "errors", "proxy_facts", "certificate_facts", "intake_facts", "health_facts"}
ALSO_OPEN = {
	# the site's own file, how it proves that it is itself, and where it went: all three are asked by web processes
	"tenant_site": {"site_config", "proof", "redirects"},
}
# What opens a file under sites/, or a connection to MariaDB, by Frappe's own names.
BEHIND_THE_DOOR = {
	*("sites_path", "site_path", "get_site_path", "get_site_base_path", "bench_sites", "get_bench_path"),
	*("get_site_config", "get_common_site_config", "path_here", "get_db", "connect"),
}
# Python's own ways to the disk, to processes and to MariaDB. On a tenant's site, os and pathlib are for the very site.
MODULES = {"subprocess", "shutil", "glob", "psutil", "pymysql", "MySQLdb", "frappe.database", "os", "pathlib"}
NOT_FOR = {"tenant_site": {"os", "pathlib"}}
OWN_SITE = "works on the files of the very site that the process is on"
OWN_BENCH = "is about the very bench that the process runs on"
MAY_OPEN = {
	"commands/admin_backup.py": "takes the keys of a bucket from the environment of whoever runs it",
	"commands/admin_site.py": "connects a command to the site that its caller named",
	"commands/sites.py": "becomes a console in the terminal of whoever asked for one, as the door says how",
	"control_plane/catalogue/__init__.py": "reads the catalogue that this app ships",
	"fleet/admin_recovery.py": f"{OWN_BENCH}: its admin site is gone",
	"fleet/bench_security.py": f"{OWN_BENCH}: root's shell has its machine's firewall changed",
	"fleet/bench_proxy.py": f"{OWN_BENCH}: its nginx is set up as its machine's root says",
	"fleet/benches.py": f"{OWN_BENCH}: whether a Bench is this one",
	"fleet/database_account.py": f"{OWN_BENCH}: it gets its account as the admin site is set up",
	"fleet/doctor.py": f"{OWN_BENCH}: who may read its admin site's secrets",
	"framework.py": "asks the framework for the configuration and database of the very site that the process is on",
	"hooks.py": "reads what this app ships",
	"install.py": f"{OWN_BENCH}: whether it has an admin site already",
	"monitoring/diagnosis/gathering.py": f"{OWN_BENCH}: where the admin site's own records cannot be read",
	"jobs/memory.py": f"{OWN_BENCH}: all benches that are reached are on this machine, and share its memory",
	"jobs/queue.py": f"{OWN_BENCH}: its workers do the jobs for all benches",
	"region.py": "reads the machine's tz database",
	"snapshot_isolation.py": "wraps the framework's own connection",
	"tenant_site/closed_for_now.py": OWN_SITE,
	"tenant_site/data_export.py": OWN_SITE,
	"tenant_site/entitlement.py": OWN_SITE,
	"tenant_site/limit_measures.py": OWN_SITE,
	"tenant_site/own_domains.py": OWN_SITE,
	"tenant_site/limit_usage.py": "has a second connection to the very database of its site",
	"tenant_site/strict_names.py": "decides which folder a request's site is",
	"tenant_site/swapped_away.py": "wraps the framework's own connection",
	"tenant_site/sync.py": OWN_SITE,
	"tenant_site/sandbox/__init__.py": "judges what the framework's own connection is sent",
	"tenant_site/sandbox/acting.py": "knows for which site a thread works",
	"tenant_site/sandbox/addresses.py": "asks the kernel for this machine's address, by a socket that sends nothing",
	"tenant_site/sandbox/certificates.py": OWN_SITE,
	"tenant_site/sandbox/files.py": OWN_SITE,
	"tenant_site/sandbox/mail_styles.py": OWN_SITE,
	"tenant_site/sandbox/readable.py": OWN_SITE,
	"tenant_site/sandbox/reading.py": "knows the framework's connection when a template reads of it",
	"tenant_site/sandbox/stand_ins.py": "says which attributes of the framework's connection a template may read",
}
# Crossings that no import shows: (room, what is named) with the reason for each.
CALLED_ON_SITES = "runs there in a process or a context of the tenant's site, which has the same app"
IMPORTED_BEFORE = "is imported by a worker before it forks for a job that needs it"
MAY_NAME = {
	**dict.fromkeys(
		(
			("commands", "buildpro_saas.agent.installer"),
			("commands", "buildpro_saas.agent.operations"),
			("commands", "buildpro_saas.licensing.plan_versions"),
			("commands", "buildpro_saas.control_plane.doctype"),
			("commands", "buildpro_saas.tenant_site.doctype"),
			("commands", "buildpro_saas.tenant_site.hidden_records"),
			("commands", "buildpro_saas.tenant_site.prepared_company"),
		),
		IMPORTED_BEFORE,
	),
	("fleet", "buildpro_saas.agent.installer"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.agent.restored_site"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.agent.pending_migration"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.agent.silenced_site"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.tenant_site.own_check"): CALLED_ON_SITES,
	(
		"agent",
		"buildpro_saas.tenant_site.identity",
	): "is asked for over HTTP: the site proves that it is itself",
	("fleet", "buildpro_saas.tenant_site.onboarding"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.tenant_site.operator_call"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.tenant_site.own_facts"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.tenant_site.prepared_company"): CALLED_ON_SITES,
	("fleet", "buildpro_saas.tenant_site.waiting_writes"): CALLED_ON_SITES,
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
		"Batch": "is what the engine works through",
		"Batch Row": "is what the engine works through",
		"Bench": "has the slots and the queue of its jobs",
		"Tenant": "is told what becomes of it in the transaction that begins or ends its job, and locked for that",
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
		"SaaS Settings": "says for how long a statement is valid",
	},
	"fleet": {
		**dict.fromkeys(
			(
				*("Site Image", "Standby Site", "Site Shadow", "Backup", "Backup Store", "Drift Finding"),
				*("Former Name", "Tenant Usage", "Tenant Limit Level", "Site Intake"),
			),
			"is the fleet's own record",
		),
		**dict.fromkeys(
			("Tenant", "Tenant App", "Bench", "Plan", "SaaS Settings"), "says what a site is to be"
		),
		**dict.fromkeys(("Provisioning Job", "Provisioning Job Step"), "is evidence of what made a site"),
		**dict.fromkeys(("Batch", "Batch Row", "Monitoring Alert"), "is pruned as jobs are"),
		**dict.fromkeys(
			("Nexelya Plan Settings", "Limit Level"), "is one of those whose cache is made ahead on a site"
		),
	},
	"api": {
		**dict.fromkeys(("Batch", "Bench", "Plan", "Site Intake", "Tenant"), "is what is asked for"),
		"SaaS Settings": "has the token for Prometheus",
	},
	"domains": {
		**dict.fromkeys(("Site Domain", "Site Certificate", "DNS Provider"), "is the room's own record"),
		**dict.fromkeys(("Tenant", "Bench", "SaaS Settings"), "says which site is reached where"),
		"Former Name": "leads to a tenant's site for a while, and the proxy has to know it",
		"Provisioning Job": "is looked for, so that no name has two at once",
	},
	"commands": dict.fromkeys(
		(
			"Batch",
			"Bench",
			"Plan",
			"Backup",
			"Backup Store",
			"Provisioning Job",
			"SaaS Settings",
			"Site Image",
			"Site Shadow",
			"Tenant",
		),
		"is what is asked for",
	),
	"monitoring": {
		**dict.fromkeys(("Metric Series", "Monitoring Alert"), "is the room's own record"),
		**dict.fromkeys(
			("Tenant", "Bench", "Plan", "Add-on", "Tenant Add-on", "Tenant Limit Level", "Backup"),
			"is what a number is told of",
		),
		**dict.fromkeys(("Site Certificate", "Provisioning Job", "Drift Finding"), "is counted"),
		**dict.fromkeys(
			("Batch", "Batch Row"), "says on whose site a batch is at work, and what was changed last"
		),
		"Plan Version": "is what was changed last on a site",
		"SaaS Settings": "says who is told, and when",
	},
	"agent": {
		"Bench": "is the agent's own class, not the doctype",
		**dict.fromkeys(("Feature Usage", "Limit Level"), "is emptied on a clone's site: its original's use"),
	},
	"tenant_site": {},
	"entitlements": {},
	"feature_gating": {},
	"openfeature_provider": {},
	"testing": {},
	"overrides": {},
	"old_imports": {},
}
# Calls upward: methods and properties of a document's controller, which is the control plane's, by a room below it.
MAY_CALL_DOCUMENTS = {
	("jobs", "can_become"): "a job must not begin or end where its tenant cannot follow",
	("jobs", "set_status"): "the tenant's status changes in the transaction that begins or ends its job",
	("jobs", "record_facts"): "what a job found is recorded in the transaction that ends it",
	("jobs", "site_name"): "the name of the tenant's site follows from subdomain and bench until it is kept",
	(
		"licensing",
		"site_name",
	): "the name of the tenant's site follows from subdomain and bench until it is kept",
	("domains", "domain"): "the base domain of a bench is its own, else that of SaaS Settings",
	("fleet", "set_status"): "a clone whose time is over is suspended as staff would do it",
	("fleet", "site_name"): "the name of the tenant's site follows from subdomain and bench until it is kept",
	(
		"licensing",
		"follow_terms",
	): "a record whose agreed date has come is saved as staff would save it, with its checks and a comment",
}
# Defined by the framework for every document, or called by it.
OF_EVERY_DOCUMENT = {"insert", "db_insert", "load_from_db", "check_if_latest", "update", "onload", "validate"}
CALLED_BY_THE_FRAMEWORK = ("before_", "after_", "on_")
DOCUMENTS = {"tenant", "doc", "plan", "image", "batch", "finding"}  # what variables that hold one are called


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


def what_opens_a_bench(file: Path) -> set[str]:
	"""What a file uses of BEHIND_THE_DOOR and MODULES, and the door of this process's bench."""
	room = file.relative_to(APP).parts[0]
	tree = ast.parse(file.read_text())
	modules = MODULES - NOT_FOR.get(room, set())
	imported = {
		name for name in imported_modules(tree) if any(f"{name}.".startswith(f"{m}.") for m in modules)
	}
	own = {
		"door.here"
		for node in ast.walk(tree)
		if isinstance(node, ast.Attribute) and ast.unparse(node) == "door.here"
	}
	return names_in(file) & BEHIND_THE_DOOR | imported | own


def imported_modules(tree: ast.AST) -> set[str]:
	"""The dotted names of the modules that code imports, inside functions too."""
	found = set()
	for node in ast.walk(tree):
		if isinstance(node, ast.Import):
			found |= {alias.name for alias in node.names}
		elif isinstance(node, ast.ImportFrom) and node.module:
			found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
	return found


def methods_of_documents() -> set[str]:
	"""Methods and properties that controllers of doctypes add to a document."""
	files = [file for file in (APP / "control_plane").rglob("doctype/*/*.py")]
	names = {
		each.name
		for file in files
		for node in ast.parse(file.read_text()).body
		if isinstance(node, ast.ClassDef)
		for each in node.body
		if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
	}
	return {name for name in names - OF_EVERY_DOCUMENT if not name.startswith(CALLED_BY_THE_FRAMEWORK)}


def defined_in(rooms: Iterable[str]) -> set[str]:
	"""Functions, methods and fields of classes that the rooms define themselves."""
	found = set()
	for room in rooms:
		for file in files_of(room):
			for node in ast.walk(ast.parse(file.read_text())):
				if isinstance(node, ast.FunctionDef):
					found.add(node.name)
				elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
					found.add(node.target.id)
	return found


def is_a_document(node: ast.AST) -> bool:
	"""Whether an expression is a document: by its variable's name, or since it is read just there."""
	if isinstance(node, ast.Name):
		return node.id in DOCUMENTS
	return isinstance(node, ast.Call) and ast.unparse(node.func).startswith(
		("frappe.get_doc", "frappe.get_cached_doc", "frappe.get_last_doc")
	)


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


@pytest.mark.parametrize("file", sorted(COMMON))
def test_what_any_room_may_import_imports_nothing_above_it(file):
	assert imported_rooms(APP / f"{file}.py") <= COMMON


def test_every_file_beside_the_rooms_is_held():
	files = {file.stem for file in APP.glob("*.py")} - {"__init__"}
	assert files == (set(MAY_IMPORT) | COMMON | KNOW_ALL) & files
	# importing the app registers the guide's import path, and nothing more
	assert imported_rooms(APP / "__init__.py") == {"old_imports"}


def told_rooms() -> dict[str, set[str] | None]:
	"""{room: the rooms that it may import} as docs/architecture.md has it; None for any."""
	found: dict[str, set[str] | None] = {}
	for left, right in table_after("| room | may import |"):
		known = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", right)))
		rooms = None if right == "any" else set() if right == "nothing of ours" else known
		found |= dict.fromkeys(re.findall(r"`(\w+)", left), rooms)
	return found


def table_after(header: str) -> list[list[str]]:
	"""The rows of the table of docs/architecture.md with that header, each as its cells."""
	page = (APP.parent / "docs/architecture.md").read_text()
	rows = page[page.index(header) :].split("\n\n")[0].splitlines()[2:]
	return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_page_tells_who_may_import_whom():
	assert told_rooms() == {**MAY_IMPORT, **dict.fromkeys(KNOW_ALL)}


def test_the_page_tells_what_any_room_may_import():
	assert {re.findall(r"`(\w+)", row[0])[0] for row in table_after("| file | what it has |")} == COMMON


def test_whoever_may_import_a_room_does():
	unused = {
		room: allowed - {each for file in files_of(room) for each in imported_rooms(file)}
		for room, allowed in MAY_IMPORT.items()
	}
	assert not {room: rooms for room, rooms in unused.items() if rooms}


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


@pytest.mark.parametrize("room", [*outside_the_agent(), "patches"])
def test_nobody_else_opens_a_bench(room):
	found = {str(file.relative_to(APP)): what_opens_a_bench(file) for file in files_of(room)}
	assert not {file: names for file, names in found.items() if names and file not in MAY_OPEN}


def test_each_file_that_may_open_something_does():
	assert not [file for file in MAY_OPEN if not what_opens_a_bench(APP / file)]


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


def test_a_room_uses_the_doctypes_that_are_listed_with_a_reason_and_no_others():
	defined, used = doctypes(), {room: set() for room in MAY_USE_DOCTYPES}
	for room in MAY_USE_DOCTYPES:
		for file in files_of(room):
			used[room] |= {text for text in texts_in(file) if defined.get(text, room) != room}
	assert used == {room: set(reasons) for room, reasons in MAY_USE_DOCTYPES.items()}


def test_calls_upward_through_a_document_are_listed_with_a_reason():
	"""A name that a lower room has, too, counts where it is asked of what is a document for sure."""
	below = ("jobs", "licensing", "domains", "fleet", "monitoring", "agent")
	methods, own = methods_of_documents(), defined_in(below)
	called = {
		(room, node.attr)
		for room in below
		for file in files_of(room)
		for node in ast.walk(ast.parse(file.read_text()))
		if isinstance(node, ast.Attribute) and node.attr in methods
		if node.attr not in own or is_a_document(node.value)
	}
	assert called == set(MAY_CALL_DOCUMENTS)


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
