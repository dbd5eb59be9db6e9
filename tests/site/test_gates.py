"""What a plan lacks is refused on a tenant's site, on every way that leads to a record."""

import json
import time

import pytest

# Frappe's own doctypes, which every site has: Note for what is gated, ToDo for what is not.
CATALOGUE = {
	"features": {
		"notes": {
			"label": "Notes <b>&amp; more</b>",
			"plan": "Enterprise",
			"gates": [
				{"kind": "DocType", "name": "Note", "operations": ["create", "write", "delete"]},
				{"kind": "Report", "name": "Permitted Documents For User"},
				{"kind": "Page", "name": "backups"},
				{"kind": "Workspace", "name": "Users"},
				{"kind": "Method", "name": "frappe.client.get_password"},
			],
		},
		"events": {
			"label": "Events",
			"plan": "Enterprise",
			"gates": [{"kind": "DocType", "name": "Event", "operations": []}],
			"hides": True,
		},
		"orders": {
			"label": "Orders",
			"plan": "Enterprise",
			"gates": [{"kind": "DocType", "name": "Data Export", "operations": ["submit"]}],
		},
		"rfi": {"label": "RFI", "plan": "Growth"},
	},
	"limits": {},
}
ALL = ["notes", "events", "orders", "rfi"]


@pytest.fixture
def tenant(site):
	"""The site in the role of a tenant's, whose plan has RFI only; a note and an event are there from better days."""
	frappe = site.frappe
	site.note = frappe.get_doc({"doctype": "Note", "title": frappe.generate_hash()}).insert()
	site.event = event(frappe).insert()
	site.catalogue = CATALOGUE
	frappe.conf.buildpro_role = "tenant"
	site.apply(features=["rfi"])
	yield site
	frappe.set_user("Administrator")
	frappe.conf.buildpro_role = "admin"
	frappe.db.rollback()
	site.take_entitlement_off()
	from buildpro_saas.tenant_site import caches

	caches.forget()
	frappe.clear_cache()


def event(frappe):
	return frappe.get_doc(
		{"doctype": "Event", "subject": frappe.generate_hash(), "starts_on": frappe.utils.now()}
	)


def note(frappe, **values):
	return frappe.get_doc({"doctype": "Note", "title": frappe.generate_hash(), **values})


def denied(site):
	return pytest.raises(site.gating.FeatureNotAvailableError)


def test_create_write_and_delete_are_refused_and_reading_is_not(tenant):
	frappe, name = tenant.frappe, tenant.note.name
	with denied(tenant) as error:
		note(frappe).insert()
	assert error.value.http_status_code == 403
	assert error.value.decision.reason.value == "NOT_IN_PLAN"
	assert "&lt;b&gt;" in str(error.value) and "<b>" not in str(error.value)
	with denied(tenant):
		frappe.get_doc("Note", name).update({"content": "x"}).save()
	with denied(tenant):
		frappe.delete_doc("Note", name)
	with denied(tenant):
		frappe.rename_doc("Note", name, f"{name}2", force=True)
	assert frappe.db.get_value("Note", name, "content") != "x"
	assert name in frappe.get_list("Note", pluck="name", limit=0)


def test_nothing_is_refused_where_the_plan_has_it_or_no_gate_is(tenant):
	frappe = tenant.frappe
	frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	tenant.apply(features=ALL)
	made = note(frappe).insert()
	made.update({"content": "x"}).save()
	frappe.delete_doc("Note", made.name)


@pytest.mark.parametrize("role", ["admin", None])
def test_only_tenants_sites_are_gated(tenant, role):
	tenant.frappe.conf.buildpro_role = role
	note(tenant.frappe).insert()
	assert tenant.gating.has_feature("notes")


@pytest.mark.parametrize("flag", ["in_install", "in_migrate", "in_patch", "in_fixtures", "in_uninstall"])
def test_maintenance_is_not_gated(tenant, flag, monkeypatch):
	monkeypatch.setitem(tenant.frappe.flags, flag, True)
	note(tenant.frappe).insert()


