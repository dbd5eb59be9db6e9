"""Images and standby sites: what they hold, what a copy of one is, and what becomes of them when they are stale or pruned."""

import json
import re
import secrets
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
import requests

PLAN = "Core"
STEPS = ("reserve_image", "make_image_site", "install_image_apps", "prepare_company", "seal_image")
COMPANY = ("Germany", "EUR", "en")  # as new_tenant has them
UNUSED = "not in use between tests"


@pytest.fixture
def image(bench):
	"""A ready image of the smallest plan."""
	return bench.frappe.get_doc("Site Image", bench.image(PLAN))


@pytest.fixture
def ways_of(bench):
	"""The step's output says why quicker ways were not gone."""

	def read(tenant) -> str:
		assert bench.wait_job(tenant.name).status == "Completed", bench.describe(tenant.name)
		return bench.step(tenant.name, "make_site").output

	return read


# -- images ------------------------------------------------------------------------------------------------------------


def test_an_image_is_described(bench, image):
	assert image.status == "Ready" and image.tables > 200 and image.size > 5 and image.build_seconds > 1
	assert {row.app for row in image.apps} >= {"frappe", "buildpro_saas"}
	assert all(row.version and row.schema_digest for row in image.apps)
	assert bench.frappe.get_doc("Provisioning Job", image.job).status == "Completed"


def test_an_image_is_no_site_and_nobody_signs_in_to_it(bench, image):
	folder = bench.path / "sites/.buildpro/images" / image.database
	assert "db_password" not in json.loads((folder / "site_config.json").read_text())
	assert not list((bench.path / "sites").glob("image-*.invalid"))
	with bench.root() as cursor:
		cursor.execute("select 1 from mysql.user where User = %s", (image.database,))
		assert not cursor.fetchall()
		for table in ("__Auth", "tabSessions", "tabActivity Log", "tabError Log", "tabEmail Queue"):
			cursor.execute(f"select count(*) from `{image.database}`.`{table}`")
			assert cursor.fetchone()[0] == 0, table


def test_a_copy_differs_from_a_site_from_scratch_only_as_documented(bench):
	with bench.only("from scratch", PLAN):
		from_scratch = new_site(bench, PLAN, "from scratch")
	bench.whole_image(PLAN)
	with bench.only("from an image", PLAN):
		copy = new_site(bench, PLAN, "from an image")
	assert_alike(from_scratch, copy)


def test_a_company_set_up_ahead_of_time_differs_from_one_set_up_for_the_tenant_only_as_documented(bench):
	"""With ERPNext's chart of accounts where the bench has ERPNext."""
	plan = "Growth" if "erpnext" in (bench.path / "sites/apps.txt").read_text().split() else PLAN
	with bench.only("from an image", plan):
		by_wizard = new_site(bench, plan, "from an image")
		with company_image(bench, plan) as image:
			prepared = new_site(bench, plan, "from an image")
			assert bench.job(prepared.tenant).state.count(f'"{image}"') == 1
	assert "ahead of time" in bench.step(prepared.tenant, "set_up_company").output
	assert_alike(by_wizard, prepared)


def new_site(bench, plan: str, way: str) -> "SiteDatabase":
	tenant = bench.new_tenant(plan=plan)
	assert bench.wait_job(tenant.name).way == way, bench.describe(tenant.name)
	return SiteDatabase(bench, bench.frappe.db.get_value("Tenant", tenant.name, "database"), tenant.name)


def assert_alike(*sites: "SiteDatabase"):
	"""Table by table: schema, indexes, sequences, rows."""
	schemas = [site.schema() for site in sites]
	assert {name for name in schemas[0] if schemas[0][name] != schemas[1].get(name)} == set()
	assert schemas[0].keys() == schemas[1].keys()
	differing = {}
	for table in schemas[0]:
		first, second = (site.rows(table) for site in sites)
		if first != second:
			differing[table] = {"scratch": first - second, "copy": second - first}
	assert differing == {}


