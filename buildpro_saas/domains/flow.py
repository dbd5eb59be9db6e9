"""How a host name goes on its way: what is started when somebody asks, and what the scheduler starts by itself.

Each name has a job of its own, or its own part of a turn of a batch: one bad name stops no other.
"""

from datetime import datetime, timedelta

import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.errors import AgentError, is_transient, sentence
from buildpro_saas.domains import addresses, issuing, looks, own_names, publishing, records, shown
from buildpro_saas.domains.proxy_spec import SERVED
from buildpro_saas.jobs import batches, lifecycle
from buildpro_saas.jobs.batch_runner import TenantWork, Turn
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.jobs.playbook import RetryPolicy
from buildpro_saas.tenant_status import WITH_SITE

BRING, REMOVE, RENEW, CHECK = "bring_domain", "remove_domain", "renew_certificate", "check_domains"
ASK = "ask_renewals"
# Jobs that go on beside whatever is done with the tenant's site.
BESIDE = (BRING, REMOVE, RENEW)
AT_ONCE = 4  # names that are looked at side by side on a bench
RENEWALS_AT_ONCE = 20  # certificates of a bench: a thousand that are due are spread over the hours
# What a look at an own name finds: its DNS is ours, and was just seen to.
OWN_IS_GOOD = looks.Look(True, True, "")
# A look that was started is not started again within this time, in seconds.
TAKEN_FOR = 900
# The longest that anything here is put off is a week, by an authority's limits.
LONGEST_AHEAD = timedelta(days=8)


# -- what somebody asks for ------------------------------------------------------------------------------------------


def look_now(name: str, *, is_asked: bool = False) -> str:
	"""Start the job that looks at a Site Domain, and brings it as far as it goes; returns the job's name, also of one under way.

	is_asked: somebody asks, who has mended what was wrong: an authority that did not issue is asked again before its next turn. The caller
	commits.
	"""
	row = records.get(name)
	if job := under_way(row.name):
		records.change(name, next_check=now_datetime())  # it may have looked before something was mended
		return job
	records.change(name, next_check=now_datetime() + timedelta(seconds=TAKEN_FOR))
	return _start(BRING, row, is_asked=is_asked)


def remove(name: str) -> str:
	"""Let the host name be free, and start the job that takes it out of proxy, links and certificates; returns the job's name.

	The caller commits.
	"""
	row = records.get(name)
	is_primary = {each.name: each.is_primary for each in records.held_of(row.tenant)}
	if is_primary.get(name):
		_make_primary(row.tenant, records.own_of(row.tenant))
	records.remove(name)
	return _start(REMOVE, row)


def make_primary(name: str) -> str:
	"""Have links begin with this name, and others that redirect lead to it; returns the name of the job that does it. The caller commits."""
	row = records.get(name)
	_make_primary(row.tenant, row)
	return _start(BRING, row)


def _make_primary(tenant: str, row) -> None:
	"""Of two who do it at once, the second waits here, and sees what the first has done: a tenant never has two."""
	names = records.held_of(tenant)
	if row is not None and row.name not in [each.name for each in names]:
		return  # it was removed meanwhile
	for each in names:
		is_it = row is not None and each.name == row.name
		if bool(each.is_primary) != is_it:
			records.change(each.name, is_primary=int(is_it))


def renew(name: str) -> str:
	"""Start the job that gets the Site Certificate anew; returns its name, also of one under way. The caller commits."""
	if job := _job_about(RENEW, name):
		return job
	row = records.certificate(name)
	title = row.folder
	of = {"tenant": row.tenant, "bench": row.bench, "about": title, "subject": name}
	return lifecycle.start(RENEW, inputs={"certificate": name}, **of).name


def under_way(name: str) -> str | None:
	"""The unfinished job that is about the Site Domain; None for none."""
	return _job_about(BRING, name)


def _start(playbook: str, row, *, is_asked: bool = False) -> str:
	inputs = {"domain": row.name, "host": row.host, "is_asked": is_asked}
	of = {"tenant": row.tenant, "bench": row.bench, "subject": row.name}
	return lifecycle.start(playbook, inputs=inputs, **of).name


def _job_about(playbook: str, record: str) -> str | None:
	of = {"playbook": playbook, "subject": record, "status": ("in", UNFINISHED)}
	return frappe.db.get_value("Provisioning Job", of)


# -- what the scheduler starts ---------------------------------------------------------------------------------------


def start_due_looks() -> None:
	"""Every minute, on the admin site: start looks at the names whose time has come, and what own names lack that are new to us."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		lifecycle.shielded(_bring_missing, bench)
		lifecycle.shielded(_look_at_due, bench)


def _has_come(moment: datetime, now: datetime) -> bool:
	"""Whether something is due at that moment. One that lies further ahead than anything is put off was noted by a clock that ran ahead."""
	return not now < moment < now + LONGEST_AHEAD


def _bring_missing(bench: str) -> None:
	for name in own_names.adopt_missing(bench):
		look_now(name)
	frappe.db.commit()


def _look_at_due(bench: str) -> None:
	now = now_datetime()
	of = {"bench": bench, "state": ("!=", records.REMOVED)}
	has_come = [["next_check", "<=", now], ["next_check", ">=", now + LONGEST_AHEAD]]
	due = frappe.get_all(records.DOMAIN, of, ["name", "tenant"], or_filters=has_come, order_by="next_check")
	for row in due:
		records.change(row.name, next_check=now + timedelta(seconds=TAKEN_FOR))
	there = _with_site(bench) if due else set()  # the names of an archived tenant stay his, and wait
	due = [row for row in due if row.tenant in there]
	frappe.db.commit()
	if not due:
		return
	tenants = dict.fromkeys(row.tenant for row in due)
	batches.start(
		CHECK,
		[(tenant, bench) for tenant in tenants],
		why=_("their time has come"),
		inputs={"domains": [row.name for row in due]},
		width=AT_ONCE,
		priority=-1,
	)
	frappe.db.commit()


def ask_due() -> None:
	"""Each hour, on the admin site: start asking authorities when to renew what they have issued."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		of = {"playbook": ASK, "bench": bench, "status": ("in", UNFINISHED)}
		if due_to_ask(bench) and not frappe.db.exists("Provisioning Job", of):
			lifecycle.shielded(_start_asking, bench)


