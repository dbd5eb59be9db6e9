"""What benches really serve, asked by name as a browser does: files say nothing of a proxy that was not reloaded."""

import time
from dataclasses import dataclass

import frappe
from frappe.utils import now_datetime

from buildpro_saas.domains import records, renewal, seeing
from buildpro_saas.jobs.bench_door import door_of

TIMEOUT = 300  # seconds for the names of one question
AT_ONCE = 100  # names that are asked for in one question to a bench
# Levels of renewal.alarm, each worse than the one before.
ORDER = ("", renewal.NOTICE, renewal.WARNING, renewal.CRITICAL, renewal.EXPIRED)


@dataclass(frozen=True)
class Told:
	"""A certificate (Site Certificate) that staff are to be told of: level and sentence as renewal.alarm has them."""

	certificate: str
	host: str
	level: str
	sentence: str


def alarms(bench: str) -> list[Told]:
	"""Ask the Bench for each name that is live, and note what was seen; returns what staff were not told yet. Commits."""
	rows = frappe.get_all(records.DOMAIN, {"bench": bench, "state": records.LIVE}, ["host", "certificate"])
	found: dict[str, Told] = {}
	for first in range(0, len(rows), AT_ONCE):
		some = rows[first : first + AT_ONCE]
		seen = _asked(bench, [row.host for row in some])
		for row in some:
			told = _judged(row, seen.get(row.host))
			if told and told.certificate not in found:
				found[told.certificate] = told
	frappe.db.commit()
	return list(found.values())


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


def _judged(row, seen) -> Told | None:
	known = records.certificate(row.certificate)
	if not known:
		return None
	if isinstance(seen, str):
		alarm = renewal.alarm_unserved(row.host, seen)
	else:
		alarm = renewal.alarm(row.host, seen.valid_until, seen.valid_from, time.time(), seen.fault)
		frappe.db.set_value(
			records.CERTIFICATE, known.name, "served_at", now_datetime(), update_modified=False
		)
	if ORDER.index(alarm.level) <= ORDER.index(known.alarmed or ""):
		return None
	return Told(known.name, row.host, alarm.level, " ".join(filter(None, (alarm.sentence, known.last_error))))


def note_told(told: Told) -> None:
	"""Note that staff were told. The caller commits."""
	frappe.db.set_value(records.CERTIFICATE, told.certificate, "alarmed", told.level, update_modified=False)
