"""What the plan lacks, asked for by a tenant's System Manager on every way that has a chance: Note is what his plan lacks."""

import json

import pytest
from test_attacks import attack  # noqa: F401

GATED = {
	"features": {
		"daily_log": {"label": "Daily Log", "plan": "Core"},
		"rfi": {
			"label": "RFI",
			"plan": "Growth",
			"gates": [
				{"kind": "DocType", "name": "Note", "operations": ["create", "write", "delete"]},
				{"kind": "Method", "name": "frappe.desk.treeview.get_children"},
			],
		},
	},
	"limits": {"max_users": {"label": "Users"}},
}


@pytest.fixture
def gated(attack, monkeypatch):  # noqa: F811
	"""The attacked site with gates, and a note of better days."""
	import test_attacks

	from buildpro_saas.entitlements import catalogue, layers, statement

	site, frappe = attack.site, attack.frappe
	frappe.set_user("Administrator")
	attack.note = frappe.get_doc({"doctype": "Note", "title": "From better days", "public": 1})
	attack.note.db_insert()
	hard = {"max_users": {"value": 5, "is_hard": True}}
	data = {
		"tenant": "acme",
		"site": frappe.local.site,
		"layers": layers.single_plan("Core", ["daily_log"], hard),
	}
	token = statement.issue(
		frappe.conf.buildpro_signing_key,
		data,
		valid_days=30,
		grace_days=7,
		sequence=site.entitlement.lowest_sequence() + 1,
		catalogue_digest=catalogue.digest(GATED),
	)
	site.in_force.apply_entitlement(token, GATED, "Acme")
	attack.token, attack.files = token, attack.folder()
	frappe.set_user(test_attacks.MALLORY)
	yield attack
	from buildpro_saas.tenant_site import caches

	caches.forget()


def refused(gated):
	return pytest.raises(gated.site.gating.FeatureNotAvailableError)


def test_over_the_api(gated):
	note = {"doctype": "Note", "title": "Sneaked in"}
	with refused(gated):
		gated.call("frappe.client.insert", doc=json.dumps(note))
	with refused(gated):
		gated.call("frappe.client.insert_many", docs=json.dumps([note]))
	with refused(gated):
		gated.call("frappe.client.save", doc=json.dumps({**note, "__islocal": 1}))
	with refused(gated):
		gated.call(
			"frappe.client.set_value",
			doctype="Note",
			name=gated.note.name,
			fieldname="content",
			value="changed",
		)
	with refused(gated):
		gated.call("frappe.client.delete", doctype="Note", name=gated.note.name)
	gated.holds()


def test_from_desk(gated):
	with refused(gated):
		gated.call(
			"frappe.desk.form.save.savedocs",
			doc=json.dumps({"doctype": "Note", "title": "Sneaked in", "__islocal": 1, "name": "new-note-1"}),
			action="Save",
		)
	gated.holds()


BY_SCRIPT = {
	"insert": "frappe.get_doc({'doctype': 'Note', 'title': 'x'}).insert(ignore_permissions=True)",
	"insert, ignoring all": (
		"d = frappe.get_doc({'doctype': 'Note', 'title': 'x'})\n"
		"d.flags.ignore_validate = True\nd.flags.ignore_permissions = True\nd.flags.in_insert = True\n"
		"d.flags.in_migrate = True\nd.insert(ignore_permissions=True, ignore_mandatory=True, ignore_links=True)"
	),
	"save that says it inserts": (
		"d = frappe.get_doc('Note', NOTE)\nd.flags.in_insert = True\nd.content = 'changed'\nd.save(ignore_permissions=True)"
	),
	"save as another action": (
		"d = frappe.get_doc('Note', NOTE)\nd.flags.ignore_validate = True\nd.content = 'changed'\nd.save(ignore_permissions=True)"
	),
	"copy": "frappe.copy_doc(frappe.get_doc('Note', NOTE)).insert(ignore_permissions=True)",
	"delete": "frappe.delete_doc('Note', NOTE, ignore_permissions=True)",
	"the app taken out of the list before": (
		"frappe.db.set_value('DefaultValue', {'defkey': 'installed_apps'}, 'defvalue', '[\"frappe\"]')\n"
		"frappe.get_doc({'doctype': 'Note', 'title': 'x'}).insert()"
	),
	"over HTTP's own function": "frappe.call('frappe.client.insert', doc={'doctype': 'Note', 'title': 'x'})",
}


@pytest.mark.parametrize("code", BY_SCRIPT.values(), ids=BY_SCRIPT)
def test_by_server_script(gated, code):
	with refused(gated):
		gated.script(code.replace("NOTE", repr(gated.note.name)))
	gated.decides()


def test_a_script_on_the_record_that_comes_first(gated):
	"""Scripts run after hooks; what one does to the document comes too late, or to a document of another kind."""
	gated.script(
		"doc.flags.in_insert = True", "DocType Event", reference_doctype="Note", doctype_event="Before Insert"
	)
	gated.script(
		"doc.doctype = 'ToDo'", "DocType Event", reference_doctype="Note", doctype_event="Before Validate"
	)
	with refused(gated):
		gated.frappe.get_doc({"doctype": "Note", "title": "x"}).insert()
	gated.holds()


