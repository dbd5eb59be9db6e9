"""Desk's workspaces, without those that this site's plan lacks, and without links to what it lacks. Overrides two methods of Frappe's."""

import json

import frappe
from frappe.desk import desktop

from buildpro_saas.tenant_site import gates

# What links and shortcuts of a workspace may lead to, beside doctypes, that a feature may gate.
LINKED = ("Report", "Page")


@frappe.whitelist()
def get_workspace_sidebar_items() -> dict:
	"""Frappe's answer, {"pages": …}, without the workspaces that the plan lacks."""
	answer = desktop.get_workspace_sidebar_items()
	answer["pages"] = without_gated(answer["pages"])
	return answer


@frappe.whitelist()
def get_desktop_page(page: str) -> dict:
	"""Frappe's answer, without links to what the plan lacks. Raises FeatureNotAvailableError for a workspace that it lacks."""
	gates.require_name("Workspace", json.loads(page).get("name"))
	answer = desktop.get_desktop_page(page)
	is_out = _judge()
	for part in ("shortcuts", "cards", "quick_lists"):
		items = (answer.get(part) or {}).get("items") or []
		items[:] = [item for item in items if not is_out(item)]
		for item in items:
			if links := item.get("links"):
				links[:] = [link for link in links if not is_out(link)]
	return answer


def without_gated(pages: list[dict]) -> list[dict]:
	"""The workspaces, rows with a name, that the plan has."""
	denied = gates.denied_names("Workspace")
	return [page for page in pages if not page or page.get("name") not in denied]


def take_out_of_boot(bootinfo: dict) -> None:
	"""Take them out of what Desk is started with. Up to version 15 that has lists of workspaces; in 16, a dict with `pages`, and sidebars."""
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