def test_a_copy_is_as_old_as_its_tenant_and_counts_on_from_its_image(bench, image):
	with bench.only("from an image", PLAN):
		copy = new_site(bench, PLAN, "from an image")
	(born,) = {row[0] for row in copy.query("select creation from tabUser where name = 'Administrator'")[1]}
	assert born > image.built_at
	template = SiteDatabase(bench, image.database, copy.tenant)
	sequences = [name for name, text in copy.schema().items() if not text.startswith("CREATE")]
	assert sequences
	for name in sequences:
		(next_of_copy,), (next_of_image,) = (
			row
			for site in (copy, template)
			for row in site.query(f"select next_not_cached_value from `{name}`")[1]
		)
		assert next_of_copy >= next_of_image, name


def test_a_copy_has_secrets_of_its_own(bench):
	with bench.only("from an image", PLAN):
		tenants = [bench.new_tenant(plan=PLAN) for _ in range(2)]
		for tenant in tenants:
			assert bench.wait_job(tenant.name).status == "Completed"
	configs, passwords = [], []
	for tenant in tenants:
		site, database = bench.frappe.db.get_value("Tenant", tenant.name, ["site", "database"])
		configs.append(json.loads((bench.path / "sites" / site / "site_config.json").read_text()))
		with bench.root() as cursor:
			cursor.execute(
				f"select password from `{database}`.__Auth where doctype = 'User' and name = 'Administrator'"
			)
			passwords.append(cursor.fetchone()[0])
	for key in (
		*("db_name", "db_password", "encryption_key", "host_name", "buildpro_job", "buildpro_tenant"),
		"buildpro_sync_token",
	):
		assert configs[0][key] != configs[1][key], key
	assert passwords[0] != passwords[1]


@pytest.mark.parametrize("fact", ("version", "commit", "schema_digest"))
def test_an_image_is_stale_when_the_benchs_code_is_another(bench, image, fact):
	from buildpro_saas.fleet import images
	from buildpro_saas.fleet.image_spec import ImageKind
	from buildpro_saas.jobs.playbook import WayClosedError

	with built_with_another(bench, image, fact):
		with pytest.raises(WayClosedError, match=r"stale: the .* of buildpro_saas was another and is"):
			images.ready(image.bench, ImageKind.of_plan(PLAN))
		assert bench.frappe.db.get_value("Site Image", image.name, "status") == "Stale"


@pytest.mark.usefixtures("quick_installer")
def test_a_stale_image_is_not_copied(bench, image, ways_of):
	with built_with_another(bench, image, "version"):
		output = ways_of(bench.new_tenant(plan=PLAN))
	assert "is stale: " in output and "was made from scratch" in output


@pytest.mark.usefixtures("quick_installer")
def test_an_image_that_goes_while_it_is_copied_makes_no_site(bench, image, ways_of):
	"""The copy waits for a table; meanwhile the image is taken out of use."""
	with bench.root() as cursor:
		cursor.execute(f"lock tables `{image.database}`.`tabUser` write")
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_for(lambda: waits_for_table(bench, "tabUser"), 60, lambda: bench.describe(tenant.name))
		bench.frappe.db.set_value("Site Image", image.name, "status", "Stale")
		bench.frappe.db.commit()
		cursor.execute("unlock tables")
	try:
		output = ways_of(tenant)
		assert f"{image.name} is not in use any more" in output and "from scratch" in output
	finally:
		bench.frappe.db.set_value("Site Image", image.name, "status", "Ready")
		bench.frappe.db.commit()


def test_the_worker_is_killed_while_it_copies(bench, image):
	before = bench.everything()
	with bench.root() as cursor:
		cursor.execute(f"lock tables `{image.database}`.`tabUser` write")
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_for(lambda: waits_for_table(bench, "tabUser"), 60, lambda: bench.describe(tenant.name))
		bench.services.kill("provisioning")
		cursor.execute("unlock tables")
	goes_on_to_a_site_alone(bench, tenant, before)


@pytest.mark.fault
@pytest.mark.usefixtures("quick_installer")
def test_the_worker_is_killed_while_it_builds(bench):
	"""At each step, done and not recorded: it goes on, and nothing is left beside the image."""
	from buildpro_saas.fleet import images
	from buildpro_saas.fleet.playbooks.images import BUILD_IMAGE

	assert tuple(step.key for step in BUILD_IMAGE.steps) == STEPS
	bench.remove_images()
	before = bench.everything()
	image = job = None
	for step_key in STEPS:
		with bench.held(step_key, "Completed"):
			if not job:
				image, job = start_building(bench, images)
			bench.services.start_all("provisioning")
			bench.wait_looking(lambda: bench.waiting() or is_ended(bench, job), 300)
			assert bench.waiting(), bench.frappe.db.get_value("Provisioning Job", job, "error")
			bench.services.kill("provisioning")
	bench.services.start_all("provisioning")
	bench.wait_looking(lambda: is_ended(bench, job), 300)
	doc = bench.frappe.get_doc("Site Image", image)
	assert doc.status == "Ready", bench.frappe.db.get_value("Provisioning Job", job, "error")
	after = bench.everything()
	assert {kind: after[kind] - before[kind] for kind in after} == {
		"databases": {doc.database},
		"users": set(),
		"folders": {f".buildpro/images/{doc.database}"},
	}