@pytest.mark.parametrize("flag", ["in_install", "in_migrate", "in_patch", "in_fixtures", "in_uninstall"])
def test_no_flag_helps_in_a_web_request_a_users_job_or_a_script(tenant, flag, monkeypatch):
	from buildpro_saas.tenant_site import maintenance, restriction

	frappe = tenant.frappe
	monkeypatch.setitem(frappe.flags, flag, True)
	monkeypatch.setitem(frappe.flags, "in_safe_exec", True)
	with denied(tenant):
		note(frappe).insert()
	monkeypatch.setitem(frappe.flags, "in_safe_exec", False)
	with monkeypatch.context() as request:
		request.setattr(frappe.local, "request", frappe._dict(method="POST"), raising=False)
		with denied(tenant):
			note(frappe).insert()
	restriction.on_job("erpnext.tally_migration")  # which sets in_migrate
	try:
		with denied(tenant):
			note(frappe).insert()
	finally:
		frappe.flags.pop(maintenance.IN_JOB)


@pytest.mark.parametrize(
	"flag", ["in_import", "in_test", "in_setup_wizard", "ignore_permissions", "in_insert"]
)
def test_no_other_flag_helps(tenant, flag, monkeypatch):
	frappe = tenant.frappe
	monkeypatch.setitem(frappe.flags, flag, True)
	with denied(tenant):
		note(frappe).insert(ignore_permissions=True)
	with denied(tenant):
		frappe.get_doc("Note", tenant.note.name).save()


def test_what_a_client_sends_along_does_not_help(tenant):
	frappe = tenant.frappe
	sent = {
		"doctype": "Note",
		"name": tenant.note.name,
		"title": tenant.note.title,
		"content": "x",
		"flags": {"in_insert": True, "ignore_validate": True, "in_patch": True},
		"_action": "cancel",
		"parenttype": "ToDo",
	}
	with denied(tenant):
		frappe.get_doc({**sent, "modified": str(tenant.note.modified)}).save()
	with denied(tenant):
		frappe.get_doc({**sent, "__islocal": 1}).save()


@pytest.mark.parametrize("sent", [{}, {"parenttype": "ToDo"}, {"parenttype": None}])
def test_a_row_written_by_itself_is_its_records(tenant, sent):
	frappe = tenant.frappe
	tenant.apply(features=ALL)
	record = note(frappe, seen_by=[{"user": "Administrator"}]).insert()
	row = frappe.get_doc("Note Seen By", record.seen_by[0].name)
	tenant.apply(features=["rfi"])
	with denied(tenant):
		row.update({"user": "Guest", **sent}).save()
	with denied(tenant):
		frappe.get_doc({"doctype": "Note Seen By", "parenttype": "Note", "parent": record.name}).insert()


def test_a_data_import_makes_nothing(tenant):
	frappe = tenant.frappe
	from frappe.core.doctype.data_import.importer import Importer

	title = frappe.generate_hash()
	row = frappe.get_doc(
		{"doctype": "Data Import", "reference_doctype": "Note", "import_type": "Insert New Records"}
	).insert()
	file = frappe.get_doc(
		{"doctype": "File", "file_name": "n.csv", "content": f"Title\n{title}\n", "is_private": 1}
	).insert()
	row.db_set("import_file", file.file_url)
	Importer("Note", data_import=frappe.get_doc("Data Import", row.name), console=False).import_data()
	assert not frappe.db.exists("Note", {"title": title})
	log = frappe.get_all("Data Import Log", {"data_import": row.name}, ["success", "messages", "exception"])
	assert [each.success for each in log] == [0] and "Notes" in json.dumps(log)


def test_bulk_edit_and_bulk_delete_change_nothing(tenant):
	from frappe.desk.doctype.bulk_update.bulk_update import submit_cancel_or_update_docs
	from frappe.desk.reportview import delete_bulk

	frappe, name = tenant.frappe, tenant.note.name
	failed = submit_cancel_or_update_docs("Note", json.dumps([name]), "update", {"content": "bulk"})
	assert failed == [name]
	delete_bulk("Note", [name])
	assert frappe.db.get_value("Note", name, "content") != "bulk"


def test_a_job_of_a_users_is_refused(tenant, monkeypatch):
	from frappe.utils import background_jobs

	frappe = tenant.frappe
	monkeypatch.setattr(frappe, "log_error", lambda *args, **kwargs: None)
	with denied(tenant):
		background_jobs.execute_job(
			frappe.local.site,
			"frappe.client.insert",
			None,
			"test",
			{"doc": {"doctype": "Note", "title": "x"}},
			is_async=False,
		)


