"""Each kind of drift, made by hand on a real bench: what is found, what is removed, and what is left alone."""

import json
import os
import shutil
import time

import pytest

HIDDEN = ".buildpro"


def orphans(drifting) -> list[str]:
	"""One of each kind of orphan, whose makers no record knows."""
	lone = drifting.user()
	drifting.record("Standby Site", status="Discarded", database=lone, mark=drifting.mark())
	mark = drifting.mark()
	return [
		drifting.site(mark, db_name=(database := drifting.database(mark))),
		drifting.site(drifting.mark(), f"{HIDDEN}/images", "image-"),
		drifting.site(drifting.mark(), f"{HIDDEN}/standby", "standby-"),
		drifting.draft(drifting.mark(), has_config=True),
		database,
		drifting.database(drifting.mark(), has_user=False),
		lone,
	]


# -- what is nobody's ------------------------------------------------------------------------------------------------


def test_orphans_are_told_and_stay_for_an_hour(drifting):
	made = orphans(drifting)
	found = {row.subject: row for row in drifting.compare()}
	assert set(found) == set(made)
	assert all(row.is_ours and "removed by itself" in row.action for row in found.values())
	drifting.mend()
	assert all(drifting.has(subject) for subject in made)
	assert {drifting.status(subject) for subject in made} == {"Open"}


def test_orphans_are_removed_after_an_hour(drifting):
	made = orphans(drifting)
	drifting.seen_long_ago()
	drifting.mend()
	assert [subject for subject in made if drifting.has(subject)] == []
	assert {drifting.status(subject) for subject in made} == {"Removed"}
	assert drifting.compare() == []
	assert {drifting.status(subject) for subject in made} == {"Removed"}


def test_a_comparison_alone_removes_nothing(drifting):
	made = orphans(drifting)
	drifting.seen_long_ago()
	assert len(drifting.compare()) == len(made)
	assert all(drifting.has(subject) for subject in made)


def test_a_folder_that_changed_within_the_hour_stays(drifting):
	site = drifting.site(drifting.mark())
	drifting.seen_long_ago()
	os.utime(drifting.sites / site)
	drifting.mend()
	assert drifting.has(site) and drifting.status(site) == "Open"


def test_a_draft_is_ours_by_its_jobs_mark_alone(drifting):
	"""Removing a folder may be killed after site_config.json went."""
	known, unknown = drifting.mark(), drifting.mark()
	drifting.job(known, "Cancelled")
	ours, strange = (drifting.draft(mark, has_config=False) for mark in (known, unknown))
	drifting.seen_long_ago()
	drifting.mend()
	assert (drifting.has(ours), drifting.status(ours)) == (False, "Removed")
	assert (drifting.has(strange), drifting.status(strange)) == (True, "Open")


def test_a_draft_beside_a_living_site_goes_alone(drifting):
	site = drifting.site(None)
	draft = drifting.draft(drifting.mark(), has_config=True)
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.has(site) and not drifting.has(draft)


def test_a_customers_site_that_the_records_forgot_stays(drifting):
	"""As after the admin site was restored from an older backup."""
	mark = drifting.mark()
	database, lost = (drifting.database(mark, has_tables=True) for _n in range(2))
	site = drifting.site(mark, db_name=database, buildpro_tenant="acme")
	drifting.seen_long_ago()
	drifting.mend()
	found = {row.subject: row for row in drifting.compare()}
	assert set(found) == {site, lost}  # the database is the site's
	assert all(row.is_ours for row in found.values())
	assert "older backup" in found[lost].action and f"saas adopt {site}" in found[site].action
	assert all(drifting.has(subject) for subject in (site, database, lost))


def test_what_another_bench_made_on_the_same_server_is_left_to_it(drifting):
	mark = drifting.mark()
	values = {"title": "Test", "playbook": "test", "status": "Cancelled", "mark": mark}
	drifting.record("Provisioning Job", **values, bench="elsewhere")
	database = drifting.database(mark, has_tables=True)
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.has(database)


def test_a_site_on_another_bench_claims_no_folder_here(drifting):
	"""As after a move that was broken off: the same name on both."""
	site = drifting.site(drifting.mark(), buildpro_finished=1)
	drifting.tenant("Active", site, None, bench="elsewhere")
	drifting.seen_long_ago()
	drifting.mend()
	(row,) = [row for row in drifting.compare() if row.subject == site]
	assert "of the bench elsewhere" in row.what and "on the bench elsewhere is whole" in row.action
	assert drifting.has(site)


