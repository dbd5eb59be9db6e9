"""What cannot be done is refused in one sentence that says what to change, and nothing is begun."""

import importlib
import json

import pytest

FLEET = "buildpro_saas.fleet"
RECORDS = ("Provisioning Job", "Backup", "Backup Store", "Site Shadow", "Batch")


def of(module: str, function: str, *given, **more):
	"""A call of a function of the fleet's with the tenant's document first; it is made once Frappe knows its site."""
	return lambda tenant: getattr(importlib.import_module(f"{FLEET}.{module}"), function)(
		tenant, *given, **more
	)


def named(module: str, function: str, *given, **more):
	"""The same with the tenant's name first."""
	call = of(module, function, *given, **more)
	return lambda tenant: call(tenant.name)


def whom(**given):
	"""The tenants whom an operation meets."""
	return lambda _tenant: importlib.import_module(f"{FLEET}.site_operations").Whom(**given).found()


def restored(**given):
	"""A restore of the tenant, confirmed unless it is said otherwise."""

	def call(tenant):
		asked = {"files": None, "confirm": tenant.subdomain, **given}
		return of("restores", "start", **asked)(tenant)

	return call


ACTIVE = {
	"Name the backup to restore, a folder with one, or a moment": restored(),
	"one of the three": restored(backup="backup-1", to="2027-01-31 14:05"),
	"Name the folder with the backup by its whole path": restored(files="backups/acme"),
	"There is no tenant nobody-of-them whose backup it could be": restored(
		files="/srv/acme", from_tenant="nobody-of-them"
	),
	"There is no backup backup-none: see": restored(backup="backup-none"),
	"from its own backups: leave out": lambda tenant: restored(
		to="2027-01-31 14:05", from_tenant=tenant.name
	)(tenant),
	"the subdomain of the tenant whose site is swapped": restored(files="/srv/acme", confirm="another"),
	"Keep it for more than 0 hours": of("shadow_requests", "start_copy", "", 0),
	"has no shadow that could be swapped in": named("shadow_requests", "of_tenant", None),
	"There is no shadow shadow-none": named("shadow_requests", "of_tenant", "shadow-none"),
	"has no backup that is kept": named("drills", "start"),
	"There is no backup backup-none of": named("backup_requests", "of_tenant", "backup-none"),
	"has no backups that could be checked": named("store_checks", "of_tenant"),
	"is called that already": lambda tenant: of("renames", "start", tenant.subdomain)(tenant),
	"the subdomain of the tenant whose site goes": of("removals", "archive", "another", by="test"),
	"only an archived tenant is brought back": of("removals", "unarchive"),
	"is no clone: it does not end by itself": of("clones", "keep_longer", 14),
	"There is no tenant to work on": whom(tenants=[]),
	"There is no tenant nobody-of-them": whom(tenants=["nobody-of-them"]),
	"A tenant that is Archived has no site": whom(status="Archived"),
	"There is no Plan nothing-of-that": whom(plan="nothing-of-that"),
	"No tenant with a site meets that": whom(tag="nobody has this tag"),
	"is no function's dotted name": lambda _tenant: of("site_operations", "function", None)("ping"),
	"must be a JSON object": lambda _tenant: of("site_operations", "function", "[1]")("frappe.ping"),
	"The message has 501 characters: 500 at most": lambda _tenant: of("site_operations", "message")(
		"x" * 501
	),
	"No tenant has the site": lambda _tenant: of("refreshes", "of_site")("nobody.example.com"),
}
ARCHIVED = {
	"is Archived, and has no site to back up": of("backup_requests", "start"),
	"is Archived, and has no site to copy": of("shadow_requests", "start_copy", ""),
	"is Archived, and has no site to archive": of("removals", "archive", "", by="test"),
	"is Archived, and has no site to rename": of("renames", "start", "birch"),
}
CASES = [
	*(("Active", said, call) for said, call in ACTIVE.items()),
	*(("Archived", said, call) for said, call in ARCHIVED.items()),
]


