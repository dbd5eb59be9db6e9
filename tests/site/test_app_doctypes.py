"""What an app ships of doctypes stays what it is on a tenant's site, and gates and limits reach the rows of tables."""

import json

import pytest

GATES = {
	"features": {
		"teams": {
			"label": "Teams",
			"plan": "Enterprise",
			# rows of a table in Frappe's own Event
			"gates": [{"kind": "DocType", "name": "Event Participants"}],
		},
		"notes": {
			"label": "Notes",
			"plan": "Enterprise",
			"gates": [{"kind": "DocType", "name": "Note", "operations": ["create"]}],
		},
		"rfi": {"label": "RFI", "plan": "Growth"},
	},
	"limits": {},
}
STRUCTURE = {
	"custom": 1,
	"istable": 1,
	"issingle": 1,
	"is_virtual": 1,
	"is_submittable": 1,
	"module": "Custom",
}


@pytest.fixture
def tenant(site):
	"""A tenant's site whose plan has neither teams nor notes; an event has a participant from better days."""
	frappe = site.frappe
	site.event = event(frappe, "Administrator").insert()
	site.catalogue = GATES
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


@pytest.fixture
def user(tenant, monkeypatch):
	"""The same, where what is done is done by a web request of somebody with every right."""
	frappe = tenant.frappe
	monkeypatch.setattr(frappe.local, "request", frappe._dict(method="POST"), raising=False)
	yield tenant


def event(frappe, *participants):
	rows = [{"reference_doctype": "User", "reference_docname": each} for each in participants]
	return frappe.get_doc(
		{
			"doctype": "Event",
			"subject": frappe.generate_hash(),
			"starts_on": frappe.utils.now(),
			"event_participants": rows,
		}
	)


def denied(site):
	return pytest.raises(site.gating.FeatureNotAvailableError)


# -- rows of tables ------------------------------------------------------------------------------------------------


def test_a_gated_row_is_refused_in_whatever_document_it_comes(tenant):
	frappe = tenant.frappe
	with denied(tenant):
		event(frappe, "Administrator").insert()
	event(frappe).insert()
	doc = frappe.get_doc("Event", tenant.event.name)
	doc.append("event_participants", {"reference_doctype": "User", "reference_docname": "Guest"})
	with denied(tenant):
		doc.save()
	doc = frappe.get_doc("Event", tenant.event.name)
	doc.event_participants[0].reference_docname = "Guest"
	with denied(tenant):
		doc.save()
	doc = frappe.get_doc("Event", tenant.event.name)
	doc.event_participants = []
	with denied(tenant):
		doc.save()
	with denied(tenant):
		frappe.delete_doc("Event", tenant.event.name)
	assert frappe.get_all("Event Participants", {"parent": tenant.event.name}, pluck="reference_docname") == [
		"Administrator"
	]


def test_a_document_with_rows_from_better_days_can_be_worked_on(tenant):
	frappe = tenant.frappe
	# as a browser sends it: all of it, in JSON
	sent = json.loads(frappe.as_json(frappe.get_doc("Event", tenant.event.name)))
	doc = frappe.get_doc(sent).update({"subject": "Moved"})
	doc.save()
	assert frappe.db.get_value("Event", doc.name, "subject") == "Moved"


def test_rows_are_not_refused_where_the_plan_has_them(tenant):
	tenant.apply(features=["rfi", "teams"])
	doc = event(tenant.frappe, "Administrator", "Guest").insert()
	doc.event_participants = doc.event_participants[:1]
	doc.save()
	tenant.frappe.delete_doc("Event", doc.name)


def test_a_row_in_a_parent_of_the_users_own_is_refused(tenant):
	"""What Frappe would let a user do with a doctype that a tenant made a table of before this was refused."""
	frappe = tenant.frappe
	from frappe.model.meta import Meta

	parent = frappe.new_doc("Event")
	table = frappe._dict(fieldname="own_notes", fieldtype="Table", options="Note")
	meta = Meta(frappe.get_meta("Event"))
	meta._table_fields = [table]
	parent.__dict__.update(meta=meta, _meta=meta)  # where newer and older versions of Frappe keep it
	parent.set("__islocal", 1)
	parent.__dict__["own_notes"] = [frappe.get_doc({"doctype": "Note", "title": "Sneaked in"})]
	parent._action = "save"
	from buildpro_saas.tenant_site import gates

	with denied(tenant):
		gates.on_event(parent, "before_validate")