def test_after_a_new_request_without_the_app_in_the_list(gated):
	frappe = gated.frappe
	gated.script(
		"frappe.db.set_value('DefaultValue', {'defkey': 'installed_apps'}, 'defvalue', '[\"frappe\"]')"
	)
	frappe.clear_cache()
	gated.new_request()
	with refused(gated):
		frappe.get_doc({"doctype": "Note", "title": "x"}).insert()


@pytest.mark.parametrize(
	("method", "parameter"),
	[
		("frappe.desk.treeview.get_children", None),
		("frappe.desk.treeview.get_all_nodes", "tree_method"),
		("frappe.desk.search.search_widget", "query"),
		("frappe.model.mapper.make_mapped_doc", "method"),
	],
)
def test_a_gated_method_under_another_ones_name(gated, method, parameter):
	from frappe.utils import set_request

	from buildpro_saas.tenant_site import methods

	set_request(method="POST", path=f"/api/method/{method}")
	named = {parameter: "frappe.desk.treeview.get_children"} if parameter else {}
	gated.frappe.local.form_dict = gated.frappe._dict(named, doctype="Note", content='{"a.b": 1}')
	with refused(gated):
		methods.refuse_gated()
	gated.frappe.local.form_dict = gated.frappe._dict(doctype="Note")
	set_request(method="POST", path="/api/method/frappe.client.get_list")
	methods.refuse_gated()


def test_packages_are_neither_imported_nor_released(gated):
	"""A Package Import extracts an archive of the user's with `tar`, which follows the links in it."""
	frappe = gated.frappe
	imported = frappe.get_doc({"doctype": "Package Import"}).insert()
	with pytest.raises(frappe.PermissionError, match="Packages cannot be imported"):
		imported.update({"activate": 1}).save()
	with pytest.raises(frappe.PermissionError, match="Packages cannot be imported"):
		imported.import_package()
	package = frappe.get_doc({"doctype": "Package", "name": "x", "package_name": "../x"})
	release = frappe.get_doc({"doctype": "Package Release", "package": package.name})
	for way in (release.export_files, release.export_modules):
		with pytest.raises(frappe.PermissionError, match="Packages cannot be imported"):
			way()
	for way in (release.export_package_files, release.make_tarfile):
		with pytest.raises(frappe.PermissionError, match="Packages cannot be imported"):
			way(package)


# -- what docs/security.md says he cannot be kept from ---------------------------------------------------------------


def test_what_he_cannot_be_kept_from_is_told(gated):
	"""Rows written around the framework's documents, by a Server Script: the page says so, and is wrong once this is not so."""
	made = gated.script(
		"d = frappe.get_doc({'doctype': 'Note', 'title': 'x'})\nd.set_new_name()\nd.db_insert()\n"
		f"frappe.db.set_value('Note', '{gated.note.name}', 'content', 'changed')\nfrappe.response['message'] = d.name"
	)
	assert gated.frappe.db.exists("Note", made)
	assert gated.frappe.db.get_value("Note", gated.note.name, "content") == "changed"
	gated.holds()


def test_a_gated_row_is_not_written_by_a_template(gated):
	"""Jinja needs no Server Scripts: there it was that rows were written around the framework's documents."""
	frappe, name = gated.frappe, gated.note.name
	before = frappe.db.get_value("Note", name, "content")
	for template in (
		"{{ frappe.db.set_value('Note', name, 'content', 'changed') }}",
		"{{ frappe.get_doc('Note', name).db_set('content', 'changed') }}",
		"{{ frappe.get_doc({'doctype': 'Note', 'title': 'x'}).db_insert() }}",
	):
		with pytest.raises(frappe.PermissionError, match="may only read"):
			frappe.render_template(template, {"name": name})
	assert frappe.db.get_value("Note", name, "content") == before
	gated.holds()


@pytest.mark.parametrize("operations", [["write"], ["submit"]])
def test_a_workflow_that_writes_states_into_gated_records(gated, monkeypatch, operations):
	"""As it is saved it sets states, and submits, by SQL."""
	from buildpro_saas.tenant_site import gates

	values = {
		"doctype": "Workflow",
		"workflow_name": "Around the gate",
		"document_type": "Note",
		"workflow_state_field": "title",
		"is_active": 1,
		"states": [{"state": "Pending", "doc_status": "0", "allow_edit": "System Manager"}],
	}
	gate = {"kind": "DocType", "name": "Note", "operations": operations}
	compiled = gates.Gates()
	compiled.add("rfi", gate, hides=False)
	monkeypatch.setattr(gates, "current", lambda: compiled)
	with refused(gated):
		gated.call("frappe.client.insert", doc=json.dumps(values))
	compiled.doctypes.clear()
	assert gated.frappe.get_doc(values).insert(ignore_permissions=True).name