def test_a_bench_that_does_not_answer_does_not_keep_the_others(drifting):
	gone = drifting.record("Bench", name="gone", bench_name="gone", path="/srv/gone", is_reachable=1)
	drifting.job(mark := drifting.mark(), "Cancelled")
	database = drifting.database(mark)
	drifting.seen_long_ago()
	drifting.mend()
	assert not drifting.has(database)
	assert drifting.frappe.db.exists("Error Log", {"method": f"The bench {gone} does not answer"})
	drifting.frappe.db.delete("Error Log")


def test_a_bench_is_asked_once_for_its_account(drifting, monkeypatch):
	from buildpro_saas.agent.door import Door

	asked, has_account = [], Door.has_account
	monkeypatch.setattr(Door, "has_account", lambda door: asked.append(door) or has_account(door))
	drifting.mend()
	assert len(asked) == drifting.frappe.db.count("Bench", {"is_reachable": 1})


def test_a_bench_whose_trash_cannot_be_read_does_not_keep_the_others(drifting, monkeypatch):
	from buildpro_saas.agent.errors import AgentError
	from buildpro_saas.fleet import bench_trash

	lame = drifting.record("Bench", name="lame", bench_name="lame", path="/srv/lame", is_reachable=1)
	site, _database = removed_site(drifting)
	entries_of = bench_trash.entries_of

	def entries_but_there(bench: str) -> list:
		if bench == lame:
			raise AgentError("MariaDB is away.")
		return entries_of(bench)

	(name,) = [entry.name for entry in bench_trash.entries() if entry.subject == site]
	monkeypatch.setattr(bench_trash, "with_account", lambda: [lame, drifting.bench])
	monkeypatch.setattr(bench_trash, "entries_of", entries_but_there)
	with pytest.raises(AgentError, match="MariaDB is away"):
		drifting.reconciliation.put_back("nothing-of-that-name")
	drifting.reconciliation.put_back(name)
	assert drifting.has(site)


def test_what_a_cancelled_job_left_goes_whatever_it_holds(drifting):
	mark = drifting.mark()
	drifting.job(mark, "Cancelled")
	site = drifting.site(
		mark, buildpro_tenant="acme", db_name=(database := drifting.database(mark, has_tables=True))
	)
	drifting.tenant("Draft", site, database)
	drifting.seen_long_ago()
	drifting.mend()
	assert not drifting.has(site) and not drifting.has(database)


def test_a_fault_with_one_does_not_keep_the_others(drifting, monkeypatch):
	from buildpro_saas.agent.databases import DatabaseServer

	site = drifting.site(drifting.mark())
	stuck, database = (drifting.database(drifting.mark()) for _n in range(2))
	drop = DatabaseServer.drop

	def sometimes(self, name, mark):
		if name == stuck:
			raise RuntimeError("the disk is stuck")
		drop(self, name, mark)

	drifting.seen_long_ago()
	with monkeypatch.context() as patch:
		patch.setattr(DatabaseServer, "drop", sometimes)
		drifting.mend()
	assert [drifting.has(subject) for subject in (site, stuck, database)] == [False, True, False]
	action = drifting.frappe.db.get_value("Drift Finding", {"subject": stuck}, "action")
	assert action.endswith("the disk is stuck")
	drifting.mend()
	assert not drifting.has(stuck)


# -- what is somebody's ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Waiting", "Queued", "Running", "Cancelling", "Failed"])
def test_everything_of_a_job_that_has_not_let_go_is_its_own(drifting, status):
	mark = drifting.mark()
	drifting.job(mark, status)
	drifting.site(mark)
	drifting.site(mark, f"{HIDDEN}/standby")
	drifting.draft(mark, has_config=False)
	drifting.database(mark)
	assert drifting.compare() == []


def test_a_job_that_begins_just_before_the_removal_keeps_what_is_its_own(drifting, monkeypatch):
	mark = drifting.mark()
	site, database = drifting.site(mark), drifting.database(mark)
	drifting.seen_long_ago()
	remove = drifting.reconciliation._remove

	def late(bench, key, row):
		if not [row for row in drifting.rows if row[0] == "Provisioning Job"]:
			drifting.job(mark, "Running")
		remove(bench, key, row)

	monkeypatch.setattr(drifting.reconciliation, "_remove", late)
	drifting.mend()
	assert drifting.has(site) and drifting.has(database)
	assert drifting.compare() == []
	assert {drifting.status(site), drifting.status(database)} == {"Resolved"}


