"""What benches really serve, asked by name as a browser does: files say nothing of a proxy that was not reloaded."""

import time

import frappe
from frappe.utils import now_datetime

from buildpro_saas import site_role
from buildpro_saas.domains import records, renewal, seeing
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of

TIMEOUT = 300  # seconds for the names of one question
AT_ONCE = 100  # names that are asked for in one question to a bench
# Levels of renewal.alarm, each worse than the one before.
ORDER = ("", renewal.NOTICE, renewal.WARNING, renewal.CRITICAL, renewal.EXPIRED)


def look_at_served() -> None:
	"""Each hour, on the admin site: ask each bench whose proxy is ours for its names, and note what is wrong with certificates."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		lifecycle.shielded(look, bench)


def look(bench: str) -> None:
	"""Ask the Bench for each name that is live, and note on each certificate what was seen, the worst of its names. Commits."""
	rows = frappe.get_all(records.DOMAIN, {"bench": bench, "state": records.LIVE}, ["host", "certificate"])
	found: dict[str, renewal.Alarm] = {}
	for first in range(0, len(rows), AT_ONCE):
		some = rows[first : first + AT_ONCE]
		seen = _asked(bench, [row.host for row in some])
		for row in some:
			alarm = _judged(row, seen.get(row.host))
			if alarm and ORDER.index(alarm.level) >= ORDER.index(found.get(row.certificate, alarm).level):
				found[row.certificate] = alarm
	for certificate, alarm in found.items():
		values = {"alarmed": alarm.level, "alarm_says": alarm.sentence}
		frappe.db.set_value(records.CERTIFICATE, certificate, values, update_modified=False)
	frappe.db.commit()


def _asked(bench: str, hosts: list[str]) -> dict:
	port = frappe.db.get_value("Bench", bench, "https_port") or 443
	return door_of(bench).run(
		"served",
		id=f"served/{bench}/{time.time()}",
		timeout=TIMEOUT,
		log=frappe.logger("buildpro_saas").info,
		checkpoint=frappe.db.commit,
		hosts=hosts,
		port=port,
		address=seeing.listens_at(),
		ca_file=frappe.conf.get(seeing.ISSUER_FILE) or "",
	)


def _judged(row, seen) -> renewal.Alarm | None:
	"""What is wrong with the certificate of a name; None where it has none on record. seen: what the bench shows, or why it shows nothing."""
	if not (known := records.certificate(row.certificate)):
		return None
	if isinstance(seen, str):
		return renewal.alarm_unserved(row.host, seen)
	frappe.db.set_value(records.CERTIFICATE, known.name, "served_at", now_datetime(), update_modified=False)
	return renewal.alarm(row.host, seen.valid_until, seen.valid_from, time.time(), seen.fault)
