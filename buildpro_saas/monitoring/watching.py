"""Looks at everything each minute: gathers facts, has the checks look at them, keeps the alerts, has people told, and tells the watchdog.

Whoever waits for the watchdog's pings hears of what nobody here can tell: that the scheduler, the queue, the worker or the machine stand still.
"""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from buildpro_saas import site_role
from buildpro_saas.jobs.named_locks import named_lock
from buildpro_saas.monitoring import alert_records, alert_rules, checks, excuses, facts, telling
from buildpro_saas.monitoring.checks.check import Check

LOCK = "monitoring"
SETTINGS = "SaaS Settings"
SECURITY_AT = (4, 17)  # hour and minute of the day at which security is looked at, too
UNKNOWN_CHECK_LOOKS = 2


def look_each_minute() -> None:
	"""Every minute, on the admin site: one look, unless another one is still under way. Commits."""
	if not site_role.is_admin_site():
		return
	with named_lock(LOCK, frappe.local.site) as is_ours:
		if is_ours:
			now = now_datetime()
			look(with_security=(now.hour, now.minute) == SECURITY_AT)
			telling.tell()
			telling.ping()


def look(*, with_security: bool = False) -> list[checks.Looked]:
	"""Look at everything once, and keep the alerts that follow; returns what the checks found. Commits.

	with_security: also at the security of benches, which takes seconds.
	"""
	seen = facts.gather(with_security=with_security)
	looked = checks.look(seen)
	keep(looked, excuses.of(seen, looked))
	return looked


def keep(looked: list[checks.Looked], excused: excuses.Excuses) -> None:
	"""Keep the alerts that follow from one look. Commits."""
	now = now_datetime()
	frappe.db.rollback()  # a fresh snapshot: staff may have acknowledged one meanwhile
	before = alert_records.known(now)
	after = alert_rules.step(
		before,
		[finding for each in looked for finding in each.findings],
		looks=lambda key: _looks(checks.OF.get(key)),
		is_excused=lambda each: bool(excused.why(each.check, each.bench, each.tenant)),
		now=now,
		patience=patience(),
	)
	alert_records.keep(before, after)
	frappe.db.commit()


def patience() -> alert_rules.Patience:
	"""After how long alerts that nobody has acknowledged are told again, as SaaS Settings say."""
	repeat = frappe.db.get_single_value(SETTINGS, "alert_repeat_hours") or 0
	escalate = frappe.db.get_single_value(SETTINGS, "alert_escalate_minutes") or 0
	return alert_rules.Patience(
		timedelta(hours=repeat) if repeat > 0 else None, timedelta(minutes=escalate) if escalate > 0 else None
	)


def _looks(check: Check | None) -> int:
	return check.looks if check else UNKNOWN_CHECK_LOOKS
