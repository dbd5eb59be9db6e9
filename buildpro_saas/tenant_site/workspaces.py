"""Desk's workspaces, without those that this site's plan lacks, and without links to what it lacks. Overrides two methods of Frappe."""

import json
import reprlib
from collections.abc import Mapping

import frappe
from frappe import _
from frappe.desk import desktop

from buildpro_saas import given
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_site import gates

# What a link or shortcut may lead to, beside doctypes, that a feature may gate.
LINKED = ("Report", "Page")


@frappe.whitelist()
def get_workspace_sidebar_items() -> dict:
	"""Frappe's answer, {"pages": …}, without the workspaces that the plan lacks."""
	answer = desktop.get_workspace_sidebar_items()
	answer["pages"] = without_gated(answer["pages"])
	return answer


@frappe.whitelist()
def get_desktop_page(page: str = "") -> dict:
	"""Frappe's answer, without links to what the plan lacks. Raises FeatureNotAvailableError for a workspace that it lacks."""
	asked = _workspace(page)
	gates.require_name("Workspace", asked["name"])
	answer = desktop.get_desktop_page(json.dumps(asked))
	is_out = _judge()
	for part in ("shortcuts", "cards", "quick_lists"):
		items = (answer.get(part) or {}).get("items") or []
		items[:] = [item for item in items if not is_out(item)]
		for item in items:
			if links := item.get("links"):
				links[:] = [link for link in links if not is_out(link)]
	return answer


def _workspace(page: object) -> Mapping:
	"""The row of a workspace, with its name, that Desk sends as JSON. Raises frappe.ValidationError for anything else."""
	try:
		asked = json.loads(page)
	except (TypeError, ValueError, RecursionError):  # no text, no JSON, or nested too deep
		asked = None
	if not isinstance(asked, Mapping) or not isinstance(asked.get("name"), str):
		refuse(_("Say which page as a workspace of Desk with its name; it is {0}."), reprlib.repr(page))
	given.check_whole(asked["name"], "name")
	return asked


def without_gated(pages: list[dict]) -> list[dict]:
	"""The workspaces (rows with a name) that the plan has."""
	denied = gates.denied_names("Workspace")
	return [page for page in pages if not page or page.get("name") not in denied]


def take_out_of_boot(bootinfo: dict) -> None:
	"""Take workspaces and links that the plan lacks out of what Desk starts with.

	Up to version 15, `bootinfo` has lists of workspaces. In 16 it has a dict with `pages`, and sidebars.
	"""
	for key in ("allowed_workspaces", "workspaces", "sidebar_pages"):
		found = bootinfo.get(key)
		if isinstance(found, list):
			bootinfo[key] = without_gated(found)
		elif isinstance(found, dict) and isinstance(found.get("pages"), list):
			found["pages"] = without_gated(found["pages"])
	is_out, denied = _judge(), gates.denied_names("Workspace")
	for sidebar in (bootinfo.get("workspace_sidebar_item") or {}).values():
		sidebar["items"] = [
			item
			for item in sidebar.get("items") or ()
			if not is_out(item)
			and not (item.get("link_type") == "Workspace" and item.get("link_to") in denied)
		]


def _judge():
	"""A function that tells whether a link or shortcut leads to something that the plan lacks."""
	denied = {kind: gates.denied_names(kind) for kind in LINKED}

	def is_out(item: dict) -> bool:
		kind = item.get("link_type") or item.get("type") or ("DocType" if item.get("document_type") else None)
		name = item.get("link_to") or item.get("document_type")
		if kind == "DocType":
			return gates.is_hidden(name)
		return name in denied.get(kind, ())

	return is_out