@pytest.mark.fault
@pytest.mark.usefixtures("quick_installer")
def test_a_build_that_is_cancelled_leaves_nothing(bench):
	from buildpro_saas.fleet import images

	before = bench.everything()
	with bench.held("seal_image", "Running"):
		image, job = start_building(bench, images)
		bench.wait_for(bench.waiting, 300)
		bench.frappe.get_doc("Provisioning Job", job).cancel_job()
		bench.frappe.db.commit()
		bench.let_go()
		bench.wait_for(lambda: is_ended(bench, job), 120)
	assert bench.frappe.db.get_value("Site Image", image, "status") == "Failed"
	assert bench.everything() == before


@pytest.mark.usefixtures("quick_installer")
def test_pruning_takes_all_of_an_image_away(bench):
	image = bench.frappe.get_doc("Site Image", bench.image(PLAN))
	bench.remove_images(keep=image.name)
	before = bench.everything()
	bench.remove_images()
	after = bench.everything()
	assert {kind: before[kind] - after[kind] for kind in before} == {
		"databases": {image.database},
		"users": set(),
		"folders": {f".buildpro/images/{image.database}"},
	}
	assert not any(after[kind] - before[kind] for kind in after)
	assert not bench.frappe.get_all("Site Image")


@pytest.mark.usefixtures("quick_installer")
def test_look_after_builds_what_plans_need_once_and_prunes_what_is_stale(bench, image):
	from buildpro_saas.fleet import images

	frappe = bench.frappe
	bench.remove_images(keep=image.name)  # those of a run that was broken off
	others = {"name": ("!=", PLAN), "is_active": 1}
	other_plans = frappe.get_all("Plan", others, pluck="name")
	for plan in other_plans:
		frappe.db.set_value("Plan", plan, "is_active", 0)
	frappe.db.set_single_value("SaaS Settings", "build_images", 1)
	frappe.db.commit()
	try:
		images.renew_images()
		assert frappe.get_all("Site Image", pluck="name") == [image.name]
		images.set_stale(image.name, "for the test")
		for _ in range(2):
			images.renew_images()
		(job,) = frappe.get_all(
			"Provisioning Job",
			{"playbook": "build_image", "status": ("in", ("Waiting", "Queued", "Running"))},
			pluck="name",
		)
		bench.wait_for_end(job)
		bench.wait_for(lambda: frappe.db.commit() or not frappe.db.exists("Site Image", image.name), 60)
		assert [row.status for row in frappe.get_all("Site Image", fields=["status"])] == ["Ready"]
	finally:
		for plan in other_plans:
			frappe.db.set_value("Plan", plan, "is_active", 1)
		frappe.db.set_single_value("SaaS Settings", "build_images", 0)
		frappe.db.commit()


# -- companies set up ahead of time ------------------------------------------------------------------------------------


def test_a_tenant_of_another_country_gets_a_site_without_the_company(bench):
	with bench.only("from an image", PLAN), company_image(bench, PLAN) as image:
		tenant = bench.new_tenant(plan=PLAN, country="Austria", time_zone="Europe/Vienna")
		assert bench.wait_job(tenant.name).status == "Completed", bench.describe(tenant.name)
		assert json.loads(bench.job(tenant.name).state)["image"] != image
	assert "own set-up" in bench.step(tenant.name, "set_up_company").output


def test_an_image_is_stale_once_the_fiscal_year_of_its_company_is_over(bench):
	from buildpro_saas.fleet import images

	with company_image(bench, PLAN) as name:
		image = bench.frappe.get_doc("Site Image", name)
		image.valid_until = bench.frappe.utils.add_days(bench.frappe.utils.today(), -1)
		assert images.staleness(image) == "the fiscal year of its company has ended"
		image.valid_until = bench.frappe.utils.today()
		assert images.staleness(image) == ""