@pytest.mark.parametrize("status", ["Active", "Past Due", "Suspended", "Archived", "Provisioning", "Failed"])
def test_a_tenants_site_is_its_own(drifting, status):
	mark = drifting.mark()
	database = drifting.database(mark)
	site = drifting.site(mark, db_name=database)
	drifting.tenant(status, site, database)
	assert drifting.compare() == []


def test_images_and_standby_sites_are_their_own(drifting):
	mark, other = drifting.mark(), drifting.mark()
	image = drifting.record(
		"Site Image", status="Ready", database=drifting.database(mark, has_user=False), mark=mark
	)
	standby = drifting.record(
		"Standby Site", image=image, status="Ready", database=drifting.database(other), mark=other
	)
	for place, row, its in (("images", image, mark), ("standby", standby, other)):
		doctype = "Site Image" if place == "images" else "Standby Site"
		database = drifting.frappe.db.get_value(doctype, row, "database")
		path = drifting.sites / drifting.site(its, f"{HIDDEN}/{place}", db_name=database)
		path.rename(path.with_name(database))
	assert drifting.compare() == []


def test_a_standby_site_on_its_way_to_a_tenant_is_its_jobs(drifting):
	"""Its database carries the job's mark already, its folder still that of the pool."""
	pool, mark = drifting.mark(), drifting.mark()
	job = drifting.job(mark, "Running")
	database = drifting.database(mark)
	drifting.record("Standby Site", status="Claimed", claimed_by=job, database=database, mark=pool)
	path = drifting.sites / drifting.site(pool, f"{HIDDEN}/standby", db_name=database)
	path.rename(path.with_name(database))
	assert drifting.compare() == []
	drifting.frappe.db.set_value("Provisioning Job", job, "status", "Cancelled")
	# the row alone claims nothing
	assert {row.kind for row in drifting.compare()} == {"Site Folder", "Database"}


@pytest.mark.parametrize("change", ["begins", "ends"])
def test_what_changes_while_the_bench_is_looked_at_is_no_drift(drifting, monkeypatch, change):
	from buildpro_saas.agent.door import Door

	mark = drifting.mark()
	if change == "ends":
		drifting.job(mark, "Cancelling")
		drifting.database(mark)
	do = Door.do

	def meanwhile(bench, name, /, **spec):
		if name != "take_inventory":
			return do(bench, name, **spec)
		if change == "begins":
			drifting.database(mark)
			drifting.job(mark, "Running")
			return do(bench, name, **spec)
		found = do(bench, name, **spec)
		drifting.frappe.db.set_value("Provisioning Job", drifting.rows[0][1], "status", "Cancelled")
		return found

	with monkeypatch.context() as patch:
		patch.setattr(Door, "do", meanwhile)
		assert drifting.compare() == []
	assert len(drifting.compare()) == (change == "ends")  # by then it is


# -- what is not ours ------------------------------------------------------------------------------------------------


def test_what_is_not_ours_is_reported_and_never_touched(drifting):
	other = "another-admin.localhost/0123456789abcdef"
	made = [
		drifting.site(None),
		drifting.site(other, prefix="other-"),
		drifting.site(None, f"{HIDDEN}/standby"),
		drifting.database(other),
		drifting.user(),
	]
	drifting.seen_long_ago()
	drifting.mend()
	found = {row.subject: row for row in drifting.compare()}
	assert set(found) == set(made)
	assert all(not row.is_ours and "Nothing is done" in row.action for row in found.values())
	assert all(drifting.has(subject) for subject in made)


def test_a_mark_that_merely_begins_alike_is_not_ours(drifting):
	database = drifting.database(f"{drifting.frappe.local.site}.example/0123456789abcdef")
	site = drifting.site(f"{drifting.frappe.local.site}s/0123456789abcdef")
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.has(database) and drifting.has(site)


def test_a_site_made_by_hand_has_its_database(drifting):
	database = drifting.database("")
	site = drifting.site(None, db_name=database)
	assert [row.subject for row in drifting.compare()] == [site]


def test_a_site_config_that_cannot_be_read_hides_nothing(drifting):
	(drifting.sites / (site := drifting.site(None)) / "site_config.json").write_text("{")
	database = drifting.database(drifting.mark())
	found = {row.subject: row.what for row in drifting.compare()}
	assert set(found) == {site, database} and "cannot be read" in found[site]


