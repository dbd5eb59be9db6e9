"""Who may do what: staff by role on the admin site; nobody, whatever his roles, on any other."""

import pytest

ADMIN_DOCTYPES = [
	*("Feature", "Plan", "Bench", "Tenant", "Provisioning Job", "SaaS Settings"),
	*("Add-on", "Kill Switch", "Plan Version"),
	*("Tenant Usage", "Tenant Limit Level"),
]


@pytest.fixture
def sign_in(frappe):
	def as_user_with(*roles):
		frappe.set_user("Administrator")
		user = frappe.get_doc(
			{
				"doctype": "User",
				"email": f"{frappe.generate_hash(length=8)}@staff.example",
				"first_name": "Staff",
				"send_welcome_email": 0,
			}
		)
		user.flags.no_welcome_mail = True
		user.insert()
		# not add_roles: Frappe makes the first user of a site its System Manager
		user.set("roles", [{"role": role} for role in roles])
		user.db_update()
		frappe.db.delete("Has Role", {"parent": user.name})
		for row in user.roles:
			row.update({"parent": user.name, "parenttype": "User", "parentfield": "roles"})
			row.db_insert()
		frappe.clear_cache(user=user.name)
		frappe.set_user(user.name)

	return as_user_with


@pytest.fixture
def tenant_site(frappe):
	"""The same site in the role of a tenant's."""
	frappe.conf.buildpro_role = "tenant"
	yield
	frappe.conf.buildpro_role = "admin"


@pytest.fixture
def tenant(frappe):
	frappe.get_doc({"doctype": "Plan", "plan_name": "SP Plan"}).insert()
	return frappe.get_doc(
		{
			"doctype": "Tenant",
			"subdomain": "sp-acme",
			"company": "SP Acme",
			"owner_name": "Olga",
			"owner_email": "olga@sp-acme.example",
			"plan": "SP Plan",
			"country": "Germany",
		}
	).insert()


def rights(frappe, doctype: str) -> set[str]:
	return {right for right in ("read", "write", "create", "delete") if frappe.has_permission(doctype, right)}


def test_manager(frappe, sign_in):
	sign_in("SaaS Manager")
	for doctype in ("Feature", "Plan", "Bench", "Tenant", "Add-on"):
		assert rights(frappe, doctype) == {"read", "write", "create", "delete"}
	assert {"read", "write"} <= rights(frappe, "SaaS Settings")
	for doctype in ("Provisioning Job", "Plan Version"):
		assert rights(frappe, doctype) == {"read"}
	assert rights(frappe, "Kill Switch") == {"read", "write", "create"}
	assert {"read"} <= rights(frappe, "Currency")  # a Tenant's form asks for one


def test_support_reads(frappe, sign_in):
	sign_in("SaaS Support")
	for doctype in ADMIN_DOCTYPES:
		assert rights(frappe, doctype) == {"read"}


def test_system_manager_of_the_admin_site_has_no_implied_rights(frappe, sign_in):
	sign_in("System Manager")
	for doctype in ADMIN_DOCTYPES:
		assert rights(frappe, doctype) == set()


def test_who_may_press_what(frappe, sign_in, tenant):
	from buildpro_saas.api import tenants

	job = tenant.latest_job().name
	sign_in("SaaS Support")
	assert tenants.status("sp-acme")["job"] == job
	for action in (
		lambda: tenants.create("sp-two", "SP", "O", "o@sp.example", "SP Plan"),
		lambda: tenants.owner_link("sp-acme"),
		lambda: tenants.set_plan("sp-acme", "SP Plan"),
		lambda: tenants.suspend("sp-acme", "x"),
		lambda: tenants.mark_past_due("sp-acme", "x"),
		lambda: tenants.resume("sp-acme"),
		lambda: frappe.get_doc("Plan", "SP Plan").preview_changes([], []),
		lambda: frappe.get_doc("Tenant", "sp-acme").provision(),
		lambda: frappe.get_doc("Provisioning Job", job).cancel_job(),
		lambda: frappe.get_doc("Tenant", "sp-acme").save(),
		lambda: frappe.delete_doc("Tenant", "sp-acme"),
	):
		with pytest.raises(frappe.PermissionError):
			action()
	with pytest.raises(frappe.ValidationError, match="Only a failed job can be retried"):
		frappe.get_doc(
			"Provisioning Job", job
		).retry()  # allowed to Support: what refuses is the job's status
	sign_in("System Manager")
	for action in (
		lambda: tenants.status("sp-acme"),
		lambda: frappe.get_doc("Provisioning Job", job).retry(),
	):
		with pytest.raises(frappe.PermissionError):
			action()