def test_a_pool_of_a_country_has_an_image_of_its_own(bench, image):
	from buildpro_saas.fleet import images, standby

	settings = bench.frappe.get_single("SaaS Settings")
	settings.set(
		"standby_pools",
		[
			{"plan": PLAN, "sites": 1},
			{"plan": PLAN, "company_country": "Germany", "sites": 2, "most_sites": 3},
		],
	)
	settings.save()
	try:
		wanted = images.wanted(image.bench)
		with_company = f"{image.kind}; {'; '.join(COMPANY)}"
		assert list(wanted).index(image.kind) < list(wanted).index(with_company)
		assert standby.targets(image.bench) == {image.kind: 1, with_company: 2}
	finally:
		set_pool(bench, 0)


@pytest.mark.fault
@pytest.mark.parametrize("status", ("Running", "Completed"))
def test_the_worker_is_killed_while_the_company_gets_its_name(bench, status):
	"""Begun, or done and not recorded: the tenant ends with its company, and nothing is left beside its site."""
	with bench.only("from an image", PLAN), company_image(bench, PLAN):
		before = bench.everything()
		with bench.held("set_up_company", status):
			tenant = bench.new_tenant(plan=PLAN)
			bench.wait_held(tenant.name)
			bench.services.kill("provisioning")
		goes_on_to_a_site_alone(bench, tenant, before)
	assert "ahead of time" in bench.step(tenant.name, "set_up_company").output


# -- standby sites -----------------------------------------------------------------------------------------------------


def test_a_standby_site_is_out_of_sight_until_it_is_given(bench):
	name = bench.frappe.db.get_value("Standby Site", bench.standby_site(PLAN), "database")
	for host in (name, f"{name}.localhost", f".buildpro/standby/{name}"):
		url = f"http://127.0.0.1:{bench.services.port('web')}/api/method/ping"
		assert requests.get(url, headers={"Host": host}, timeout=30).status_code in (400, 404, 503), host
	from frappe.utils import get_sites

	assert name not in get_sites() and not [site for site in get_sites() if "buildpro" in site]
	config = json.loads((bench.path / "sites/.buildpro/standby" / name / "site_config.json").read_text())
	assert config["pause_scheduler"] and config["mute_emails"] and config["maintenance_mode"]


def test_a_standby_site_holds_nobody_who_could_sign_in(bench):
	name = bench.frappe.db.get_value("Standby Site", bench.standby_site(PLAN), "database")
	with bench.root() as cursor:
		cursor.execute(f"select name from `{name}`.tabUser where name not in ('Administrator', 'Guest')")
		assert not cursor.fetchall()
		for table in ("__Auth", "tabSessions"):
			cursor.execute(f"select count(*) from `{name}`.`{table}`")
			assert cursor.fetchone()[0] == 0, table


def test_what_was_read_ahead_of_time_is_still_known_when_the_owner_has_signed_in(bench):
	"""Neither the job nor the owner's choice of a password throws the definitions away."""
	from buildpro_saas.fleet.steps.image import FIRST_ASKED_FOR

	bench.standby_site(PLAN)
	tenant = bench.new_tenant(plan=PLAN)
	assert bench.wait_job(tenant.name).way == "from a standby site", bench.describe(tenant.name)
	there = set(bench.on_site(tenant.name, "on_tenant.doctypes_of", names=list(FIRST_ASKED_FOR)))
	# the wizard, which sets this site's company up, clears all at its end; nothing after that does
	bench.on_site(tenant.name, "buildpro_saas.agent.installer.warm_caches", doctypes=list(FIRST_ASKED_FOR))
	set_first_password(bench, tenant)
	assert there - set(bench.on_site(tenant.name, "on_tenant.known_definitions")) == set()


def test_a_tenant_of_another_language_gets_a_standby_site_too(bench):
	bench.standby_site(PLAN)
	tenant = bench.new_tenant(plan=PLAN, language="de")
	assert bench.wait_job(tenant.name).way == "from a standby site", bench.describe(tenant.name)
	languages = bench.on_site(tenant.name, "on_tenant.languages")
	assert languages == {"site": "de", "owner": "de"}