def test_a_user_whose_name_anybody_may_choose_is_not_ours(drifting):
	name = drifting.user("cust_")
	assert drifting.compare() == []
	drifting.job(drifting.mark(), "Cancelled", database=name)
	drifting.seen_long_ago()
	drifting.mend()
	assert [bool(row.is_ours) for row in drifting.compare()] == [False] and drifting.has(name)


def test_a_lone_user_is_ours_when_a_job_names_it(drifting):
	name = drifting.user()
	drifting.job(drifting.mark(), "Cancelled", database=name)
	drifting.seen_long_ago()
	drifting.mend()
	assert not drifting.has(name) and drifting.status(name) == "Removed"


def test_the_bench_itself_and_its_admin_site_are_no_drift(drifting):
	found = {row.subject for row in drifting.reconciliation.compare(drifting.bench)}
	assert not found & {drifting.frappe.local.site, drifting.frappe.conf.db_name, "assets", HIDDEN}


# -- what is missing -------------------------------------------------------------------------------------------------


# Of a site_config.json that is lost or another's: the data is untouched, and restoring would destroy it.
CONFIGS = {
	"emptied": "site_config.json that names its database",
	"another's": "which is that of sites/",
	"cut off": "site_config.json that can be read",
	"gone": "lacks the site_config.json of sites/",
}


@pytest.mark.parametrize("state", CONFIGS)
def test_a_lost_site_config_is_to_be_put_back_and_nothing_restored(drifting, state):
	mark = drifting.mark()
	database = drifting.database(mark)
	site = drifting.site(mark, db_name=database)
	(drifting.sites / site / "private").mkdir()
	drifting.tenant("Active", site, database)
	path = drifting.sites / site / "site_config.json"
	if state == "gone":
		path.unlink()
	elif state == "another's":
		other = drifting.frappe.conf.db_name
		path.write_text(json.dumps(json.loads(path.read_text()) | {"db_name": other}))
	else:
		path.write_text({"emptied": "{}", "cut off": '{"db_na'}[state])
	(row,) = (row for row in drifting.compare() if row.kind == "Tenant")
	assert CONFIGS[state] in row.what, row.what
	assert "data is untouched" in row.action and "Do not run `bench restore`" in row.action


@pytest.mark.parametrize("lacking", ["folder", "database", "user"])
@pytest.mark.parametrize("status", ["Active", "Suspended"])
def test_what_a_tenant_lacks(drifting, lacking, status):
	mark = drifting.mark()
	database = drifting.database(mark)
	site = drifting.site(mark, db_name=database)
	tenant = drifting.tenant(status, site, database)
	with drifting.server() as mariadb:
		if lacking == "folder":
			shutil.rmtree(drifting.sites / site)
		elif lacking == "user":
			mariadb.drop_user(database, mark)
		else:
			mariadb.db.sql(f"drop database `{database}`")
	(row,) = drifting.compare()
	assert (row.kind, row.subject, bool(row.is_ours)) == ("Tenant", tenant, True)
	told = {
		"folder": "its folder",
		"user": "database user",
		"database": "its database _",
	}
	assert told[lacking] in row.what and status in row.what and "last backup" in row.action
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.status(tenant) == "Open"  # nothing is done by itself


def test_of_a_tenant_that_a_job_works_on_nothing_is_expected(drifting):
	tenant = drifting.tenant("Active", f"{drifting.token}.localhost", f"_{drifting.token}")
	drifting.frappe.db.set_value(
		"Provisioning Job", drifting.job(drifting.mark(), "Running"), "tenant", tenant, update_modified=False
	)
	assert drifting.compare() == []


def test_an_image_and_a_standby_site_that_lack_something_go_out_of_use_at_once(drifting):
	mark = drifting.mark()
	image, standby = drifting.copies(mark, database := drifting.database(mark))
	found = {row.subject: row for row in drifting.compare()}
	assert {row.kind for row in found.values()} == {"Image", "Standby Site"}
	assert "its folder" in found[image].what and "Stale" in found[image].action
	drifting.mend()
	drifting.frappe.db.commit()
	assert drifting.frappe.db.get_value("Site Image", image, "status") == "Stale"
	assert "its folder" in drifting.frappe.db.get_value("Site Image", image, "reason")
	assert drifting.frappe.db.get_value("Standby Site", standby, "status") == "Discarded"
	assert not drifting.has(database)
	drifting.compare()
	assert {drifting.status(image), drifting.status(standby)} == {"Resolved"}


