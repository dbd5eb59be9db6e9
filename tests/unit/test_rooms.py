"""Who may know whom: docs/architecture.md's table, held against the code's imports."""

import ast
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "buildpro_saas"
# what any room may use: the guard, tables of countries and names, and Python packages
COMMON = {"site_role", "region", "company_name", "framework", "snapshot_isolation"}
MAY_IMPORT = {
	"agent": set(),
	"entitlements": set(),
	"provisioning": {"agent", "entitlements"},
	"tenant_site": {"entitlements", "agent"},
	"feature_gating": {"entitlements", "tenant_site"},
	"control_plane": {"provisioning", "entitlements"},
	"api": {"control_plane", "provisioning", "entitlements", "feature_gating"},
	"commands": {"control_plane", "provisioning", "entitlements", "tenant_site"},
	"openfeature_provider": {"entitlements", "tenant_site"},
	"testing": {"entitlements", "tenant_site"},
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


def files_of(room: str) -> list[Path]:
	return [APP / f"{room}.py"] if (APP / f"{room}.py").exists() else sorted((APP / room).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_knows_only_whom_it_may(room):
	allowed = MAY_IMPORT[room] | COMMON | {room}
	strangers = {str(file.relative_to(APP)): imported_rooms(file) - allowed for file in files_of(room)}
	assert files_of(room) and not {file: rooms for file, rooms in strangers.items() if rooms}


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
