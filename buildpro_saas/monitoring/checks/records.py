"""Checks of what the admin site has on record: backups, drills, stores, certificates, entitlements, jobs, drift."""

from collections.abc import Iterator

from buildpro_saas.monitoring.checks.check import (
	BENCH,
	CRITICAL,
	INFO,
	SECURITY,
	SERVICE,
	TENANT,
	WARNING,
	Check,
	Finding,
	identity_of,
)

HOUR, DAY = 3600, 24 * 3600
# A backup is late once two turns and six hours have gone by without one; without any for two days, a customer could lose all.
SPARE, NONE_FOR = 6 * HOUR, 2 * DAY
UNDRILLED = 62 * DAY
DELIVERY = HOUR  # seconds for which deliveries fail
NEARLY_OVER = 3 * DAY  # until an entitlement ends
OFFSITE, ALL_OFFSITE = "Offsite backups", "backup.offsite.all"
LEAST = 3
# renewal.LEVELS of domains/, as severities.
LEVELS = {"Notice": INFO, "Warning": WARNING, "Critical": CRITICAL, "Expired": CRITICAL}


def late_backups(facts: dict) -> Iterator[Finding]:
	"""Tenants without a backup in time. Where nothing is backed up for want of a recovery key, that is said once."""
	if not facts["has_recovery_key"]:
		if any(row["backups_per_day"] for row in facts["tenants"].values()):
			yield Finding(
				*("backup.key", SERVICE, "Recovery key", "No backup is taken: there is no recovery key."),
				"Make one, and keep it away from this machine: `saas recovery-key`.",
				severity=CRITICAL,
			)
		return
	for tenant, row in facts["tenants"].items():
		if not row["backups_per_day"]:
			continue
		age = row["backup_age"]
		late = age > 2 * DAY / row["backups_per_day"] + SPARE
		if late:
			had = (
				f"The newest backup of {tenant} is {_span(age)} old"
				if row["has_backup"]
				else f"{tenant} has no backup"
			)
			yield Finding(
				*("backup.late", TENANT, tenant, f"{had}; its plan says {row['backups_per_day']} a day."),
				f"See `saas backups {tenant}` for the reason, then `saas backup {tenant} --wait`.",
				severity=CRITICAL if age > NONE_FOR else WARNING,
				bench=row["bench"],
				tenant=tenant,
			)


def own_backup(facts: dict) -> Iterator[Finding]:
	"""The admin site's own backup, and whether the newest one can be restored."""
	if facts["has_recovery_key"] and facts["own_backup"]:
		yield Finding(
			*("backup.admin", SERVICE, f"Backup of {facts['site']}", facts["own_backup"]),
			"Without it, the keys that sign entitlements are on this machine alone: `saas backup-admin --wait`.",
		)
	if facts["own_drill"]:
		yield Finding(
			*("backup.admin.drill", SERVICE, f"Drill of {facts['site']}", facts["own_drill"]),
			"None of its backups is forgotten until a drill passes: `saas drill-admin --wait`.",
			severity=CRITICAL,
		)


def drills(facts: dict) -> Iterator[Finding]:
	"""Backups that were tried and could not be restored; and those that were not tried for long."""
	for tenant, row in facts["tenants"].items():
		if row["drill_error"]:
			yield Finding(
				*("backup.drill", TENANT, tenant, f"The last drill of {tenant} failed: {row['drill_error']}"),
				f"No backup of {tenant} is forgotten until a drill passes: `saas drill {tenant}`.",
				severity=CRITICAL,
				bench=row["bench"],
				tenant=tenant,
			)
		elif row["has_backup"] and row["drill_age"] > UNDRILLED:
			yield Finding(
				*(
					"backup.undrilled",
					TENANT,
					tenant,
					f"No backup of {tenant} was tried for {_span(row['drill_age'])}.",
				),
				f"Try it: `saas drill {tenant}`. `saas jobs` shows whether the rota has its turns at night.",
				severity=INFO,
				bench=row["bench"],
				tenant=tenant,
			)


def stores(facts: dict) -> Iterator[Finding]:
	"""Damaged stores, and copies offsite that fail. Where all fail, the place is the cause."""
	failing = [row for row in facts["stores"] if row["offsite_error"]]
	shared = len(failing) >= LEAST and len({row["offsite_error"] for row in failing}) == 1
	if shared:
		yield Finding(
			*(ALL_OFFSITE, SERVICE, OFFSITE),
			f"No copy of {len(failing)} stores gets offsite: {failing[0]['offsite_error']}",
			"See Offsite Backups in SaaS Settings: address, key, and the room there.",
		)
	for row in facts["stores"]:
		if row["check_error"]:
			yield Finding(
				*("backup.store", SERVICE, f"Backups of {row['whose']}"),
				f"The store of the backups of {row['whose']} is damaged: {row['check_error']}",
				"Nothing is removed there until a check finds no damage: `saas drift` says what to do.",
				severity=CRITICAL,
				bench=row["bench"],
				tenant=row["tenant"],
			)
		if row["offsite_error"]:
			yield Finding(
				*("backup.offsite", SERVICE, f"Offsite backups of {row['whose']}"),
				f"The backups of {row['whose']} were not copied offsite: {row['offsite_error']}",
				"They are kept here. It is tried again by itself.",
				bench=row["bench"],
				tenant=row["tenant"],
				cause=identity_of(ALL_OFFSITE, OFFSITE) if shared else "",
			)