def test_a_database_of_the_same_name_without_the_mark_is_not_the_images(drifting):
	image, standby = drifting.copies(
		drifting.mark(), database := drifting.database("elsewhere/0123456789abcdef")
	)
	found = {row.subject: row.what for row in drifting.compare()}
	assert set(found) == {image, standby} and all("its database" in what for what in found.values())
	drifting.mend()
	assert drifting.has(database)  # somebody else's


# -- findings ----------------------------------------------------------------------------------------------------------


def test_a_finding_that_is_gone_is_resolved_and_a_new_one_is_another(drifting):
	site = drifting.site(None)
	(first,) = drifting.compare()
	shutil.rmtree(drifting.sites / site)
	assert drifting.compare() == [] and drifting.status(site) == "Resolved"
	drifting.site(None)
	(second,) = drifting.compare()
	assert second.name != first.name and second.first_found > first.first_found


def test_a_finding_is_told_once(drifting):
	drifting.site(None)
	(first,), (again,) = drifting.compare(), drifting.compare()
	assert (again.name, again.first_found) == (first.name, first.first_found)
	assert again.last_found > first.last_found


def test_another_thing_that_takes_the_name_has_its_own_hour(drifting):
	site = drifting.site(drifting.mark())
	drifting.seen_long_ago()
	shutil.rmtree(drifting.sites / site)
	drifting.site(drifting.mark())
	drifting.mend()
	assert drifting.has(site) and drifting.status(site) == "Open"


def test_what_staff_ignore_is_told_no_more_and_kept(drifting):
	site = drifting.site(drifting.mark())
	drifting.seen_long_ago()
	(row,) = drifting.compare()
	finding = drifting.frappe.get_doc("Drift Finding", row.name)
	finding.ignore()
	drifting.mend()
	assert drifting.compare() == [] and drifting.has(site) and drifting.status(site) == "Ignored"
	with pytest.raises(drifting.frappe.ValidationError, match="is Ignored"):
		finding.ignore()
	finding.report_again()
	drifting.mend()
	assert drifting.has(site)  # its hour begins anew
	assert [row.name for row in drifting.compare()] == [finding.name]
	shutil.rmtree(drifting.sites / site)
	drifting.compare()
	assert drifting.status(site) == "Resolved"


def test_nobody_writes_findings_and_support_does_not_ignore_them(drifting):
	frappe = drifting.frappe
	drifting.site(None)
	(row,) = drifting.compare()
	finding = frappe.get_doc("Drift Finding", row.name)
	finding.status = "Ignored"
	with pytest.raises(frappe.PermissionError, match="Ignore"):
		finding.save()
	frappe.set_user("Guest")
	try:
		with pytest.raises(frappe.PermissionError, match="SaaS Manager"):
			frappe.get_doc("Drift Finding", row.name).ignore()
	finally:
		frappe.set_user("Administrator")


def test_tenants_sites_do_not_compare(drifting):
	drifting.site(None)
	drifting.frappe.conf.buildpro_role = "tenant"
	try:
		drifting.mend()
	finally:
		drifting.frappe.conf.buildpro_role = "admin"
	assert not drifting.frappe.db.exists("Drift Finding", {"subject": ("like", f"%{drifting.token}%")})


def test_the_scheduler_compares_every_ten_minutes(drifting):
	from buildpro_saas import scheduled_jobs

	method = "buildpro_saas.fleet.reconciliation.compare_benches"
	cron = drifting.frappe.db.get_value("Scheduled Job Type", {"method": method}, "cron_format")
	assert cron == "*/10 * * * *"
	assert method in scheduled_jobs.ADMIN_JOBS


# -- the trash ---------------------------------------------------------------------------------------------------------


def removed_site(drifting) -> tuple[str, str]:
	"""Paths of a folder and name of its database that reconciliation has taken away, with something in both."""
	mark = drifting.mark()
	drifting.job(mark, "Cancelled")
	database = drifting.database(mark, has_tables=True)
	site = drifting.site(mark, db_name=database, db_password="not-a-secret-of-anybody", encryption_key="k")
	(drifting.sites / site / "public" / "plan.pdf").write_text("a plan")
	with drifting.server() as mariadb:
		mariadb.db.sql(f"insert into `{database}`.`tabSingles` values ('a row')")
		mariadb.db.commit()
	os.utime(drifting.sites / site, times=(0, 0))
	drifting.seen_long_ago()
	drifting.mend()
	assert not drifting.has(site) and not drifting.has(database)
	return site, database


def bench_trash():
	from buildpro_saas.fleet import bench_trash

	return bench_trash