def _start_asking(bench: str) -> None:
	lifecycle.start(ASK, tenant=None, bench=bench, about=bench)
	frappe.db.commit()


def due_to_ask(bench: str) -> list[str]:
	"""Certificates of the Bench whose authority is to be asked when to renew them."""
	of = {"bench": bench, "status": records.VALID, "method": ("!=", records.UPLOADED)}
	rows = frappe.get_all(records.CERTIFICATE, of, ["name", "ask_at"])
	return [row.name for row in rows if not row.ask_at or _has_come(row.ask_at, now_datetime())]


def _with_site(bench: str) -> set[str]:
	return set(frappe.get_all("Tenant", {"bench": bench, "status": ("in", WITH_SITE)}, pluck="name"))


def renew_due() -> None:
	"""Every ten minutes, on the admin site: start getting certificates that are missing or due, a few at once on each bench."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		lifecycle.shielded(_renew_some, bench)


def _renew_some(bench: str) -> None:
	now = now_datetime()
	of = {"bench": bench, "status": ("!=", records.REMOVED)}
	rows = frappe.get_all(records.CERTIFICATE, of, "*", order_by="renew_from")
	running = frappe.db.count(
		"Provisioning Job", {"playbook": RENEW, "bench": bench, "status": ("in", UNFINISHED)}
	)
	there = _with_site(bench)
	due = [
		row
		for row in rows
		if issuing.is_due(row)
		and (not row.next_try or _has_come(row.next_try, now))
		and (not row.tenant or row.tenant in there)
		and _is_wanted(row)
	]
	for row in due[: max(RENEWALS_AT_ONCE - running, 0)]:
		renew(row.name)
	frappe.db.commit()


def _is_wanted(row) -> bool:
	"""Whether it is to be got now: a name is served with it, that leads here, and no job of the name's is about to get it."""
	if not row.tenant:
		return True
	of = {"certificate": row.name, "state": ("not in", (records.REMOVED, records.WAITING))}
	names = frappe.get_all(records.DOMAIN, of, pluck="name")
	return bool(names) and not any(under_way(name) for name in names)


# -- a turn of the batch ---------------------------------------------------------------------------------------------


class CheckDomains(TenantWork):
	"""Look at those names of a tenant whose time has come. inputs: domains (their records' names)."""

	title = "Check host names"
	timeout = 300.0
	retry = RetryPolicy(attempts=2)
	takes_site = False

	def run(self, turn: Turn) -> str:
		"""Look at each of them. A name that has come further gets a job of its own. Returns a sentence."""
		rows = [row for row in records.of_tenant(turn.tenant) if row.name in turn.inputs["domains"]]
		said = [self._look(row) for row in rows]
		if any(_is_less(row, records.get(row.name)) for row in rows):
			publishing.want(frappe.db.get_value("Tenant", turn.tenant, "bench"))
			frappe.db.commit()
		shown.put(turn.tenant)
		addresses.tell_site(turn.tenant)
		return "; ".join(said)[:500] or _("No name is due any more.")

	def _look(self, row) -> str:
		"""A fault of one name is noted with it, and the others are looked at."""
		try:
			if looks.is_given_up(row):
				records.remove(row.name)
				frappe.db.commit()
				return f"{row.host}: nobody has proven it within {looks.UNPROVEN_DAYS} days, so it is anybody's again"
			found = OWN_IS_GOOD if row.kind == records.OWN else looks.look(row)
			if row.kind == records.OWN:
				own_names.ensure_dns(row, frappe.get_doc("Bench", row.bench).as_dict())
			state = looks.note(row, found)
			if found.is_good and (state != records.LIVE or row.is_failing):
				look_now(row.name)
			frappe.db.commit()
			return f"{row.host}: {state}"
		except Exception as error:
			frappe.db.rollback()
			if is_transient(error):
				looks.note_later(row.name, error)
			elif isinstance(error, AgentError):
				looks.note_fault(row.name, " ".join(filter(None, (str(error), error.hint))))
			else:
				frappe.log_error(title=f"Looking at {row.host}")
				records.change(row.name, checked_at=now_datetime())  # nobody waits for it any more
			frappe.db.commit()
			return f"{row.host}: {sentence(error)}"


def _is_less(before, now) -> bool:
	"""Whether nobody is sent to the name any more, or it is served no more."""
	is_sound = records.is_sound(before) and not records.is_sound(now)
	return is_sound or (before.state in SERVED and now.state not in SERVED)
