"""The doctypes' JSON files keep the house's promises: every field explained, hidden on tenant sites, types in step."""

import json
import re
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "buildpro_saas" / "control_plane"
FILES = sorted(MODULE.glob("doctype/*/*.json"))
LAYOUT = {"Section Break", "Column Break", "Tab Break", "HTML"}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def doctype(request) -> dict:
	return json.loads(request.param.read_text())


def test_every_field_is_explained(doctype):
	unexplained = [
		f["fieldname"] for f in doctype["fields"] if f["fieldtype"] not in LAYOUT and not f.get("description")
	]
	assert unexplained == []


def test_is_hidden_where_the_control_plane_does_not_run(doctype):
	assert doctype["restrict_to_domain"] == "BuildPro Admin Site"


def test_changes_are_tracked_and_names_stay(doctype):
	assert doctype.get("istable") or doctype["track_changes"] == 1
	assert doctype["allow_rename"] == 0


def test_support_may_read_and_nothing_else(doctype):
	if doctype.get("istable"):
		return
	support = [rule for rule in doctype["permissions"] if rule["role"] == "SaaS Support"]
	assert [rule["read"] for rule in support] == [1]
	assert not {"write", "create", "delete", "submit", "cancel", "share"} & {
		key for key in support[0] if support[0][key]
	}
	assert {rule["role"] for rule in doctype["permissions"]} == {"SaaS Manager", "SaaS Support"}


def test_types_block_has_the_fields(doctype):
	slug = doctype["name"].lower().replace(" ", "_").replace("-", "_")
	code = (MODULE / "doctype" / slug / f"{slug}.py").read_text()
	block = re.search(r"# begin: auto-generated types(.*?)# end: auto-generated types", code, re.S).group(1)
	typed = dict(re.findall(r"^\t\t(\w+): (DF\..*(?:\n\t\t\t.*|\n\t\t\])*)", block, re.M))
	for name in ("parent", "parentfield", "parenttype"):
		assert bool(typed.pop(name, None)) == bool(doctype.get("istable"))
	wanted = {f["fieldname"]: f for f in doctype["fields"] if f["fieldtype"] not in LAYOUT}
	assert typed.keys() == wanted.keys()
	for name, field in wanted.items():
		assert typed[name].startswith(
			"DF." + TYPE_NAMES.get(field["fieldtype"], field["fieldtype"].replace(" ", ""))
		), name
		if field["fieldtype"] == "Select":
			assert re.findall(r'"([^"]*)"', typed[name]) == field["options"].split("\n")


TYPE_NAMES = {"Select": "Literal"}


def test_there_are_doctypes_to_look_at():
	assert {path.stem for path in FILES} >= {
		"feature",
		"plan",
		"bench",
		"tenant",
		"provisioning_job",
		"saas_settings",
	}