def trash_of(drifting) -> dict:
	return {entry.subject: entry for entry in bench_trash().entries()}


def test_what_is_removed_comes_back_by_one_command(drifting):
	site, database = removed_site(drifting)
	assert drifting.compare() == []
	kept = trash_of(drifting)
	assert {site, database} <= set(kept)
	back = drifting.reconciliation.put_back(kept[site].name)
	assert {entry.subject for entry in back} == {site, database}
	assert (drifting.sites / site / "public" / "plan.pdf").read_text() == "a plan"
	with drifting.server() as mariadb:
		assert mariadb.db.sql(f"select value from `{database}`.`tabSingles`")[0][0] == "a row"
		assert mariadb.has_user(database)
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.has(site) and drifting.has(database)
	assert {drifting.status(site), drifting.status(database)} == {"Ignored"}


def test_a_finding_that_was_removed_puts_back(drifting):
	site, _database = removed_site(drifting)
	name = drifting.frappe.db.get_value("Drift Finding", {"subject": site, "status": "Removed"})
	finding = drifting.frappe.get_doc("Drift Finding", name)
	assert finding.trash in finding.action
	finding.put_back()
	assert drifting.has(site)
	with pytest.raises(drifting.frappe.ValidationError, match="nothing called"):
		finding.put_back()


def test_nothing_is_put_back_over_something_else(drifting):
	site, database = removed_site(drifting)
	drifting.site(None)
	with pytest.raises(Exception, match="in its place"):
		drifting.reconciliation.put_back(trash_of(drifting)[site].name)
	assert {site, database} <= set(trash_of(drifting)) and not drifting.has(database)


def test_what_a_tenant_has_is_told_as_his_and_not_to_be_moved_away(drifting):
	"""A new tenant took the name meanwhile; folder and database are looked at together."""
	site, database = removed_site(drifting)
	drifting.site(None)
	mark = drifting.mark()
	with drifting.server() as mariadb:
		mariadb.create_database(database, mark)
	tenant = drifting.tenant("Active", site, database)
	with pytest.raises(Exception, match="leave it") as refusal:
		drifting.reconciliation.put_back(trash_of(drifting)[site].name)
	told = f"{refusal.value} {refusal.value.hint}"
	for subject in (site, database):
		assert f"{subject} cannot be put back. It is the tenant {tenant}'s, which is Active" in told
	assert "Move" not in told
	assert {site, database} <= set(trash_of(drifting))


@pytest.mark.parametrize("note", ["{", "[]", "{}", '{"name": "x", "kind": 1}', "\udcff"])
def test_a_note_that_cannot_be_read_stops_nothing(drifting, note):
	site, database = removed_site(drifting)
	kept = trash_of(drifting)
	broken = drifting.sites / HIDDEN / "trash" / kept[database].name / "note.json"
	whole = broken.read_bytes()
	broken.write_bytes(note.encode(errors="surrogateescape"))
	try:
		drifting.mend()
		assert kept[database].name in bench_trash().unreadable_of(drifting.bench)
		assert site in trash_of(drifting) and database not in trash_of(drifting)
		# nobody knows any more that it is the trash's, but its name says so
		assert drifting.compare(kept[database].database) == []
		with pytest.raises(Exception, match=r"note\.json cannot be read"):
			drifting.reconciliation.put_back(kept[database].name)
		assert drifting.reconciliation.put_back(kept[site].name)
	finally:
		broken.write_bytes(whole)
	assert bench_trash().unreadable_of(drifting.bench) == []


def test_the_trash_is_emptied_by_days_that_were_lived_through(drifting, monkeypatch):
	"""A clock that leaps, or a bench that stood still, makes nothing due."""
	from buildpro_saas.agent import trash

	site, database = removed_site(drifting)
	now = time.time()
	monkeypatch.setattr(trash.time, "time", lambda: now + 60 * 86400)
	drifting.mend()
	assert {site, database} <= set(trash_of(drifting))
	for _day in range(int(bench_trash().days() * 86400 / trash.LONGEST_LOOK)):
		now += trash.LONGEST_LOOK
		bench_trash().look_into([drifting.bench])
	assert not {site, database} & set(trash_of(drifting))


