"""Offsite copies of tenants' stores: over real HTTP into a server that speaks S3, and into a folder; refused, broken off, and read back."""

import os
import secrets
import shutil
import time

import pytest
from s3_server import ACCESS, BUCKET, LOCKED, SECRET, S3Server
from site_of_tenant import config, drop
from small_disk import for_root, small_disk

KEY = "the-key-of-a-store"
SECONDS = 120


@pytest.fixture(scope="module")
def s3():
	server = S3Server()
	yield server
	server.close()


@pytest.fixture(scope="module")
def near(module_bench, tmp_path_factory):
	"""A store with two backups, "aa…" and "bb…", whose databases are a few lines and whose files are 3 MB."""
	from buildpro_saas.agent.backup_store import Store

	folder = tmp_path_factory.mktemp("near")
	(folder / "site").mkdir()
	(folder / "site/drawing.pdf").write_bytes(os.urandom(3 * 10**6))
	made = folder / secrets.token_hex(16)
	add(Store(made, KEY), "aa" * 8, folder / "site")
	add(Store(made, KEY), "bb" * 8, folder / "site")
	return made


def add(store, backup: str, folder) -> None:
	with (
		store,
		store.writing(lambda: None),
		store.stream(backup) as stream,
		store.files(backup, folder) as files,
	):
		stream.process.stdin.write(f"-- the database of {backup}\n".encode())
		stream.process.stdin.close()
		stream.finish(lambda: None)
		files.finish(lambda: None)


def operation(name: str, **spec):
	from buildpro_saas.agent import door

	id = f"test/{time.monotonic_ns()}"
	return door.here().run(name, id=id, timeout=SECONDS, log=print, checkpoint=lambda: None, **spec)


def of(near, where, **other) -> dict:
	return {"folder": str(near.parent), "store": near.name, "key": KEY, "offsite": where, **other}


def copy(near, where, *backups: str):
	return operation("copy_offsite", **of(near, where, wrapped_key="", backups=list(backups)))


def listed(near, where) -> list[str]:
	return [each.backup for each in operation("list_offsite", **of(near, where))]


def own(s3, near) -> dict:
	"""A place of the test's own in the bucket."""
	return s3.where(prefix=secrets.token_hex(4))


def of_store(s3, where) -> set[str]:
	return {key for key in s3.keys() if key.startswith(where["prefix"]) and "/locks/" not in key}


# -- checked when it is saved ------------------------------------------------------------------------------------------


def probed(where) -> str:
	"""What is said of it; empty where all is well."""
	from buildpro_saas.agent import door
	from buildpro_saas.agent.errors import AgentError

	try:
		door.here().do("probe_offsite", folder="", offsite=where)
	except AgentError as error:
		return f"{error} {error.hint}"
	return ""


def test_each_kind_of_failure_is_told_in_a_sentence(module_bench, s3, tmp_path):
	where = own(s3, None)
	assert probed(where) == "" and not of_store(s3, where)
	assert [method for method, path in s3.requests if where["prefix"] in path] == ["PUT", "GET", "DELETE"]
	assert "does not know the access key" in probed({**where, "access_key": "AKIANOBODY"})
	assert "has no bucket other" in probed({**where, "bucket": "other"})
	for status, code, method, sentence in (
		(403, "SignatureDoesNotMatch", "PUT", "secret key does not belong"),
		(403, "RequestTimeTooSkewed", "PUT", "Set the clock"),
		(403, "AccessDenied", "PUT", "does not let this access key write"),
		(403, "AccessDenied", "GET", "does not let this access key read"),
		(403, "AccessDenied", "DELETE", "does not let this access key delete"),
		(400, "AuthorizationHeaderMalformed", "PUT", "in another region"),
		(507, "QuotaExceeded", "PUT", "no more room"),
	):
		with s3.refusing(status, code, method):
			assert sentence in probed(where), code
	assert "cannot be reached" in probed({**where, "endpoint": "http://127.0.0.1:1"})
	folder = {**where, "kind": "Folder", "folder": str(tmp_path)}
	assert probed(folder) == "" and not list(tmp_path.iterdir())
	assert "Mount its disk" in probed({**folder, "folder": str(tmp_path / "none")})
	sites = str(module_bench.path / "sites")
	assert "where the stores or the sites" in probed({**folder, "folder": sites})


# -- copied, thinned out, fetched ----------------------------------------------------------------------------------------