def certificates(facts: dict) -> Iterator[Finding]:
	"""Certificates that run out or are not served, by what benches show."""
	for row in facts["certificates"]:
		yield Finding(
			*("certificate", SERVICE, f"Certificate of {row['names']}", row["sentence"]),
			f"It is tried again by itself. {row['error'] or 'Its record says when.'} `saas certificates` lists all.",
			severity=LEVELS.get(row["level"], WARNING),
			bench=row["bench"],
			tenant=row["tenant"],
		)


def entitlements(facts: dict) -> Iterator[Finding]:
	"""Statements that do not reach a site, or that end soon since nobody has renewed them."""
	for tenant, row in facts["tenants"].items():
		failing, overdue, left = row["delivery_failing"], row["renewal_overdue"], row["entitlement_left"]
		if max(failing, overdue) <= DELIVERY:
			continue
		said = f"Entitlements have not reached {tenant} for {_span(max(failing, overdue))}."
		is_ending = overdue > DELIVERY and left < NEARLY_OVER
		yield Finding(
			*(
				"entitlement",
				TENANT,
				tenant,
				f"{said} Its own ends in {_span(max(left, 0))}." if is_ending else said,
			),
			"Once it and its grace are over, the site is read-only. `saas batches` has the reason; it is tried again by itself.",
			severity=CRITICAL if is_ending else WARNING,
			bench=row["bench"],
			tenant=tenant,
			cause=identity_of("site.down", tenant),
		)


def failed_jobs(facts: dict) -> Iterator[Finding]:
	"""Jobs that have failed and wait for somebody."""
	for row in facts["jobs"]:
		if row["state"] == "failed":
			yield Finding(
				*(
					"jobs.failed",
					SERVICE,
					row["name"],
					f"{row['title']} ({row['name']}) failed: {row['error']}",
				),
				f"{row['hint']} Then `saas retry {row['name']}`, or `saas cancel {row['name']}`.".strip(),
				bench=row["bench"],
				tenant=row["tenant"],
			)


def stuck_jobs(facts: dict) -> Iterator[Finding]:
	"""Jobs that take longer than they may, or that wait while nothing is done."""
	for row in facts["jobs"]:
		if row["state"] == "stuck":
			yield Finding(
				*("jobs.stuck", SERVICE, row["name"], f"{row['title']} ({row['name']}) {row['says']}"),
				f"See `saas job {row['name']}`, and that a worker runs for its queue: `saas doctor`.",
				bench=row["bench"],
				tenant=row["tenant"],
			)


def drift(facts: dict) -> Iterator[Finding]:
	"""Differences between benches and records that nobody has settled for a day."""
	for bench, row in facts["drift"].items():
		yield Finding(
			*(
				"drift",
				BENCH,
				bench,
				f"{row['count']} differences between {bench} and the records are older than a day: {row['first']}",
			),
			"`saas drift` lists them, each with what to do.",
			bench=bench,
		)


def security(facts: dict) -> Iterator[Finding]:
	"""What a look at a bench's security has found; looked at once a day, for it takes seconds."""
	for bench, rows in facts["security"].items():
		if rows:
			yield Finding(
				*(
					"security",
					BENCH,
					bench,
					f"{len(rows)} things are open, outdated or readable on {bench}: {rows[0]}",
				),
				"`saas security` lists them, with a command for each.",
				bench=bench,
			)


def _span(seconds: float) -> str:
	if seconds >= 2 * DAY:
		return f"{seconds / DAY:.0f} days"
	return f"{seconds / HOUR:.0f} hours" if seconds >= 2 * HOUR else f"{seconds / 60:.0f} minutes"


CHECKS = (
	Check("Backups are taken", late_backups, ("backup.late", "backup.key"), stands_off=False),
	Check(
		"The admin site is backed up", own_backup, ("backup.admin", "backup.admin.drill"), stands_off=False
	),
	Check("Backups can be restored", drills, ("backup.drill", "backup.undrilled"), looks=1, stands_off=False),
	Check(
		"Backups are kept whole, and offsite",
		stores,
		("backup.store", "backup.offsite", ALL_OFFSITE),
		looks=1,
		stands_off=False,
	),
	Check("Certificates as served", certificates, ("certificate",), looks=1),
	Check("Entitlements arrive", entitlements, ("entitlement",)),
	Check("Jobs succeed", failed_jobs, ("jobs.failed",), looks=1, stands_off=False),
	Check("Jobs go on", stuck_jobs, ("jobs.stuck",), stands_off=False),
	Check("Benches are as the records say", drift, ("drift",), stands_off=False),
	Check("Security", security, ("security",), needs=SECURITY, looks=1, stands_off=False),
)
