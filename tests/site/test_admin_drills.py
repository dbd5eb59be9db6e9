"""What a failed drill of the admin site's own backup means: it is told, it keeps all backups, and it comes again in another night."""

import pytest


@pytest.fixture
def backup(drifting):
	"""Makes the record of a backup of the admin site that is newer than all: backup(taken_at, …)."""
	from buildpro_saas.fleet import backups

	def make(taken_at: str, **values) -> str:
		of = {"kind": "Admin Site", "status": backups.KEPT, "place": backups.LOCAL, "taken_at": taken_at}
		return drifting.record("Backup", **of, **values)

	return make


def test_a_failed_drill_bars_pruning_until_a_newer_one_passes(drifting, backup):
	from buildpro_saas.fleet import admin_drill, backups

	backup("2099-11-01 10:00:00", verified_how=backups.RESTORED, verified_at="2099-11-01 11:00:00")
	assert admin_drill.complaint() is None and not backups.is_kept_by_drill(None)
	failed = backup("2099-11-02 10:00:00", drill_error="tabNote differ.")
	assert backups.is_kept_by_drill(None)
	assert failed in admin_drill.complaint() and "tabNote differ. Try again" in admin_drill.complaint()
	admin_drill.set_passed(backup("2099-11-03 10:00:00", drill_error="It was another fault."), seconds=7)
	drifting.frappe.db.commit()
	assert admin_drill.complaint() is None and not backups.is_kept_by_drill(None)
	assert admin_drill.last_passed() is not None


def test_a_drill_that_fails_is_told(drifting, backup):
	from buildpro_saas.fleet import admin_drill
	from buildpro_saas.monitoring import record_facts
	from buildpro_saas.monitoring.checks import records

	frappe = drifting.frappe
	job = drifting.job(drifting.mark(), "Failed")
	frappe.db.set_value("Provisioning Job", job, "error", "The store is damaged.")
	name = backup("2099-11-02 10:00:00", drill=job)
	try:
		admin_drill.job_is({"backup": name}, "Failed")
		assert frappe.db.get_value("Backup", name, "drill_error") == "The store is damaged."
		found = {each.check: each for each in records.own_backup(record_facts.gather())}
		told = found["backup.admin.drill"]
		assert name in told.sentence and "The store is damaged." in told.sentence
		assert told.severity == "Critical" and "saas drill-admin" in told.advice
	finally:
		frappe.db.rollback()


def test_without_a_backup_there_is_nothing_to_drill(drifting, monkeypatch):
	from buildpro_saas.fleet import admin_drill

	monkeypatch.setitem(admin_drill.DRILLED, "kind", "none of these")
	with pytest.raises(drifting.frappe.ValidationError, match="There is no backup of this site to drill"):
		admin_drill.start()