def test_a_tenant_gets_the_standby_site_and_its_database(bench):
	row = bench.frappe.get_doc("Standby Site", bench.standby_site(PLAN))
	tenant = bench.new_tenant(plan=PLAN)
	assert bench.wait_job(tenant.name).way == "from a standby site", bench.describe(tenant.name)
	row.reload()
	assert (row.status, row.tenant) == ("Claimed", tenant.name)
	assert bench.frappe.db.get_value("Tenant", tenant.name, "database") == row.database
	config = json.loads((bench.path / "sites" / bench.site(tenant.name) / "site_config.json").read_text())
	assert not {"pause_scheduler", "mute_emails", "maintenance_mode"} & set(config)


def test_a_database_name_of_ones_own_goes_by_image(bench, ways_of):
	bench.standby_site(PLAN)
	name = f"own_{bench.frappe.generate_hash(length=8)}_db"
	tenant = bench.new_tenant(plan=PLAN, database_name=name)
	output = ways_of(tenant)
	assert "a database name of its own" in output and "was made from an image" in output
	assert bench.frappe.db.get_value("Tenant", tenant.name, "database") == name


def test_two_tenants_at_once_never_get_the_same_standby_site(bench):
	bench.standby_site(PLAN)
	bench.services.start_all("provisioning_2")
	try:
		tenants = [bench.new_tenant(plan=PLAN).name for _ in range(2)]
		ways = sorted(bench.wait_job(tenant).way for tenant in tenants)
	finally:
		bench.services.stop("provisioning_2")
	assert ways == ["from a standby site", "from an image"]


def test_any_number_of_claims_at_once_get_different_ones(bench, admin_site_name):
	"""Real connections: each thread has its own."""
	import frappe

	image = bench.image(PLAN)
	names = {bench.standby_site(PLAN)}
	rows = [make_row(bench, image) for _ in range(5)]
	bench.frappe.db.commit()
	got, barrier = [], threading.Barrier(8)

	def claim(number):
		frappe.init(site=admin_site_name, sites_path=".")
		frappe.connect()
		from buildpro_saas.fleet import standby
		from buildpro_saas.jobs.playbook import WayClosedError

		barrier.wait()
		try:
			got.append(standby.claim(frappe.get_doc("Site Image", image), f"TEST-{number}", None).name)
		except WayClosedError:
			got.append(None)
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	bench.frappe.db.commit()
	try:
		taken = [name for name in got if name]
		assert sorted(taken) == sorted({*names, *rows}) and len(got) == 8
	finally:
		bench.frappe.db.delete("Standby Site", {"name": ("in", rows)})
		for name in names:
			bench.frappe.db.set_value("Standby Site", name, {"status": "Ready", "claimed_by": None})
		bench.frappe.db.commit()


def test_the_pool_is_filled_to_its_number_and_emptied_when_the_image_is_stale(bench, image):
	from buildpro_saas.fleet import standby

	set_pool(bench, 2)
	try:
		standby.fill_pools()
		bench.wait_for(lambda: bench.frappe.db.commit() or ready(bench) == 2, 120)
		(row,) = [row for row in standby.overview() if row["image"] == image.name]
		assert (row["ready"], row["wanted"], row["filling"]) == (2, 2, 0) and row["oldest"]
		standby.fill_pools()
		assert not bench.frappe.get_all("Standby Site", {"status": "Filling"})
		before = bench.everything()
		set_pool(bench, 0)
		bench.frappe.db.set_value("Site Image", image.name, "status", "Stale")
		bench.frappe.db.commit()
		standby.fill_pools()
		assert ready(bench) == 0
		gone = {kind: before[kind] - bench.everything()[kind] for kind in before}
		assert {kind: len(names) for kind, names in gone.items()} == {
			"databases": 2,
			"users": 2,
			"folders": 2,
		}
	finally:
		set_pool(bench, 0)
		bench.frappe.db.set_value("Site Image", image.name, "status", "Ready")
		bench.frappe.db.commit()