@pytest.mark.parametrize("roles", [("System Manager",), ("System Manager", "SaaS Manager", "SaaS Support")])
def test_a_tenants_system_manager_gets_nothing(frappe, sign_in, tenant, tenant_site, roles):
	sign_in(*roles)
	for doctype in ADMIN_DOCTYPES:
		if doctype != "SaaS Settings":
			with pytest.raises(frappe.PermissionError):
				frappe.get_list(doctype)
		with pytest.raises(frappe.PermissionError):
			frappe.new_doc(doctype).check_permission("read")
	with pytest.raises(frappe.PermissionError):
		frappe.get_doc("Tenant", "sp-acme").check_permission("read")


@pytest.mark.parametrize("roles", [("System Manager", "SaaS Manager")])
def test_no_door_of_the_framework_leads_there(frappe, sign_in, tenant, tenant_site, roles):
	from frappe.client import get, get_list
	from frappe.desk.reportview import execute
	from frappe.desk.search import search_link

	sign_in(*roles)
	for door in (
		lambda: get_list("Tenant"),
		lambda: get("Tenant", "sp-acme"),
		lambda: get("SaaS Settings", "SaaS Settings"),
		lambda: execute("Tenant", fields=["name"]),
		lambda: execute("Plan Feature", fields=["feature"], parent_doctype="Plan"),
		lambda: execute("Tenant Override", fields=["feature"], parent_doctype="Tenant"),
		lambda: search_link("Plan", ""),
	):
		with pytest.raises(frappe.PermissionError):
			door()


@pytest.mark.parametrize("user", ["Administrator", None])
def test_nothing_is_written_off_the_admin_site(frappe, sign_in, tenant, tenant_site, user):
	if not user:
		sign_in("System Manager", "SaaS Manager")
	for document in (
		{"doctype": "Feature", "key": "sp_feature", "label": "X"},
		{"doctype": "Plan", "plan_name": "SP Other"},
		{"doctype": "Bench", "bench_name": "sp-bench"},
		{"doctype": "Tenant", "subdomain": "sp-two", "company": "SP"},
		{"doctype": "Add-on", "addon_name": "SP Add-on"},
		{"doctype": "Kill Switch", "feature": "rfi", "reason": "x"},
		{"doctype": "Plan Version", "plan": "SP Plan"},
	):
		with pytest.raises(frappe.PermissionError):
			frappe.get_doc(document).insert()
	with pytest.raises(frappe.PermissionError):
		frappe.get_doc("SaaS Settings").save()
	for call in ("create", "status", "owner_link", "set_plan", "suspend", "mark_past_due", "resume"):
		from buildpro_saas.api import tenants

		arguments = {
			"create": ("x", "x", "x", "x@x.example", "Core"),
			"set_plan": ("sp-acme", "Core"),
			"suspend": ("sp-acme", "x"),
			"mark_past_due": ("sp-acme", "x"),
		}.get(call, ("sp-acme",))
		with pytest.raises(frappe.PermissionError):
			getattr(tenants, call)(*arguments)


def test_search_and_menus_leave_the_control_plane_out(frappe):
	from frappe.utils.user import UserPermissions

	from buildpro_saas.control_plane.setup import DOMAIN

	def found():
		user = UserPermissions("Administrator")
		user.build_permissions()
		return set(ADMIN_DOCTYPES) & {*user.can_read, *user.can_create, *user.can_search, *user.can_write}

	assert found() == set(ADMIN_DOCTYPES)
	frappe.db.delete("Has Domain", {"parent": "Domain Settings", "domain": DOMAIN})
	frappe.cache.delete_value(["active_domains", "active_modules"])
	try:
		assert found() == set()
	finally:
		frappe.db.rollback()
		frappe.cache.delete_value(["active_domains", "active_modules"])


def test_a_tenant_site_keeps_none_of_the_records_in_desk(frappe, tenant_site):
	from buildpro_saas.control_plane import setup

	records = {doctype: frappe.get_all(doctype, {"module": setup.MODULE}) for doctype in setup.DESK_RECORDS}
	assert all(records.values())
	setup.hide()
	assert not any(frappe.get_all(doctype, {"module": setup.MODULE}) for doctype in setup.DESK_RECORDS)
	assert not frappe.db.exists("Workspace Shortcut", {"parent": "BuildPro SaaS"})