@pytest.fixture
def limited(tenant, monkeypatch):
	"""At most two participants beside those that are there."""
	from buildpro_saas import hooks

	frappe = tenant.frappe
	declared = {"max_participants": {"label": "Participants", "doctype": "Event Participants"}}
	monkeypatch.setattr(hooks, "buildpro_limits", {**hooks.buildpro_limits, **declared})
	tenant.collect_hooks()
	there = frappe.db.count("Event Participants")
	tenant.apply(
		features=["rfi", "teams"], limits={"max_participants": {"value": there + 2, "is_hard": True}}
	)
	yield tenant
	frappe.db.rollback()
	frappe.db.delete("Limit Level", {"name": "max_participants"})
	frappe.db.commit()
	monkeypatch.undo()
	tenant.collect_hooks()


def test_rows_count_for_a_limit_on_them(limited):
	from buildpro_saas.tenant_site.limits import LimitReachedError

	frappe = limited.frappe
	with pytest.raises(LimitReachedError):
		event(frappe, "Administrator", "Guest", "Administrator").insert()
	doc = event(frappe, "Administrator", "Guest").insert()
	doc.update({"subject": "Moved"}).save()
	doc.append("event_participants", {"reference_doctype": "User", "reference_docname": "Guest"})
	with pytest.raises(LimitReachedError):
		doc.save()


def test_rows_that_count_already_grow_only_while_there_is_room(limited, monkeypatch):
	from buildpro_saas import hooks
	from buildpro_saas.tenant_site import limit_measures
	from buildpro_saas.tenant_site.limits import LimitReachedError

	frappe = limited.frappe
	monkeypatch.setattr(limit_measures, "mail_length", lambda row: len(row.email or ""), raising=False)
	size = {"doctype": "Event Participants", "size": "buildpro_saas.tenant_site.limit_measures.mail_length"}
	monkeypatch.setattr(hooks, "buildpro_limits", {**hooks.buildpro_limits, "max_participants": size})
	limited.collect_hooks()
	from buildpro_saas.tenant_site import declared_limits

	value = int(declared_limits.declared()["max_participants"].measure()) + 20
	limited.apply(features=["rfi", "teams"], limits={"max_participants": {"value": value, "is_hard": True}})
	doc = event(frappe, "Administrator").insert()
	row = doc.event_participants[0]
	row.email = f"{'x' * 10}@b.example"  # 20 letters
	doc.save()
	row.email = f"x{row.email}"
	with pytest.raises(LimitReachedError):
		doc.save()


# -- what an app's doctype is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "value"), STRUCTURE.items(), ids=STRUCTURE)
def test_an_apps_doctype_is_not_changed(user, field, value):
	frappe = user.frappe
	doc = frappe.get_doc("DocType", "Note").update({"custom": 1, field: value})
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		doc.save()
	setter = {
		"doctype": "Property Setter",
		"doctype_or_field": "DocType",
		"doc_type": "note",  # the database finds Note by it
		"property": field,
		"property_type": "Check",
		"value": value,
	}
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		frappe.get_doc(setter).insert(ignore_links=True)


def test_what_the_row_says_of_itself_does_not_matter(user):
	"""Once it says that it is a custom one, which SQL may have made it say."""
	frappe = user.frappe
	frappe.db.set_value("DocType", "Note", "custom", 1)
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		frappe.get_doc("DocType", "Note").update({"istable": 1}).save()
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		frappe.rename_doc("DocType", "Note", "Notice", force=True)


def test_an_apps_doctype_and_module_are_neither_renamed_nor_deleted(user):
	frappe = user.frappe
	with pytest.raises(frappe.ValidationError):  # by Frappe itself, which asks its own row
		frappe.rename_doc("DocType", "Note", "Mine", force=True)
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		frappe.rename_doc("Module Def", "Desk", "Mine", force=True)
	with pytest.raises(frappe.PermissionError):
		frappe.get_doc("Module Def", "Desk").update({"custom": 1}).save()
	with pytest.raises(frappe.PermissionError):
		frappe.delete_doc("Module Def", "Desk", force=True)
	assert frappe.db.exists("DocType", "Note") and frappe.db.exists("Module Def", "Desk")


def test_a_field_of_an_apps_doctype_is_not_changed_by_itself(user):
	frappe = user.frappe
	field = frappe.get_doc("DocField", {"parent": "Event", "fieldname": "event_participants"})
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		field.update({"options": "Note"}).save()
	new = {"doctype": "DocField", "parenttype": "DocType", "parentfield": "fields", "fieldtype": "Data"}
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		frappe.get_doc({**new, "parent": "Event", "fieldname": "x", "label": "X"}).insert()


def test_customize_form_is_no_way_round(user):
	frappe = user.frappe
	form = frappe.get_doc("Customize Form")
	form.doc_type = "Note"
	form.run_method("fetch_to_customize")
	form.istable = 1
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		form.run_method("save_customization")