def test_administrator_and_code_that_ignores_permissions_are_gated_like_everyone(tenant):
	assert tenant.frappe.session.user == "Administrator"
	with denied(tenant):
		note(tenant.frappe).insert(ignore_permissions=True)


def test_the_entitlement_gone_the_gates_stay(tenant):
	"""A file that does not count any more closes what it declares."""
	tenant.frappe.conf.buildpro_sequence = int(time.time()) + 10**6
	tenant.entitlement.forget_in_request()
	with denied(tenant) as error:
		note(tenant.frappe).insert()
	assert error.value.decision.reason.value == "REPLAYED"
	tenant.frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert()  # not read-only for that


def test_shadow_refuses_nothing_and_is_counted(tenant, monkeypatch):
	from buildpro_saas.tenant_site import usage

	counted = []
	monkeypatch.setattr(usage, "count", lambda feature, outcome: counted.append((feature, outcome)))
	tenant.apply(features=["rfi"], shadow=["notes"])
	note(tenant.frappe).insert()
	tenant.apply(features=ALL)
	note(tenant.frappe).insert()
	tenant.apply(features=["rfi"])
	with denied(tenant):
		note(tenant.frappe).insert()
	assert counted == [("notes", "SHADOW"), ("notes", "ALLOWED"), ("notes", "DENIED")]


# -- out of sight ------------------------------------------------------------------------------------------------


def user(frappe):
	made = frappe.get_doc(
		{
			"doctype": "User",
			"email": f"{frappe.generate_hash(length=8)}@acme.example",
			"first_name": "Una",
			"send_welcome_email": 0,
			"roles": [{"role": "System Manager"}],
		}
	)
	made.flags.no_welcome_mail = True
	return made.insert().name


def test_a_hidden_doctype_is_empty_rather_than_broken(tenant):
	frappe, name = tenant.frappe, tenant.event.name
	from frappe.desk.search import search_link

	assert frappe.get_list("Event", {"name": name}) == []
	frappe.set_user(user(frappe))
	search_link("Event", "")
	assert not frappe.response.get("results")
	assert frappe.get_list("Event") == [] and not frappe.has_permission("Event", "read", name)
	frappe.set_user("Administrator")
	tenant.apply(features=ALL)
	assert frappe.get_list("Event", {"name": name}) and frappe.has_permission("Event", "read", name)


def test_one_hook_hides_all_doctypes(tenant):
	from buildpro_saas.tenant_site import hidden_records

	for hook in ("has_permission", "permission_query_conditions"):
		found = tenant.frappe.get_hooks(hook)
		ours = {
			key
			for key, names in found.items()
			if any(name.startswith(hidden_records.__name__) for name in names)
		}
		assert ours == {"*"}


def test_the_search_of_desk_does_not_find_what_is_hidden(tenant):
	from frappe.handler import execute_cmd
	from frappe.utils import global_search, set_request

	frappe, name = tenant.frappe, tenant.event.name
	settings = frappe.get_single("Global Search Settings")
	settings.append("allowed_in_global_search", {"document_type": "Event"})
	settings.save()
	frappe.cache.hdel("global_search", "search_priorities")
	word = frappe.generate_hash()

	def take_out():
		# no transaction takes them back, of an earlier document of that name neither
		frappe.db.sql("DELETE FROM __global_search WHERE name LIKE %s", f"{name}%")

	take_out()
	# MariaDB's ranking takes what is in half of all rows for noise
	entries = [(name, word), *((f"{name}-{number}", frappe.generate_hash()) for number in range(4))]
	global_search.insert_values_for_multiple_docs(
		[
			{
				column: frappe.db.escape(value)
				for column, value in {
					**{"doctype": "Event", "name": found, "content": content, "title": content},
					**{"published": "0", "route": ""},
				}.items()
			}
			for found, content in entries
		]
	)
	frappe.set_user(user(frappe))
	set_request(method="GET", path="/")
	frappe.local.form_dict = frappe._dict(text=word)
	try:
		assert execute_cmd("frappe.utils.global_search.search") == []
		tenant.apply(features=ALL)
		assert [row.name for row in execute_cmd("frappe.utils.global_search.search")] == [name]
	finally:
		del frappe.local.request
		frappe.cache.hdel("global_search", "search_priorities")
		take_out()


