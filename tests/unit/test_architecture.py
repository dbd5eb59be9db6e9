"""docs/architecture.md tells a newcomer what each file is for: it names all that there are, and none that is gone.

The lines of all pages are short enough for a terminal.
"""

import re
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
APP = REPO / "buildpro_saas"
ROOMS = (
	"control_plane",
	"api",
	"commands",
	"monitoring",
	"fleet",
	"domains",
	"licensing",
	"domains",
	"jobs",
	"agent",
	"entitlements",
	"tenant_site",
)


def told(room: str) -> set[str]:
	"""The files and folders that the page names for the room, as it writes them."""
	page = (REPO / "docs/architecture.md").read_text()
	sections = re.split(r"^#{2,3} ", page[page.index("## Where a thing is") :], flags=re.MULTILINE)
	(section,) = (section for section in sections if section.startswith(f"`{room}/`"))
	rows = (line for line in section.splitlines() if line.startswith("| `"))
	return {name for row in rows for name in re.findall(r"`([\w/]+(?:\.py|/))`", row.split(" | ")[0])}


def files_of(room: str) -> set[str]:
	"""The files of the room that hold code; rows of tables have nothing to tell beside their doctype."""
	found = {
		file for file in (APP / room).rglob("*.py") if file.read_text().strip() and file.name != "__init__.py"
	}
	return {str(file.relative_to(APP / room)) for file in found if not is_row(file)}


def is_row(file: Path) -> bool:
	return (
		'"istable": 1' in file.with_suffix(".json").read_text()
		if file.with_suffix(".json").exists()
		else False
	)


def is_told(file: str, names: set[str]) -> bool:
	"""A table of a folder within a room names its files without the folder."""
	return any(file == name or file.endswith(f"/{name}") or file.startswith(name) for name in names)


@pytest.mark.parametrize("room", ROOMS)
def test_each_file_of_a_room_is_told(room):
	assert sorted(file for file in files_of(room) if not is_told(file, told(room))) == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_is_told_that_is_gone(room):
	assert sorted(name for name in told(room) if not any((APP / room).rglob(name.rstrip("/")))) == []


PAGES = (
	*sorted((REPO / "docs").glob("*.md")),
	*(REPO / name for name in ("README.md", "dev/README.md", "benchmarks/README.md", "CHANGELOG.md")),
)
LONGEST = 119  # characters
# What `make benchmark` writes into docs/benchmarks.md.
GENERATED = re.compile(r"<!-- .+: begin -->.*?<!-- .+: end -->", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_lines_are_short(page):
	"""Rows of tables and what a program writes may be longer."""
	text = GENERATED.sub(lambda found: "\n" * found[0].count("\n"), page.read_text())
	lines = enumerate(text.splitlines(), start=1)
	assert not [f"{page.name}:{number}" for number, line in lines if len(line) > LONGEST and line[0] != "|"]