def test_a_move_into_the_trash_that_was_killed_is_done_again(drifting):
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.trash import Trash

	mark = drifting.mark()
	drifting.job(mark, "Cancelled")
	database = drifting.database(mark, has_tables=True)
	with drifting.server() as mariadb:
		trash = Trash(Bench.here(), mariadb)
		entry = trash._note("Database", database, mark, f"_trash_{drifting.token}")
		mariadb.create_database(entry.database, mark)
	drifting.seen_long_ago()
	drifting.mend()
	(kept,) = [entry for entry in bench_trash().entries() if entry.subject == database]
	assert kept.database != entry.database
	with drifting.server() as mariadb:
		assert not mariadb.has_database(entry.database) and mariadb.has_tables(kept.database)


# -- what somebody may have used -----------------------------------------------------------------------------------------


def signed_in(mariadb, database: str, *rows: tuple[str, str, str]) -> None:
	"""An Activity Log with these rows: (user, operation, status)."""
	mariadb.db.commit()  # which making a table does as well
	mariadb.db.sql(
		f"create table `{database}`.`tabActivity Log` (user varchar(140), operation varchar(140), status varchar(140))"
	)
	for row in rows:
		mariadb.db.sql(f"insert into `{database}`.`tabActivity Log` values %s", (row,))


@pytest.mark.parametrize("sign", ["finished", "password", "sign-in", "administrator", "tenant", "database"])
def test_a_site_that_somebody_may_have_used_is_never_removed(drifting, sign):
	"""Whatever the records say: its job is on record as cancelled."""
	mark = drifting.mark()
	drifting.job(mark, "Cancelled")
	database = drifting.database(mark, has_tables=True)
	config = {"db_name": database}
	if sign == "finished":
		config["buildpro_finished"] = 1
	elif sign == "tenant":
		config["buildpro_tenant"] = drifting.tenant("Active", f"other-{drifting.token}.localhost", None)
	elif sign == "database":
		drifting.tenant("Active", f"other-{drifting.token}.localhost", database)
	with drifting.server() as mariadb:
		if sign == "password":
			mariadb.db.sql(
				f"create table `{database}`.`__Auth` (doctype text, name varchar(140), fieldname text, password text)"
			)
			mariadb.db.sql(
				f"insert into `{database}`.`__Auth` values ('User', 'olga@acme.example', 'password', 'x')"
			)
		if sign == "sign-in":
			mariadb.db.sql(
				f"create table `{database}`.`tabUser` (name varchar(140), last_login datetime, last_active datetime)"
			)
			mariadb.db.sql(f"insert into `{database}`.`tabUser` values ('olga@acme.example', now(), null)")
		if sign == "administrator":
			signed_in(mariadb, database, ("Administrator", "Login", "Success"))
		mariadb.db.commit()
	site = drifting.site(mark, **config)
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.has(site) and drifting.has(database)
	assert drifting.status(site) == "Open"


def test_what_was_made_ahead_and_never_used_still_goes(drifting):
	"""Administrator, who is signed in nowhere, and Guest are nobody's sign-in. Nor is one that failed."""
	mark = drifting.mark()
	drifting.job(mark, "Cancelled")
	database = drifting.database(mark, has_tables=True)
	with drifting.server() as mariadb:
		mariadb.db.sql(
			f"create table `{database}`.`tabUser` (name varchar(140), last_login datetime, last_active datetime)"
		)
		mariadb.db.sql(f"insert into `{database}`.`tabUser` values ('Administrator', now(), now())")
		signed_in(
			mariadb,
			database,
			*(("Administrator", "Login", "Failed"), ("Administrator", "Logout", "Success")),
			("Guest", "Login", "Success"),
		)
		mariadb.db.commit()
	site = drifting.site(mark, db_name=database)
	drifting.seen_long_ago()
	drifting.mend()
	assert not drifting.has(site) and not drifting.has(database)


def test_a_moved_site_is_told_while_its_job_has_not_let_go(drifting):
	"""As after the admin site was restored from a backup: its job is Failed on record."""
	mark = drifting.mark()
	drifting.job(mark, "Failed")
	tenant = drifting.tenant("Failed", f"home-{drifting.token}.localhost", None)
	site = drifting.site(mark, buildpro_tenant=tenant, buildpro_finished=1)
	(row,) = [row for row in drifting.compare() if row.subject == site]
	assert f"mv sites/{site} sites/home-{drifting.token}.localhost" in row.action
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.has(site)


def test_a_database_is_put_back_beside_a_damaged_site(drifting):
	mark = drifting.mark()
	drifting.job(mark, "Cancelled")
	database = drifting.database(mark, has_tables=True)
	drifting.seen_long_ago()
	drifting.mend()
	assert not drifting.has(database)
	(drifting.sites / drifting.site(None) / "site_config.json").write_text('{"db_na')
	entry = trash_of(drifting)[database]
	drifting.reconciliation.put_back(entry.name)
	assert drifting.has(database)


