"""Keeps the doctypes that apps ship as they are: a tenant's users cannot turn one into something else.

Frappe saves an app's DocType on any site once `custom` is ticked in it. It takes `istable` and the like from a Property Setter, too.
So a user could turn a gated doctype into a table of a doctype of his own, or take its app's code away, and the gate would be gone.
A field that is virtual, of another kind, or fetched after validation holds another value for limits than the database does.
Customize Form, Custom Fields, permissions and doctypes of his own stay free.
"""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NoReturn

import frappe
from frappe import _, scrub
from frappe.custom.doctype.customize_form.customize_form import (
	CustomizeForm,
	docfield_properties,
	doctype_properties,
)
from frappe.model import table_fields

from buildpro_saas import site_role
from buildpro_saas.tenant_site import declared_limits, maintenance

# Properties of the DocType itself that Customize Form sets. It has `istable`, too, but does not set it.
CUSTOMIZABLE = (doctype_properties.keys() - {"istable"}) | {
	*("field_order", "links_order", "actions_order", "states_order"),
}
# The same of a field. A field that became virtual would not be written any more.
CUSTOMIZABLE_IN_FIELD = docfield_properties.keys() - {"is_virtual"}


def refuse_change(doc, method: str | None = None, *args) -> None:
	"""Hook `doc_events` of DocType, DocField, Property Setter and Module Def: raise frappe.PermissionError where a user of a tenant's site
	changes, renames or deletes what an app ships.
	"""
	if site_role.is_tenant_site() and maintenance.is_by_user() and (name := _CHANGED[doc.doctype](doc)):
		_refuse(name)


def is_of_app(doctype: str | None) -> bool:
	"""Whether an app of this site ships the doctype, whatever its own row says."""
	if not doctype:
		return False
	# the database compares names as it likes: without regard to case, for instance
	found = frappe.db.get_value("DocType", doctype, ["name", "custom"])
	return bool(found and not found[1]) or _is_shipped(found[0] if found else doctype)


def _is_shipped(doctype: str) -> bool:
	file = scrub(doctype)
	if not file.isidentifier():
		return False
	return any(
		json.loads(path.read_text()).get("name", "").casefold() == doctype.casefold()
		for folder in _module_folders()
		if (path := folder / "doctype" / file / f"{file}.json").is_file()
	)


def _module_folders() -> Iterator[Path]:
	for app in frappe.get_installed_apps(_ensure_on_bench=True):
		for module in frappe.get_module_list(app):
			yield Path(frappe.get_app_path(app, scrub(module)))


def _of_doctype(doc) -> str | None:
	# a doctype of the user's own has `custom` ticked, and no app ships it
	return doc.name if is_of_app(doc.name) or not doc.custom else None


def _of_field(doc) -> str | None:
	"""The app's doctype that the field belongs to: by what the client says, or by what the database has."""
	stored = None if doc.is_new() else frappe.db.get_value(doc.doctype, doc.name, ["parent", "parenttype"])
	owners = [(doc.get("parent"), doc.get("parenttype")), *([stored] if stored else [])]
	return next((parent for parent, kind in owners if kind == "DocType" and is_of_app(parent)), None)


def _of_setter(doc) -> str | None:
	if doc.doctype_or_field == "DocType":
		is_ordinary = doc.property in CUSTOMIZABLE
	else:
		is_ordinary = doc.doctype_or_field != "DocField" or _is_ordinary_in_field(doc)
	return doc.doc_type if not is_ordinary and is_of_app(doc.doc_type) else None


def _is_ordinary_in_field(doc) -> bool:
	"""Whether the field stays what gates and limits take it for. A Custom Field is the user's own."""
	fieldtype = frappe.db.get_value(
		"DocField", {"parent": doc.doc_type, "fieldname": doc.field_name}, "fieldtype"
	)
	if not fieldtype:
		return True
	if doc.property == "fieldtype":
		return fieldtype == doc.value or CustomizeForm.allow_fieldtype_change(fieldtype, doc.value)
	if doc.property == "options":
		return fieldtype not in table_fields
	if doc.property == "fetch_from":  # Frappe fetches after validation, at which limits look
		return (doc.field_name or "").casefold() not in _limited_by(doc.doc_type)
	return doc.property in CUSTOMIZABLE_IN_FIELD


def _limited_by(doctype: str) -> set[str]:
	"""The fields by which limits tell which documents of the doctype count."""
	return {
		condition[1].casefold()
		for limit in declared_limits.declared().values()
		if (limit.doctype or "").casefold() == (doctype or "").casefold()
		for condition in limit.filters or ()
	} | ({"is_folder"} if (doctype or "").casefold() == "file" else set())


def _of_module(doc) -> str | None:
	shipped = {
		module
		for app in frappe.get_installed_apps(_ensure_on_bench=True)
		for module in frappe.get_module_list(app)
	}
	return doc.name if doc.name in shipped or doc.module_name in shipped else None


_CHANGED = {
	"DocType": _of_doctype,
	"DocField": _of_field,
	"Property Setter": _of_setter,
	"Module Def": _of_module,
}


def _refuse(name: str) -> NoReturn:
	frappe.throw(
		_(
			"{0} is part of an app: what it is cannot be changed on this site. Change its form in Customize Form, or make a DocType of"
			" your own."
		).format(escape(str(name), quote=False)),
		frappe.PermissionError,
		title=_("Not available here"),
	)