def test_a_users_job_and_script_are_refused_and_the_operator_is_not(tenant, monkeypatch):
	from buildpro_saas.tenant_site import app_doctypes, maintenance

	frappe = tenant.frappe
	doc = frappe.get_doc("DocType", "Note")
	app_doctypes.refuse_change(doc)
	for flag in (maintenance.IN_JOB, "in_safe_exec"):
		with monkeypatch.context() as flags, pytest.raises(frappe.PermissionError):
			flags.setitem(frappe.flags, flag, True)
			app_doctypes.refuse_change(doc)
	monkeypatch.setattr(frappe.local, "request", frappe._dict(method="POST"), raising=False)
	frappe.conf.buildpro_role = "admin"
	app_doctypes.refuse_change(doc)


def of_field(doctype: str, field: str, name: str, value: str) -> dict:
	where = {"doctype": "Property Setter", "doctype_or_field": "DocField", "doc_type": doctype}
	return {**where, "field_name": field, "property": name, "property_type": "Data", "value": value}


OTHER_FIELDS = (
	*(("User", "enabled", "is_virtual", "1"), ("user", "ENABLED", "is_virtual", "1")),
	*(("User", "enabled", "fieldtype", "HTML"), ("User", "user_type", "fieldtype", "Section Break")),
	*(("User", "enabled", "fetch_from", "language.enabled"), ("File", "is_folder", "fetch_from", "a.b")),
	*(("User", "enabled", "fieldname", "x"), ("Event", "event_participants", "options", "Note")),
	("File", "is_folder", "is_virtual", "1"),
)
SAME_FIELDS = (
	*(
		("User", "enabled", "label", "Active"),
		("User", "enabled", "hidden", "1"),
		("User", "bio", "reqd", "1"),
	),
	*(("Note", "title", "fieldtype", "Small Text"), ("ToDo", "status", "options", "Open\nClosed\nLater")),
	*(("ToDo", "description", "fetch_from", "reference_type.name"), ("ToDo", "weather", "is_virtual", "1")),
)


@pytest.mark.parametrize("setter", OTHER_FIELDS, ids=" ".join)
def test_a_field_does_not_become_another_for_limits_and_gates(user, setter):
	"""Limits look at what a document holds as it is validated; the database would have another value."""
	frappe = user.frappe
	with pytest.raises(frappe.PermissionError, match="Customize Form"):
		frappe.get_doc(of_field(*setter)).insert(ignore_links=True)


@pytest.mark.parametrize("setter", SAME_FIELDS, ids=" ".join)
def test_what_fields_look_like_stays_free(user, setter):
	from buildpro_saas.tenant_site import app_doctypes

	app_doctypes.refuse_change(user.frappe.get_doc(of_field(*setter)))


def test_what_customize_form_offers_stays_possible(user, own_doctype):
	frappe = user.frappe
	form = frappe.get_doc("Customize Form")
	form.doc_type = "Note"
	form.run_method("fetch_to_customize")
	form.update({"title_field": "title", "allow_auto_repeat": 0, "max_attachments": 3})
	form.get("fields", {"fieldname": "title"})[0].label = "Heading"
	form.run_method("save_customization")
	assert frappe.get_meta("Note", cached=False).max_attachments == 3
	assert frappe.get_meta("Note", cached=False).get_label("title") == "Heading"


@pytest.fixture
def own_doctype(user):
	"""What a test makes of doctypes, customizations and columns is taken away: MariaDB commits where a table changes."""
	frappe = user.frappe
	kept = [row.name for row in frappe.get_all("Property Setter")]
	yield "Site Diary"
	frappe.local.request = None
	frappe.conf.buildpro_role = "admin"
	frappe.db.rollback()
	for doctype in ("Site Diary Two", "Site Diary"):
		frappe.delete_doc("DocType", doctype, force=True, ignore_missing=True)
		frappe.db.sql_ddl(f"drop table if exists `tab{doctype}`")
	frappe.db.delete("Property Setter", {"name": ("not in", kept)})
	frappe.db.delete("Version", {"docname": ("like", "Note-%")})
	frappe.db.commit()
	frappe.clear_cache()


def test_a_doctype_of_the_users_own_is_his_to_change(user, own_doctype):
	frappe = user.frappe
	doc = frappe.get_doc(
		{
			"doctype": "DocType",
			"name": own_doctype,
			"module": "Custom",
			"custom": 1,
			"fields": [{"fieldname": "weather", "fieldtype": "Data", "label": "Weather"}],
			"permissions": [{"role": "System Manager", "read": 1, "write": 1, "create": 1}],
		}
	).insert()
	doc.update({"istable": 1}).save()
	frappe.rename_doc("DocType", own_doctype, "Site Diary Two", force=True)
	frappe.delete_doc("DocType", "Site Diary Two")
	assert not frappe.db.exists("DocType", "Site Diary Two")