# -- use is looked at in the moment of the removal ---------------------------------------------------------------------


def sign_in(drifting, database: str) -> None:
	with drifting.server() as mariadb:
		mariadb.db.sql(f"create table `{database}`.`tabSessions` (`user` text)")
		mariadb.db.sql(f"insert into `{database}`.`tabSessions` values ('olga@acme.example')")
		mariadb.db.commit()


@pytest.mark.parametrize("is_used", [True, False], ids=["used", "unused"])
def test_a_standby_site_that_somebody_has_used_is_not_removed(drifting, is_used):
	"""No record claims it any more, so staff are told of it."""
	from buildpro_saas.fleet import standby
	from buildpro_saas.jobs.bench_door import door_of

	mark = drifting.mark()
	drifting.job(mark, "Completed")
	database = drifting.database(mark, has_tables=True)
	row = drifting.record("Standby Site", status="Discarding", database=database, mark=mark)
	if is_used:
		sign_in(drifting, database)
	standby.discard(standby.row(row), door_of(drifting.bench))
	assert drifting.frappe.db.get_value("Standby Site", row, "status") == "Discarded"
	assert drifting.has(database) == is_used
	told = drifting.frappe.get_all("Error Log", {"method": f"{row} is in use"}, pluck="error")
	assert len(told) == is_used
	drifting.frappe.db.delete("Error Log", {"method": f"{row} is in use"})
	if is_used:
		assert "is signed in" in told[0]
		drifting.seen_long_ago()
		drifting.mend()
		(found,) = drifting.compare()
		assert found.subject == database and drifting.has(database)


def test_what_is_used_since_the_last_look_does_not_go_to_the_trash(drifting):
	from buildpro_saas.agent.errors import NotOursError
	from buildpro_saas.jobs.bench_door import door_of

	mark = drifting.mark()
	database = drifting.database(mark, has_tables=True)
	site = drifting.site(mark, db_name=database)
	sign_in(drifting, database)
	there = door_of(drifting.bench)
	with pytest.raises(NotOursError, match=r"in use: .* is signed in"):
		there.do("trash_folder", path=site, mark=mark)
	with pytest.raises(NotOursError, match=r"in use: .* is signed in"):
		there.do("trash_database", name=database, mark=mark)
	with drifting.server() as mariadb:
		mariadb.db.sql(f"delete from `{database}`.`tabSessions`")
		mariadb.db.commit()
	there.site(site).update_config({"buildpro_finished": 1})
	with pytest.raises(NotOursError, match="handed over"):
		there.do("trash_folder", path=site, mark=mark)
	there.site(site).update_config({"buildpro_finished": None})
	assert drifting.has(site) and drifting.has(database)
	assert there.do("trash_folder", path=site, mark=mark).subject == site


# -- copies that no record knows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place, prefix", [("images", "image-"), ("standby", "standby-")])
def test_a_copy_of_which_no_record_is_left_goes_with_its_database(drifting, place, prefix):
	"""As one that was made after the backup from which the admin site was restored."""
	mark = drifting.mark()
	database = drifting.database(mark, has_tables=True)
	folder = drifting.site(mark, f"{HIDDEN}/{place}", prefix, db_name=database)
	found = {row.subject: row for row in drifting.compare()}
	assert set(found) == {database, folder}
	assert all("removed by itself" in row.action for row in found.values())
	drifting.seen_long_ago()
	drifting.mend()
	assert not drifting.has(database) and not drifting.has(folder)
	entry = trash_of(drifting)[folder]
	drifting.reconciliation.put_back(entry.name)
	assert drifting.has(database) and drifting.has(folder)


def test_a_copy_that_somebody_has_used_stays_with_its_database(drifting):
	mark = drifting.mark()
	database = drifting.database(mark, has_tables=True)
	with drifting.server() as mariadb:
		mariadb.db.sql(f"create table `{database}`.`tabSessions` (`user` text)")
		mariadb.db.sql(f"insert into `{database}`.`tabSessions` values ('olga@acme.example')")
		mariadb.db.commit()
	folder = drifting.site(mark, f"{HIDDEN}/standby", "standby-", db_name=database)
	drifting.seen_long_ago()
	drifting.mend()
	assert drifting.has(database) and drifting.has(folder)
	(found,) = drifting.compare()
	assert found.subject == folder and "is signed in" in found.what