@pytest.mark.parametrize("method", ["search_link", "search_widget"])
def test_no_option_of_a_link_fields_search_finds_what_is_hidden(tenant, method):
	from frappe.handler import execute_cmd
	from frappe.utils import set_request

	frappe, name = tenant.frappe, tenant.event.name
	frappe.set_user(user(frappe))
	set_request(method="GET", path="/")
	asked = frappe._dict(doctype="Event", txt=name, ignore_user_permissions=1, page_length=1000)

	def found() -> str:
		frappe.local.response = frappe._dict(docs=[])
		frappe.local.form_dict = asked.copy()
		answer = execute_cmd(f"frappe.desk.search.{method}")
		return frappe.as_json([answer, frappe.local.response])

	try:
		assert name not in found()
		tenant.apply(features=ALL)
		assert name in found()
	finally:
		del frappe.local.request


def test_what_is_not_hidden_stays_visible(tenant):
	frappe = tenant.frappe
	assert frappe.get_list("Note", {"name": tenant.note.name})
	assert frappe.has_permission("Note", "read", tenant.note.name)


# -- reports, pages, workspaces ----------------------------------------------------------------------------------


def test_a_report_is_refused_on_every_way(tenant):
	from frappe.desk import query_report

	frappe, name = tenant.frappe, "Permitted Documents For User"
	filters = {"user": "Administrator", "doctype": "ToDo"}
	report = frappe.get_doc("Report", name)
	ways = [
		lambda: query_report.run(name, filters),
		lambda: query_report.get_script(name),
		lambda: query_report.generate_report_result(report, filters),
		lambda: report.get_data(filters=filters),
	]
	for way in ways:
		with denied(tenant):
			way()
	tenant.apply(features=ALL)
	assert "result" in query_report.run(name, filters)


def test_a_page_and_a_workspace_are_refused(tenant):
	from frappe.desk.desk_page import get

	from buildpro_saas.tenant_site import workspaces

	with denied(tenant):
		get("backups")
	with denied(tenant):
		workspaces.get_desktop_page(json.dumps({"name": "Users", "title": "Users"}))
	names = {page["name"] for page in workspaces.get_workspace_sidebar_items()["pages"]}
	tenant.apply(features=ALL)
	assert get("backups").name == "backups"
	all_names = {page["name"] for page in workspaces.get_workspace_sidebar_items()["pages"]}
	assert all_names - names == {"Users"}


# -- declared by apps --------------------------------------------------------------------------------------------


def test_an_app_declares_gates_of_its_own(tenant, monkeypatch):
	frappe = tenant.frappe
	declared = {"notes": [{"kind": "DocType", "name": "ToDo", "operations": ["create"]}]}
	monkeypatch.setattr("frappe.hooks.buildpro_feature_gates", declared, raising=False)
	tenant.entitlement.forget_in_request()
	with denied(tenant):
		frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert()


def test_what_an_app_declares_opens_nothing(tenant, monkeypatch):
	declared = {"rfi": [{"kind": "DocType", "name": "Note"}]}
	monkeypatch.setattr("frappe.hooks.buildpro_feature_gates", declared, raising=False)
	tenant.entitlement.forget_in_request()
	with denied(tenant):
		note(tenant.frappe).insert()


@pytest.mark.parametrize(
	"gate, word",
	[
		({"kind": "Table", "name": "x"}, "kind"),
		({"kind": "Page"}, "name"),
		({"kind": "DocType", "name": "x", "operations": ["read"]}, "read"),
	],
)
def test_a_wrong_declaration_is_one_sentence(tenant, gate, word):
	from buildpro_saas.tenant_site import gates

	with pytest.raises(ValueError, match=word):
		gates.compile_gates({}, {"rfi": [gate]})


# -- for code and templates --------------------------------------------------------------------------------------


def test_the_decorator_refuses_and_keeps_what_frappe_reads(tenant):
	import inspect

	frappe = tenant.frappe

	@frappe.whitelist(methods=["POST"])
	@tenant.gating.feature_required("notes")
	def remind(rfi: str, days: int = 3) -> str:
		"""Doc."""
		return f"{rfi} {days}"

	assert list(inspect.signature(remind).parameters) == ["rfi", "days"] and remind.__doc__ == "Doc."
	with denied(tenant):
		remind("a")
	tenant.apply(features=ALL)
	assert frappe.call(remind, rfi="a", days=4, cmd="x") == "a 4"
	frappe.whitelisted.remove(remind)


