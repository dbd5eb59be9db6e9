"""What installing brings to the admin site: the bench, the settings, the records of Desk; and that it can be repeated."""

import pytest


def test_the_bench_is_registered_by_itself(frappe):
	from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench
	from buildpro_saas.fleet import benches

	facts = benches.facts_here()
	frappe.db.delete("Bench App")
	frappe.db.delete("Bench")
	bench = frappe.get_doc("Bench", ensure_local_bench())
	assert (bench.path, bench.is_local, bench.web_port) == (facts["path"], 1, facts["web_port"])
	assert {row.app: row.version for row in bench.apps} == {
		app["app"]: app["version"] for app in facts["apps"]
	}
	assert bench.frappe_version == frappe.__version__
	assert ensure_local_bench() == bench.name


def test_a_bench_that_was_moved_is_the_same_bench(frappe, tmp_path):
	from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench

	name = ensure_local_bench()
	path = frappe.db.get_value("Bench", name, "path")
	frappe.db.set_value("Bench", name, "path", str(tmp_path / "gone"))
	assert ensure_local_bench() == name
	assert frappe.db.get_value("Bench", name, "path") == path


def test_another_bench_of_the_same_name(frappe, tmp_path):
	from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench

	name = ensure_local_bench()
	frappe.db.set_value("Bench", name, {"path": str(tmp_path), "is_local": 0})
	assert ensure_local_bench() == f"{name}-1"


@pytest.fixture(params=["{}/", "{}//", " {} ", "{}/sites/..", "link"])
def spelled(request, frappe, tmp_path) -> str:
	"""The path of this bench as it may be typed."""
	path = frappe.db.get_value("Bench", {"is_local": 1}, "path")
	if request.param != "link":
		return request.param.format(path)
	(link := tmp_path / "link").symlink_to(path)
	return str(link)


def test_a_bench_is_this_one_however_its_path_is_spelled(frappe, spelled):
	from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench

	name, path = frappe.db.get_value("Bench", {"is_local": 1}, ["name", "path"])
	with pytest.raises(frappe.ValidationError, match="is registered as"):
		frappe.get_doc({"doctype": "Bench", "bench_name": "twin", "path": spelled}).insert()
	bench = frappe.get_doc("Bench", name)
	bench.path = spelled
	bench.save()
	assert (bench.is_local, bench.path) == (1, path)
	# as an earlier version kept it
	frappe.db.set_value("Bench", name, {"path": spelled, "is_local": 0})
	assert ensure_local_bench() == name
	assert frappe.db.get_value("Bench", name, ["is_local", "path"]) == (1, path)


def test_nothing_is_built_here_for_a_bench_elsewhere(frappe):
	from buildpro_saas.fleet import images, standby
	from buildpro_saas.fleet.image_spec import ImageKind

	other = frappe.get_doc({"doctype": "Bench", "bench_name": "elsewhere", "path": "/srv/elsewhere"}).insert()
	image = frappe.get_doc(
		{"doctype": "Site Image", "bench": other.name, "kind": "buildpro_saas", "status": "Ready"}
	).insert(ignore_permissions=True)
	for act in (
		lambda: images.build(other.name, ImageKind(("buildpro_saas",))),
		lambda: images.build_wanted(other.name),
		lambda: images.prune(image.name),
		lambda: standby.start_filling(image.name, other.name, image.kind),
	):
		with pytest.raises(frappe.ValidationError, match="cannot be reached from this site"):
			act()


def test_one_record_a_bench(frappe):
	path = frappe.db.get_value("Bench", {"is_local": 1}, "path")
	with pytest.raises(frappe.ValidationError, match="is registered as"):
		frappe.get_doc({"doctype": "Bench", "bench_name": "twin", "path": path}).insert()


@pytest.mark.parametrize(
	"domain", ["exa mple.com", "example..com", "-a.com", "exämple.com", "a" * 64 + ".com", "a;b", "."]
)
def test_base_domain_that_cannot_be(frappe, domain):
	settings = frappe.get_doc("SaaS Settings")
	settings.base_domain = domain
	with pytest.raises(frappe.ValidationError, match="is not a domain"):
		settings.save()


def test_base_domain_is_normalised(frappe):
	settings = frappe.get_doc("SaaS Settings")
	settings.base_domain = " .Example.COM. "
	settings.save()
	assert frappe.db.get_single_value("SaaS Settings", "base_domain") == "example.com"


def test_settings_have_their_defaults_and_keep_what_staff_set(frappe):
	from buildpro_saas.control_plane import setup

	frappe.db.delete("Singles", {"doctype": "SaaS Settings"})
	frappe.db.set_single_value("SaaS Settings", "entitlement_grace_days", 14)
	setup.after_migrate()
	settings = frappe.get_doc("SaaS Settings")
	assert (settings.entitlement_valid_days, settings.entitlement_grace_days) == (30, 14)
	assert settings.default_bench and settings.base_domain
	assert {"www", "admin", "localhost"} <= set(settings.reserved())


def test_an_entitlement_is_valid_for_a_day_at_least(frappe):
	settings = frappe.get_doc("SaaS Settings")
	settings.entitlement_valid_days = 0
	with pytest.raises(frappe.ValidationError, match="enter 1 or more days"):
		settings.save()