def test_the_pool_is_not_filled_while_tenants_wait_nor_past_the_benchs_bound(bench, image):
	from buildpro_saas.fleet import standby

	frappe = bench.frappe
	local_bench = image.bench
	set_pool(bench, ready(bench) + 1)
	bench.services.stop("provisioning")
	tenant = bench.new_tenant(plan=PLAN)
	try:
		assert standby.fill(local_bench) == []
		bench.services.start_all("provisioning")
		assert bench.wait_job(tenant.name).status == "Completed"
		# full with what stands there
		frappe.db.set_value("Bench", local_bench, "max_sites", 1)
		frappe.db.commit()
		assert standby.fill(local_bench) == []
		frappe.db.set_value("Bench", local_bench, {"max_sites": 0, "min_free_disk_gb": 10**6})
		frappe.db.commit()
		assert standby.fill(local_bench) == []
	finally:
		frappe.db.set_value("Bench", local_bench, {"max_sites": 0, "min_free_disk_gb": 1})
		set_pool(bench, 0)


def test_the_pool_grows_with_demand_within_its_bound(bench, image):
	from buildpro_saas.fleet import standby

	with bench.only("from an image", PLAN):
		for tenant in [bench.new_tenant(plan=PLAN) for _ in range(3)]:
			assert bench.wait_job(tenant.name).status == "Completed"
	try:
		set_pool(bench, 1, most=2)
		assert standby.targets(image.bench) == {image.kind: 2}
		set_pool(bench, 1)
		assert standby.targets(image.bench) == {image.kind: 1}
		set_pool(bench, 0, most=9)
		assert standby.targets(image.bench) == {}
	finally:
		set_pool(bench, 0)


# -- helpers -----------------------------------------------------------------------------------------------------------


def goes_on_to_a_site_alone(bench, tenant, before: dict):
	"""After a kill: the tenant becomes Active, and nothing but its site came to what was there before."""
	bench.services.start_all("provisioning")
	bench.wait_looking(lambda: bench.status(tenant.name) == "Active", 120)
	site, database = bench.frappe.db.get_value("Tenant", tenant.name, ["site", "database"])
	after = bench.everything()
	assert {kind: after[kind] - before[kind] for kind in after} == {
		"databases": {database},
		"users": {database},
		"folders": {site},
	}


def set_first_password(bench, tenant):
	"""As the owner does, through the single-use link."""
	link = bench.frappe.get_doc("Tenant", tenant.name).owner_link()["link"]
	url = f"http://127.0.0.1:{bench.services.port('web')}/api/method/frappe.core.doctype.user.user.update_password"
	answer = requests.post(
		url,
		data={"key": link.split("key=")[1].split("&")[0], "new_password": secrets.token_urlsafe(24)},
		headers={"Host": bench.site(tenant.name), "Accept": "application/json"},
		timeout=60,
	)
	assert answer.status_code == 200, answer.text


def start_building(bench, images) -> tuple[str, str]:
	from buildpro_saas.fleet.image_spec import ImageKind

	image = images.build(bench.frappe.get_all("Bench", pluck="name")[0], ImageKind.of_plan(PLAN))
	bench.frappe.db.commit()
	return image.name, image.job


def is_ended(bench, job: str) -> bool:
	bench.frappe.db.commit()
	return bench.frappe.db.get_value("Provisioning Job", job, "status") in (
		"Completed",
		"Failed",
		"Cancelled",
	)


@contextmanager
def company_image(bench, plan: str):
	"""The name of an image with a company of COMPANY's country, which is in use within the block, and kept for the next."""
	kind = bench.kind(plan, *COMPANY).name
	if kept := bench.frappe.db.get_value("Site Image", {"kind": kind, "status": "Stale", "reason": UNUSED}):
		bench.frappe.db.set_value("Site Image", kept, {"status": "Ready", "reason": ""})
		bench.frappe.db.commit()
	name = bench.image(plan, *COMPANY)
	try:
		yield name
	finally:
		bench.frappe.db.rollback()
		bench.frappe.db.set_value("Site Image", name, {"status": "Stale", "reason": UNUSED})
		bench.frappe.db.commit()


@contextmanager
def built_with_another(bench, image, fact: str):
	"""As if the image had been built before the app became what it is on the bench."""
	row = next(row for row in image.apps if row.app == "buildpro_saas")
	bench.frappe.db.set_value(row.doctype, row.name, fact, "another")
	bench.frappe.db.commit()
	try:
		yield
	finally:
		bench.frappe.db.set_value(row.doctype, row.name, fact, row.get(fact))
		bench.frappe.db.set_value("Site Image", image.name, {"status": "Ready", "reason": ""})
		bench.frappe.db.commit()