def test_the_decorator_in_the_wrong_place_is_an_error(tenant):
	frappe = tenant.frappe

	@frappe.whitelist()
	def remind():
		return 1

	with pytest.raises(TypeError, match=r"under @frappe\.whitelist"):
		tenant.gating.feature_required("notes")(remind)
	frappe.whitelisted.remove(remind)


def test_templates_and_print_formats_ask(tenant, monkeypatch):
	frappe = tenant.frappe
	monkeypatch.setitem(frappe.flags, "in_test", True)  # Frappe commits its log of a print otherwise
	name = frappe.generate_hash()
	template = "{% if has_feature('notes') %}yes{% else %}no{% endif %} {{ has_feature('rfi') }}"
	frappe.local.jenv = None
	assert frappe.render_template(template, {}) == "no True"
	frappe.get_doc(
		{
			"doctype": "Print Format",
			"name": name,
			"doc_type": "ToDo",
			"print_format_type": "Jinja",
			"custom_format": 1,
			"html": template,
			"standard": "No",
		}
	).insert()
	todo = frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	assert "no True" in frappe.get_print("ToDo", todo.name, print_format=name)
	tenant.apply(features=ALL)
	assert frappe.render_template(template, {}) == "yes True"


# -- Desk --------------------------------------------------------------------------------------------------------


LINKS = (
	*(("Workspace", "Users"), ("Workspace", "Build"), ("Page", "backups")),
	*(("Report", "Permitted Documents For User"), ("DocType", "Event"), ("DocType", "Note")),
)


def test_desk_is_told_what_is_denied(tenant):
	from buildpro_saas.tenant_site import boot

	bootinfo = tenant.frappe._dict(
		user=tenant.frappe._dict(
			can_create=["Note", "ToDo", "Event"],
			can_read=["Note", "Event"],
			all_reports={"Permitted Documents For User": {}},
		),
		page_info={"backups": {}, "x": {}},
		allowed_workspaces=[{"name": "Users"}, {"name": "Build"}],
		sidebar_pages={"pages": [{"name": "Users"}, {"name": "Build"}]},
		workspace_sidebar_item={"core": {"items": [dict(link_type=kind, link_to=to) for kind, to in LINKS]}},
	)
	boot.extend(bootinfo)
	plan = bootinfo.buildpro
	assert plan["allowed"] == ["rfi"] and plan["banner"] is None and plan["contact"] == "support@example.com"
	assert plan["denied"]["notes"]["title"] == "Available in Enterprise"
	assert plan["gates"]["DocType"]["Note"] == dict.fromkeys(("create", "write", "delete"), "notes")
	assert plan["gates"]["Page"] == {"backups": "notes"}
	assert (bootinfo.user.can_create, bootinfo.user.can_read) == (["ToDo"], ["Note"])
	assert not bootinfo.user.all_reports and list(bootinfo.page_info) == ["x"]
	assert [page["name"] for page in bootinfo.allowed_workspaces] == ["Build"]
	assert [page["name"] for page in bootinfo.sidebar_pages["pages"]] == ["Build"]
	assert [item["link_to"] for item in bootinfo.workspace_sidebar_item["core"]["items"]] == ["Build", "Note"]


def test_desk_of_five_hundred_features_stays_small(tenant):
	from buildpro_saas.tenant_site import boot

	names = [f"feature_{number:03}" for number in range(500)]
	features = {
		name: {"label": name.title(), "plan": "Growth", "gates": [{"kind": "DocType", "name": f"D {name}"}]}
		for name in names
	}
	tenant.catalogue = {"features": features, "limits": {}}
	tenant.apply(features=names[10:])
	plan = boot.plan_for_desk(tenant.entitlement.current_decisions())
	assert len(plan["denied"]) == 10 and len(plan["gates"]["DocType"]) == 10
	assert len(json.dumps(plan)) < 16_000


def test_off_tenants_sites_desk_is_left_alone(tenant):
	from buildpro_saas.tenant_site import boot

	tenant.frappe.conf.buildpro_role = "admin"
	bootinfo = tenant.frappe._dict(user=tenant.frappe._dict(can_create=["Note"]))
	boot.extend(bootinfo)
	assert "buildpro" not in bootinfo and bootinfo.user.can_create == ["Note"]