def test_the_database_password_is_moved_out_of_the_database(frappe, bench_account):
	settings = frappe.get_doc("SaaS Settings")
	settings.update(
		{"database_user": bench_account()["user"], "database_password": bench_account()["password"]}
	)
	settings.save()
	kept = frappe.db.sql(
		"select value from tabSingles where doctype = 'SaaS Settings' and field = 'database_password'"
	)
	assert not any(value for (value,) in kept)
	assert not frappe.db.sql(
		"select 1 from __Auth where doctype = 'SaaS Settings' and fieldname = 'database_password'"
	)
	versions = frappe.get_all("Version", {"ref_doctype": "SaaS Settings"}, pluck="data")
	assert not any(bench_account()["password"] in data for data in versions)


def test_a_database_account_that_does_not_work_is_refused(frappe, bench_account):
	before = bench_account()
	settings = frappe.get_doc("SaaS Settings")
	settings.update({"database_user": before["user"], "database_password": "wrong-secret"})
	with pytest.raises(frappe.ValidationError, match="does not accept the account") as caught:
		settings.save()
	assert "wrong-secret" not in str(caught.value)
	assert bench_account() == before
	settings = frappe.get_doc("SaaS Settings")
	settings.database_user = "somebody_else"
	with pytest.raises(frappe.ValidationError, match="Enter the password of the database user somebody_else"):
		settings.save()


def test_the_workspace_shows_its_cards_to_staff(frappe):
	workspace = frappe.get_doc("Workspace", "BuildPro SaaS")
	assert workspace.public
	assert {row.role for row in workspace.roles} == {"SaaS Manager", "SaaS Support"}
	assert {row.link_to for row in workspace.shortcuts} == {
		*("Tenant", "Plan", "Feature", "Provisioning Job", "Batch", "Bench", "SaaS Settings"),
		*("Site Image", "Standby Site", "Standby Pool", "Security of Benches"),
		*("Add-on", "Plan Version", "Kill Switch", "Monitoring Alert"),
	}
	for row in workspace.number_cards:
		assert frappe.db.exists("Number Card", row.number_card_name)
	for row in workspace.charts:
		assert frappe.db.exists("Dashboard Chart", row.chart_name)


def test_the_chart_counts_tenants(frappe):
	from frappe.desk.doctype.dashboard_chart.dashboard_chart import get

	data = get(chart_name="Tenants over Time", refresh=1)
	assert len(data["labels"]) >= 12
	assert sum(data["datasets"][0]["values"]) == frappe.db.count(
		"Tenant", {"creation": (">", frappe.utils.add_to_date(None, years=-1, days=-20))}
	)


def test_uninstalling_leaves_no_role_and_no_domain(frappe):
	from buildpro_saas.control_plane import setup

	rules = setup._permission_rows("DocPerm")
	setup.after_uninstall()
	try:
		assert not frappe.db.exists("Role", {"name": ("in", setup.ROLES)})
		assert not frappe.db.exists("Domain", setup.DOMAIN)
		assert not frappe.db.exists("Singles", {"doctype": "SaaS Settings"})
		assert not frappe.db.exists("Custom DocPerm", {"parent": "Currency"})
		assert setup._permission_rows("DocPerm") == rules
	finally:
		frappe.db.rollback()
		frappe.clear_cache()


def test_a_card_named_after_a_status_counts_that_status(frappe):
	import json

	from buildpro_saas import tenant_status

	named = {"Active": "Active Tenants", "Provisioning": "Tenants in Provisioning"}
	named |= {name: f"{name} Tenants" for name in ("Failed", "Past Due", "Suspended")}
	for name, card in named.items():
		doc = frappe.get_doc("Number Card", card)
		counted = {value for value in vars(tenant_status).values() if isinstance(value, str)}
		for _doctype, field, operator, value, *_rest in json.loads(doc.filters_json):
			if field == "status":
				counted &= {value} if operator == "=" else set(value)
		assert counted == {name} and name in doc.label, card
	content = frappe.db.get_value("Workspace", "BuildPro SaaS", "content")
	assert all(f'"number_card_name": "{card}"' in content for card in named.values())


def test_a_value_that_nothing_heeded_goes_with_its_field(frappe):
	from buildpro_saas.patches import forget_backup_retention

	settings = {"doctype": "SaaS Settings", "field": "backup_retention_days"}
	frappe.db.delete("Singles", settings)
	frappe.qb.into("Singles").columns("doctype", "field", "value").insert(*settings.values(), "30").run()
	forget_backup_retention.execute()
	assert not frappe.db.get_singles_dict("SaaS Settings").get("backup_retention_days")
	assert not frappe.get_meta("SaaS Settings").has_field("backup_retention_days")


def test_what_is_brought_before_the_time_zone_is_known_is_of_no_tomorrow(frappe):
	"""The framework counts in India's time until then; the site may be Hawaii's."""
	from datetime import datetime, timedelta, timezone

	from buildpro_saas.control_plane import setup

	frappe.db.delete("Singles", {"doctype": "System Settings", "field": "time_zone"})
	in_india = datetime.now(timezone(timedelta(hours=5.5))).replace(tzinfo=None)
	frappe.db.set_value("Feature", "rfi", {"creation": in_india, "modified": in_india}, update_modified=False)
	setup.after_install()
	earliest = datetime.now(timezone(timedelta(hours=-12))).replace(tzinfo=None)
	for doctype in ("Feature", "Plan", "Bench", "Plan Feature"):
		newest = max(frappe.get_all(doctype, ["max(creation) as at"], pluck="at"))
		assert newest <= earliest, doctype