def set_pool(bench, sites: int, most: int = 0):
	settings = bench.frappe.get_single("SaaS Settings")
	settings.set("standby_pools", [{"plan": PLAN, "sites": sites, "most_sites": most}])
	settings.save()
	bench.frappe.db.commit()


def ready(bench) -> int:
	return bench.frappe.db.count("Standby Site", {"status": "Ready"})


def make_row(bench, image: str) -> str:
	"""A row without a site: claiming is about rows."""
	row = bench.frappe.get_doc(
		{"doctype": "Standby Site", "image": image, "status": "Ready", "ready_at": bench.frappe.utils.now()}
	)
	return row.insert(ignore_permissions=True).name


def waits_for_table(bench, table: str) -> bool:
	with bench.root() as cursor:
		cursor.execute(
			"select 1 from information_schema.processlist where state like '%%lock%%' and info like %s",
			(f"create table%`{table}` like%",),
		)
		return bool(cursor.fetchall())


# Tables of what happened rather than what is: an image is emptied of them, and time fills them (docs/architecture.md).
HISTORIES = {
	*(
		"tabAccess Log",
		"tabActivity Log",
		"tabComment",
		"tabDeleted Document",
		"tabEmail Queue",
		"tabError Log",
	),
	*(
		"tabEmail Queue Recipient",
		"tabNotification Log",
		"tabRoute History",
		"tabScheduled Job Log",
		"tabSessions",
	),
	*("tabVersion", "tabView Log", "__global_search"),
}


# Made at random for each site, from scratch or copied; the order of Administrator's roles is that of a set.
RANDOM = {("__Auth", "password"), ("tabUser Social Login", "userid"), ("tabHas Role", "idx")}


class SiteDatabase:
	"""A site's database, read as root."""

	def __init__(self, bench, name: str, tenant: str):
		self.bench, self.name, self.tenant = bench, name, tenant

	def query(self, sql: str, *values) -> tuple[list[str], list[tuple]]:
		with self.bench.root() as cursor:
			cursor.execute(f"use `{self.name}`")
			cursor.execute(sql, values)
			return [column[0] for column in cursor.description], list(cursor.fetchall())

	def schema(self) -> dict[str, str]:
		"""{table or sequence: its definition with indexes, but for how far its counter is}."""
		_columns, kinds = self.query(
			"select table_name, table_type from information_schema.tables where table_schema = %s", self.name
		)
		found = {}
		for table, kind in kinds:
			if kind == "SEQUENCE":
				what = "start_value, minimum_value, maximum_value, increment, cache_size, cycle_option"
				found[table] = str(self.query(f"select {what} from `{table}`")[1])
			else:
				definition = self.query(f"show create table `{table}`")[1][0][1]
				found[table] = re.sub(r" AUTO_INCREMENT=\d+", "", definition)
		return found

	def rows(self, table: str) -> Counter:
		"""The table's rows without what time, chance and the tenant's own name make of them."""
		if table in HISTORIES:
			return Counter()
		columns, rows = self.query(f"select * from `{table}`")
		if "minimum_value" in columns:
			return Counter()  # how far a sequence is depends on how much was logged
		return Counter(
			tuple(
				(column, self.normal(table, column, value))
				for column, value in zip(columns, row, strict=True)
			)
			for row in rows
		)

	def normal(self, table: str, column: str, value):
		if (table, column) in RANDOM:
			return "<random>"
		if isinstance(value, str) and column in ("name", "parent") and re.fullmatch("[0-9a-z]{10}", value):
			return "<hash>"  # Frappe's names for rows without one of their own
		if isinstance(value, str) and value.startswith("eyJ"):
			return "<token>"  # the tenant's own entitlement
		if isinstance(value, date | timedelta):
			return "<time>" if self.is_of_today(value) else value
		if isinstance(value, str):
			value = value.replace(self.tenant, "<tenant>").replace(self.tenant.title(), "<tenant>")
			value = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?", "<time>", value)
		return value

	@staticmethod
	def is_of_today(value) -> bool:
		"""Whether the test's own making of the site, or of its image, wrote this time; what an app ships has an older one."""
		day = value.date() if isinstance(value, datetime) else value
		return isinstance(day, date) and date.today() - day <= timedelta(days=1)