def test_what_is_copied_is_the_same_and_adds_little(s3, near):
	"""Into a bucket with object lock, where what is removed can be brought back."""
	where = {**own(s3, near), "bucket": LOCKED}
	first = copy(near, where, "aa" * 8)
	second = copy(near, where, "aa" * 8, "bb" * 8)
	assert second.backups == ["aa" * 8, "bb" * 8] == listed(near, where)
	assert 3 * 10**6 < first.size and second.size < first.size * 1.02  # the same pieces, which are there
	size = operation("forget_offsite", **of(near, where, backups=["aa" * 8]))
	assert listed(near, where) == ["bb" * 8] and size < second.size
	operation("check_offsite", **of(near, where, share="100%"))
	from buildpro_saas.agent import door

	door.here().do("remove_offsite", folder=str(near.parent), store=near.name, offsite=where)
	assert not s3.keys(LOCKED)
	assert any("/data/" in each["Key"] for each in s3.client.list_object_versions(Bucket=LOCKED)["Versions"])
	assert not s3.client.list_multipart_uploads(Bucket=LOCKED).get("Uploads")


def test_a_copy_that_was_broken_off_goes_on(s3, near, monkeypatch):
	"""The server fails in the middle, for good as it seems. What had arrived is not sent again."""
	from buildpro_saas.agent import offsite
	from buildpro_saas.agent.errors import AgentError, TransientError

	monkeypatch.setattr(offsite, "LONGEST_TROUBLE", 0.5)
	where = own(s3, near)
	with s3.refusing(500, "InternalError", "PUT", "/index/", after=1):
		with pytest.raises(TransientError, match="does not answer as it should"):
			copy(near, where, "aa" * 8, "bb" * 8)
	sent = {key for key in of_store(s3, where) if "/data/" in key}
	assert sum(size(s3, key) for key in sent) > 3 * 10**6 and listed(near, where) == []
	del s3.requests[:]
	assert copy(near, where, "aa" * 8, "bb" * 8).backups == ["aa" * 8, "bb" * 8]
	again = {path.removeprefix(f"/{BUCKET}/") for method, path in s3.requests if method == "PUT"}
	assert not again & sent
	assert sum(size(s3, key) for key in again if "/data/" in key) < 10**6
	operation("check_offsite", **of(near, where, share="100%"))
	assert not list(near.parent.glob("*.offsite.begun"))
	# what is damaged there later is found
	pack = max((key for key in of_store(s3, where) if "/data/" in key), key=lambda key: size(s3, key))
	content = bytearray(s3.client.get_object(Bucket=BUCKET, Key=pack)["Body"].read())
	content[len(content) // 2] ^= 1
	s3.client.put_object(Bucket=BUCKET, Key=pack, Body=bytes(content))
	with pytest.raises(AgentError):
		operation("check_offsite", **of(near, where, share="100%"))


def size(s3, key: str) -> int:
	return s3.client.head_object(Bucket=BUCKET, Key=key)["ContentLength"]


def test_nothing_is_removed_where_nothing_may_be(s3, near):
	"""As with a key that may only write, but for locks."""
	from buildpro_saas.agent.errors import AgentError

	where = {**own(s3, near), "only_adds": True}

	def deny(method: str, path: str):
		return (403, "AccessDenied") if method == "DELETE" and "/locks/" not in path else None

	s3.fault = deny
	try:
		assert probed(where) == ""
		assert copy(near, where, "aa" * 8, "bb" * 8).backups == ["aa" * 8, "bb" * 8]
		with pytest.raises(AgentError, match="Nothing is removed offsite"):
			operation("forget_offsite", **of(near, where, backups=["aa" * 8]))
	finally:
		s3.fault = lambda _method, _path: None
	assert not {key for key in s3.keys() if key.startswith(where["prefix"]) and "/locks/" in key}


@pytest.mark.fault
@for_root
def test_a_full_second_disk_is_told_and_the_copy_goes_on_later(s3, near, tmp_path, monkeypatch):
	from buildpro_saas.agent import offsite
	from buildpro_saas.agent.errors import AgentError

	monkeypatch.setattr(offsite, "LONGEST_TROUBLE", 0.5)
	where = s3.where(kind="Folder", folder=str(tmp_path))
	with small_disk(tmp_path, "1m"):
		with pytest.raises(AgentError, match=r"no space|No space"):
			copy(near, where, "aa" * 8)
	# another disk is mounted there: nothing of the first one counts
	assert copy(near, where, "aa" * 8).backups == ["aa" * 8]


# -- through the engine ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, and a recovery key."""
	from buildpro_saas.fleet import backup_keys

	before = backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	module_bench.frappe.db.commit()
	yield module_bench.active_tenant()
	module_bench.frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	module_bench.frappe.db.commit()


@pytest.fixture
def bench(module_bench, acme, s3):
	"""The bench, whose backups are copied to the server; no store and no record of a backup is left when a test ends."""
	frappe = module_bench.frappe
	save_settings(frappe, **s3.settings(prefix=secrets.token_hex(4)))
	yield module_bench
	frappe.db.rollback()
	save_settings(
		frappe, offsite_kind="", offsite_keep_daily=0, offsite_keep_weekly=0, offsite_keep_monthly=0
	)
	for store in frappe.get_all("Backup Store", {"tenant": acme.name}, pluck="store_id"):
		shutil.rmtree(module_bench.path / "backups" / store, ignore_errors=True)
		for path in (module_bench.path / "backups").glob(f"{store}.*"):
			path.unlink()
	for name in frappe.get_all("Site Shadow", {"tenant": acme.name}, pluck="name"):
		drop(frappe, name)
	for doctype in ("Backup", "Backup Store", "Site Shadow"):
		frappe.db.delete(doctype, {"tenant": acme.name})
	frappe.db.delete("Drift Finding", {"kind": ("in", ("Backup", "Backup Store", "Offsite Store"))})
	frappe.db.set_value("Tenant", acme.name, dict.fromkeys(("keep_daily", "keep_weekly", "keep_monthly"), 0))
	frappe.db.commit()


def save_settings(frappe, **values) -> None:
	doc = frappe.get_doc("SaaS Settings")
	doc.update(values)
	doc.save(ignore_permissions=True)
	frappe.db.commit()


def ended(bench, job: str, status: str = "Completed"):
	bench.frappe.db.commit()
	bench.wait_for_end(job, status=status)
	bench.frappe.db.commit()


def back_up(bench, tenant):
	made = tenant.back_up()
	ended(bench, made["job"])
	return bench.frappe.get_doc("Backup", made["backup"])


def copied(bench, store: str, status: str = "Completed") -> None:
	from buildpro_saas.fleet import offsite_copies

	ended(bench, offsite_copies.start(store), status)


def checked(bench, store: str, status: str = "Completed") -> None:
	from buildpro_saas.fleet import store_checks

	ended(bench, store_checks.start(store), status)


def drift(bench, tenant) -> dict:
	"""{(kind, subject): what} of the open findings about backups."""
	from buildpro_saas.fleet import reconciliation

	found = reconciliation.compare(tenant.bench)
	kinds = ("Backup", "Backup Store", "Offsite Store")
	return {(row.kind, row.subject): row.what for row in found if row.kind in kinds}


def places(bench, tenant) -> dict:
	found = bench.frappe.get_all("Backup", {"tenant": tenant.name}, ["name", "status", "place"])
	return {row.name: (row.status, row.place) for row in found}


def test_backups_lie_offsite_too_and_are_read_there_when_the_store_is_gone(bench, acme, s3, tmp_path):
	from buildpro_saas.fleet import backup_requests, offsite_copies

	frappe = bench.frappe
	first = back_up(bench, acme)
	assert first.place == "Local"
	offsite_copies.copy_due_backups()
	ended(bench, offsite_copies.under_way(first.store))
	assert places(bench, acme) == {first.name: ("Kept", "Local and Offsite")}
	offsite_copies.copy_due_backups()
	assert not offsite_copies.under_way(first.store)
	# what is kept here, and there, is counted for each
	frappe.db.set_value("Tenant", acme.name, {"keep_daily": 1, "keep_weekly": -1, "keep_monthly": -1})
	frappe.db.set_value("Backup", first.name, "taken_at", frappe.utils.add_days(first.taken_at, -3))
	save_settings(frappe, offsite_keep_daily=2)
	second = back_up(bench, acme)
	copied(bench, second.store)
	assert places(bench, acme) == {
		first.name: ("Kept", "Offsite"),
		second.name: ("Kept", "Local and Offsite"),
	}
	assert not drift(bench, acme)
	# no credential is in any record but its own, where it is encrypted
	for doctype in ("Provisioning Job", "Provisioning Job Step", "Backup Store", "Error Log", "Version"):
		assert SECRET not in str(frappe.get_all(doctype, fields="*", limit=200, order_by="creation desc"))
	assert SECRET not in str(frappe.db.get_singles_dict("SaaS Settings"))
	# the machine's disk is lost
	shutil.rmtree(bench.path / "backups" / frappe.db.get_value("Backup Store", second.store, "store_id"))
	assert len(backup_requests.export(first.name, str(tmp_path / "first"))) == 4
	made = acme.back_up()
	ended(bench, made["job"], "Failed")
	assert (
		"The store" in (error := frappe.db.get_value("Backup", made["backup"], "error"))
		and "is gone" in error
	)
	checked(bench, second.store)
	found = {name: place for name, (status, place) in places(bench, acme).items() if status == "Kept"}
	assert found == {first.name: "Offsite", second.name: "Offsite"}
	assert len(backup_requests.export(second.name, str(tmp_path / "second"))) == 4
	# with the tenant's key all of it goes
	from buildpro_saas.fleet import backup_keys, backup_schedule

	prefix = frappe.db.get_single_value("SaaS Settings", "offsite_prefix")
	assert any(key.startswith(prefix) for key in s3.keys())
	backup_keys.destroy(acme.name)
	frappe.db.commit()
	backup_schedule.remove_destroyed_stores()
	assert not any(key.startswith(prefix) for key in s3.keys())


def test_an_unknown_backup_that_is_only_offsite_is_read_drilled_and_restored(bench, acme):
	"""As after the machine's stores were lost, and the admin site came from a backup older than the first copy."""
	from buildpro_saas.fleet import backups, drills, unread_backups

	frappe = bench.frappe
	bench.on_site(acme.name, "on_tenant_notes.write", title="then")
	taken = back_up(bench, acme)
	copied(bench, taken.store)
	bench.on_site(acme.name, "on_tenant_notes.write", title="later")
	shutil.rmtree(bench.path / "backups" / frappe.db.get_value("Backup Store", taken.store, "store_id"))
	frappe.db.delete("Backup", {"name": taken.name})
	frappe.db.set_value("Backup Store", taken.store, "offsite_place", "")
	checked(bench, taken.store)
	(name,) = frappe.get_doc("Backup Store", taken.store).take_in()
	ended(bench, backups.job_on_store(unread_backups.PLAYBOOK, taken.store))
	found = frappe.get_doc("Backup", name)
	assert found.place == "Offsite" and not found.verified_how
	for field in ("manifest", "apps", "tables", "records", "database", "binary_log"):
		assert found.get(field) == taken.get(field), field
	assert found.size == pytest.approx(taken.size, rel=0.1)
	# a drill reads it, too, where nobody has
	frappe.db.set_value("Backup", name, {"manifest": "", "tables": 0, "size": 0})
	ended(bench, drills.start(acme.name))
	assert frappe.db.get_value("Backup", name, ["verified_how", "manifest"]) == ("Restored", taken.manifest)
	ended(bench, acme.restore(None, acme.subdomain, backup=name)["job"])
	acme.reload()
	assert config(bench, acme)["db_name"] == acme.database != taken.database
	assert bench.on_site(acme.name, "on_tenant_notes.titles") == ["then"]  # with their files


def test_a_copy_that_fails_is_told_and_keeps_what_is_here(bench, acme, s3):
	from buildpro_saas.fleet import offsite_copies

	frappe = bench.frappe
	with pytest.raises(frappe.ValidationError, match="does not know the access key"):
		save_settings(frappe, offsite_access_key="AKIANOBODY")
	frappe.db.rollback()
	assert frappe.db.get_single_value("SaaS Settings", "offsite_access_key") == ACCESS
	with pytest.raises(frappe.ValidationError, match="cannot be the Bucket"):
		save_settings(frappe, offsite_bucket="No Bucket")
	frappe.db.rollback()
	backup = back_up(bench, acme)
	with s3.refusing(403, "AccessDenied"):
		copied(bench, backup.store, "Failed")
	assert told(acme) == ["backup.offsite"]
	assert places(bench, acme) == {backup.name: ("Kept", "Local")}
	assert "does not let this access key" in drift(bench, acme)["Offsite Store", backup.store]
	offsite_copies.copy_due_backups()
	assert not offsite_copies.under_way(backup.store)  # it rests
	copied(bench, backup.store)
	assert places(bench, acme) == {backup.name: ("Kept", "Local and Offsite")} and not drift(bench, acme)
	assert told(acme) == []


def told(tenant) -> list[str]:
	"""The checks that find something of the tenant's store."""
	from buildpro_saas.monitoring import record_facts
	from buildpro_saas.monitoring.checks import records

	return [each.check for each in records.stores(record_facts.gather()) if each.tenant == tenant.name]


def test_records_and_stores_are_compared_both_ways(bench, acme):
	from buildpro_saas.fleet import backups, store_checks

	frappe = bench.frappe
	lost, unknown = back_up(bench, acme), back_up(bench, acme)
	operation("forget_backups", backups=[lost.backup_id], **backups.store_spec(lost.store))
	frappe.db.delete("Backup", {"name": unknown.name})
	checked(bench, lost.store)
	assert places(bench, acme) == {lost.name: ("Lost", "Local")}
	found = drift(bench, acme)
	assert found.keys() == {("Backup", lost.name), ("Backup Store", f"{lost.store}: unknown")}
	frappe.get_doc("Backup Store", lost.store).take_in()
	(again,) = frappe.get_all("Backup", {"backup_id": unknown.backup_id}, ["name", "status", "taken_at"])
	assert again.status == "Kept"
	assert abs((again.taken_at - unknown.taken_at).total_seconds()) < 60
	assert drift(bench, acme).keys() == {("Backup", lost.name)}
	# damage is an alert, and nothing is removed from a damaged store
	path = bench.path / "backups" / frappe.db.get_value("Backup Store", lost.store, "store_id")
	pack = next(each for each in (path / "data").rglob("*") if each.is_file())
	pack.rename(tmp := path.with_name(f"{path.name}.pack-away"))
	checked(bench, lost.store, "Failed")
	assert ("Backup Store", lost.store) in drift(bench, acme)
	tmp.rename(pack)
	frappe.db.set_value("Tenant", acme.name, {"keep_daily": 1, "keep_weekly": -1, "keep_monthly": -1})
	frappe.db.set_value("Backup", again.name, "taken_at", frappe.utils.add_days(again.taken_at, -3))
	newest = back_up(bench, acme)
	assert places(bench, acme)[again.name] == ("Kept", "Local")
	frappe.db.set_value("Backup Store", lost.store, "checked_at", frappe.utils.add_days(None, -8))
	frappe.db.commit()
	store_checks.check_due_stores()
	ended(bench, store_checks.under_way(lost.store))
	assert ("Backup Store", lost.store) not in drift(bench, acme)
	back_up(bench, acme)
	assert places(bench, acme)[again.name][0] == "Forgotten" and places(bench, acme)[newest.name][0] == "Kept"


@for_root
def test_no_backup_is_begun_without_room(bench, acme):
	frappe, place = bench.frappe, bench.path / "backups-small"
	place.mkdir(exist_ok=True)
	frappe.db.set_value("Bench", acme.bench, "backup_folder", str(place))
	frappe.db.commit()
	try:
		with small_disk(place, "4m"):
			made = acme.back_up()
			ended(bench, made["job"], "Failed")
			error = frappe.db.get_value("Backup", made["backup"], "error")
			assert "GB are free" in error or "MB are free" in error
			assert not list(place.iterdir())
	finally:
		frappe.db.set_value("Bench", acme.bench, "backup_folder", None)
		frappe.db.commit()
		place.rmdir()


def test_what_a_killed_dump_has_set_aside_goes(bench, acme):
	from buildpro_saas.agent import account, database_dump
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.databases import server
	from buildpro_saas.fleet import reconciliation

	frappe, database = bench.frappe, config(bench, acme)["db_name"]
	aside = database_dump.aside_of(database)

	def found() -> list:
		return [row for row in reconciliation.compare(acme.bench) if row.subject == aside]

	with server(account.read(Bench(bench.path))) as mariadb:
		with mariadb.connections(1) as (holder,):
			with database_dump._set_aside(mariadb, database, [], holder):
				assert mariadb.has_database(aside) and not found()  # somebody is at work there
		mariadb.create_database(aside, f"dump/{database}")  # as a process leaves it that is killed
		(row,) = found()
		assert row.kind == "Database" and "killed" in row.what
		frappe.db.set_value(
			"Drift Finding", row.name, "first_found", frappe.utils.add_to_date(None, hours=-2)
		)
		frappe.db.commit()
		reconciliation.compare(acme.bench, is_mending=True)
		assert not mariadb.has_database(aside) and not found()