@pytest.fixture
def tenant_that_is(drifting):
	"""Makes a tenant with that status, whose site is there: tenant_that_is(status) → the document."""

	def make(status: str):
		mark = drifting.mark()
		database = drifting.database(mark, has_tables=True)
		site = drifting.site(mark, db_name=database)
		return drifting.frappe.get_doc("Tenant", drifting.tenant(status, site, database))

	yield make
	drifting.frappe.db.rollback()


def counts(frappe) -> dict[str, int]:
	frappe.db.rollback()
	return {doctype: frappe.db.count(doctype) for doctype in RECORDS}


def refused(frappe, call) -> str:
	"""The sentence with which the call is refused; nothing is begun."""
	before = counts(frappe)
	with pytest.raises((frappe.ValidationError, frappe.DoesNotExistError)) as refusal:
		call()
	assert counts(frappe) == before
	return str(refusal.value)


@pytest.mark.parametrize(("status", "said", "call"), CASES, ids=[said for _status, said, _call in CASES])
def test_a_sentence_says_what_to_change_and_nothing_is_begun(tenant_that_is, drifting, status, said, call):
	tenant = tenant_that_is(status)
	assert said in refused(drifting.frappe, lambda: call(tenant))


def test_who_is_at_work_is_told_and_how_long_such_a_job_takes(tenant_that_is, drifting):
	from buildpro_saas.fleet import engaged, restores

	frappe, tenant = drifting.frappe, tenant_that_is("Active")
	known = {"title": "Back up", "playbook": f"of-{drifting.token}", "mark": drifting.mark()}
	for number in (6, 7, 90):
		ended = {"status": "Completed", "duration": number, "ended_at": frappe.utils.now_datetime()}
		drifting.record("Provisioning Job", **known, **ended)
	job = drifting.record(
		"Provisioning Job", **known, status="Running", tenant=tenant.name, owner="Administrator"
	)
	for check in (engaged.check, restores._check_no_job):
		told = refused(frappe, lambda check=check: check(tenant.name))
		assert f"{job} (Back up) of Administrator is at work on the site, since " in told
		assert "(such a job takes about 7 s): wait for its end, or cancel it." in told


def test_the_form_does_not_change_the_recovery_key(drifting):
	"""Backups would be wrapped for nobody, or for whoever may write settings."""
	settings = drifting.frappe.get_doc("SaaS Settings")
	settings.recovery_recipient = "somebody else's"
	assert "`saas recovery-key` alone" in refused(drifting.frappe, settings.save)


def test_without_a_recovery_key_no_backup_is_begun(tenant_that_is, drifting):
	from buildpro_saas.fleet import backup_requests, site_operations

	frappe, tenant = drifting.frappe, tenant_that_is("Active")
	before = frappe.db.get_single_value("SaaS Settings", "recovery_recipient")
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", None)
	frappe.db.commit()
	try:
		many = site_operations.Whom([tenant.name])
		for call in (
			lambda: backup_requests.start(tenant),
			lambda: site_operations.start(site_operations.BACK_UP, many),
		):
			assert "There is no recovery key yet" in refused(frappe, call)
	finally:
		frappe.db.rollback()
		frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before)
		frappe.db.commit()


def test_a_site_whose_user_is_lost_is_not_restored_for_that(tenant_that_is, drifting):
	frappe, tenant = drifting.frappe, tenant_that_is("Active")
	path = drifting.sites / tenant.site / "site_config.json"
	path.write_text(json.dumps({**json.loads(path.read_text()), "db_password": "not the one in MariaDB"}))
	told = refused(frappe, lambda: restored(files="/srv/acme")(tenant))
	assert f"its database user {tenant.database}, whom MariaDB does not let in" in told
	assert f"saas restore-lost {tenant.name}" in told
