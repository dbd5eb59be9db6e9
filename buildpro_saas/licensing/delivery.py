"""Brings changed entitlements to the tenants' sites of this machine's benches: one job a bench, however many tenants."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain

import frappe
from frappe.model.document import Document
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.door import Door, SiteDoor
from buildpro_saas.entitlements import clock, decision
from buildpro_saas.jobs import lifecycle, registry
from buildpro_saas.jobs.bench_door import door_of, is_reached, reached
from buildpro_saas.licensing import signing_keys
from buildpro_saas.licensing.signing_keys import PUBLIC
from buildpro_saas.tenant_status import WITH_SITE

PLAYBOOK = "send_entitlements"
# In frappe.local: the job of each bench that this request or job has made.
LOCAL_KEY = "buildpro_deliveries"
# In the site_config.json of a tenant's site: its token, the sequence number of the newest statement that it has had.
TOKEN = "buildpro_sync_token"
SEQUENCE = "buildpro_sequence"
# The latest time that the site knows to have been.
CLOCK = "buildpro_clock"
# In frappe.local, within `together`: what is to be sent at its end.
TOGETHER_KEY = "buildpro_deliveries_together"
# In the folder of a tenant's site: {"token", "catalogue"}.
STATEMENT_FILE = "entitlement.json"
MakeReady = Callable[[Document, SiteDoor], None]
SLOTS = 6  # an hour's runs of renew_entitlements, among which the tenants are spread
# A site that could not be reached is left alone for as long as that has gone on, within these (seconds): after ten minutes, ten, twenty,
# forty, and then an hour each time.
PATIENCE, LONGEST_PATIENCE = 600, 3600
# The scheduler comes every ten minutes, and not to the second; nor does a job fail in no time.
EARLY = 120


def send(tenants: Iterable[str] | None, why: str) -> None:
	"""Sign new entitlements for the tenants (names; None: for all) and put them into force on their sites, after this commit.

	Tenants without a site, and those of benches on other machines, are left out: these ask for theirs themselves
	(api/entitlements.py). Calls of one transaction are merged into one job a bench. `why` is what Desk shows with the job.
	"""
	if (waiting := getattr(frappe.local, TOGETHER_KEY, None)) is not None:
		waiting.append((None if tenants is None else list(tenants), why))
		return
	for bench, names in sorted(_by_bench(tenants).items()):
		if not _merge(bench, names, why):
			job = lifecycle.start(
				PLAYBOOK,
				tenant=None,
				bench=bench,
				inputs={"tenants": names, "why": why},
				about=_about(names, why),
			)
			_made_here()[bench] = job.name


@contextmanager
def together() -> Iterator[None]:
	"""Make what is sent within the block one sending at its end, whatever is committed meanwhile. The caller commits.

	Where the block ends in an error, nothing is sent: renew_entitlements finds what is missing.
	"""
	waiting: list[tuple[list[str] | None, str]] = []
	setattr(frappe.local, TOGETHER_KEY, waiting)
	try:
		yield
	finally:
		delattr(frappe.local, TOGETHER_KEY)
	if waiting:
		names = [each for each, _why in waiting]
		send(
			None if None in names else {*chain(*names)},
			"; ".join(dict.fromkeys(why for _names, why in waiting)),
		)


def _by_bench(tenants: Iterable[str] | None) -> dict[str, list[str]]:
	filters = {"status": ("in", WITH_SITE), "bench": ("in", reached())}
	if tenants is not None:
		filters["name"] = ("in", list(tenants))
	found: dict[str, list[str]] = {}
	for row in frappe.get_all("Tenant", filters, ["name", "bench"], order_by="name"):
		found.setdefault(row.bench, []).append(row.name)
	return found


def _merge(bench: str, names: list[str], why: str) -> bool:
	"""Add the tenants to the job that this transaction has made for the bench; False when there is none, or it has gone its way.

	The row itself is asked: a rollback, to a savepoint too, takes it away.
	"""
	if not (job := _made_here().get(bench)):
		return False
	row = frappe.db.get_value(
		"Provisioning Job", job, ["status", "runs", "inputs"], as_dict=True, for_update=True
	)
	if not row or row.status != "Waiting" or row.runs:
		return False
	inputs = frappe.parse_json(row.inputs)
	inputs["tenants"] = sorted({*inputs["tenants"], *names})
	if why not in inputs["why"].split("; "):
		inputs["why"] += f"; {why}"
	values = {
		"inputs": frappe.as_json(inputs),
		"title": f"{registry.get(PLAYBOOK).title}: {_about(inputs['tenants'], inputs['why'])}"[:140],
	}
	frappe.db.set_value("Provisioning Job", job, values, update_modified=False)
	frappe.db.after_commit.add(lambda: lifecycle.dispatch(bench))
	return True


def _made_here() -> dict[str, str]:
	if not hasattr(frappe.local, LOCAL_KEY):
		setattr(frappe.local, LOCAL_KEY, {})
	return getattr(frappe.local, LOCAL_KEY)


def _about(names: list[str], why: str) -> str:
	return f"{names[0] if len(names) == 1 else f'{len(names)} tenants'} ({why})"


# -- one tenant ----------------------------------------------------------------------------------------------------


def deliver(tenant: str, bench: Door, make_ready: MakeReady) -> str:
	"""Put a new entitlement of the tenant into force on its site on this bench; returns what to tell of it.

	make_ready(tenant document, site): raises AgentError where the site is not that tenant's. Commits. Raises that, and what the site
	raised.
	"""
	try:
		doc = locked(tenant)
	except frappe.DoesNotExistError:
		return "there is no such tenant any more"
	if doc.status not in WITH_SITE:
		frappe.db.commit()
		return f"is {doc.status}, and left out"
	site = bench.site(doc.site_name)
	make_ready(doc, site)
	applied = put_into_force(doc, site)
	frappe.db.commit()
	return f"plan {applied['plan']}, {applied['status']}"


def locked(tenant: str):
	"""The tenant's document, its row held until the next commit. Commits before. Raises frappe.DoesNotExistError.

	Whoever signs holds it until the site has the statement: of two deliveries at once, the one with the higher sequence number then
	also carries the newer content.
	"""
	frappe.db.commit()
	# the locking read comes first: what is read after it is no older than the lock
	frappe.db.get_value("Tenant", tenant, "name", for_update=True)
	return frappe.get_doc("Tenant", tenant)


def put_into_force(tenant, site: SiteDoor) -> dict:
	"""Sign the entitlement of the tenant (document, its row held), and put it into force on its site.

	What the site needs for that, and to ask for the next one itself, is mended on the way: the admin site's public keys and the
	tenant's token. Returns what onboarding.apply_entitlement does.
	"""
	config = site.config
	public = signing_keys.public_keys()
	mended = {}
	if not public.keys() & (config.get(PUBLIC) or {}).keys():
		mended[PUBLIC] = public
	token = tenant.sync_token(known=config.get(TOKEN) or "")
	if token != config.get(TOKEN):
		mended[TOKEN] = token
	if mended:
		config = site.update_config(mended)
	tenant.trust(list(config[PUBLIC]))
	applied = site.call(
		"buildpro_saas.tenant_site.onboarding.apply_entitlement",
		**tenant.sign_entitlement(above=int(config.get(SEQUENCE) or 0)),
		company=tenant.company,
	)
	tenant.trust(list(site.config[PUBLIC]))
	return applied


# -- looking after -------------------------------------------------------------------------------------------------


def renew_entitlements() -> None:
	"""Every ten minutes, on the admin site: renew the entitlements whose time is half over, and send those that say what is not so any
	more, or that a site does not have.

	What changed is what `send` sends at once; here it is looked at once an hour for each tenant, for whatever `send` was not called
	for. What the sites have is looked at in each run: a file that was lost or damaged closes a site. One that cannot be looked at is in
	the Error Log, and does not keep the others.
	"""
	if not site_role.is_admin_site():
		return
	fields = ["name", "site", "bench", "entitlement_sequence", "entitlement_renew_at"]
	tenants = frappe.get_all("Tenant", {"status": ("in", WITH_SITE)}, fields, order_by="name")
	under_way, resting = _under_way(), _resting()
	due = []

	def look_at(row) -> None:
		if row.name not in under_way and _is_due(row, resting.get(row.name)):
			due.append(row.name)

	for row in tenants:
		lifecycle.shielded(look_at, row)
	if due:
		send(due, "renewed")


def _is_due(row, rests_until: datetime | None) -> bool:
	"""rests_until: for a tenant whose site could not be reached."""
	now = now_datetime()
	if rests_until and now < rests_until:
		return False
	renew_at = row.entitlement_renew_at and get_datetime(row.entitlement_renew_at)
	if clock.is_renewal_due(renew_at or None, now, _valid_days()):
		return True
	if not _is_on_site(row):
		return True
	# one that could not be reached does not wait for its turn of the hour
	if not rests_until and zlib.crc32(row.name.encode()) % SLOTS != now.minute * SLOTS // 60:
		return False
	return not frappe.get_doc("Tenant", row.name).is_entitlement_current()


def _valid_days() -> float:
	return frappe.get_cached_doc("SaaS Settings").entitlement_valid_days


def _is_on_site(row) -> bool:
	"""Whether the newest statement of the tenant is in force on its site; True for sites that cannot be reached, which ask for it.

	Decided as the site itself does, from the two files that it goes by (a third of a millisecond): its number in site_config.json
	alone says nothing of a statement that was lost or damaged since.
	"""
	if not is_reached(row.bench):
		return True
	site = door_of(row.bench).site(row.site)
	if not (config := site.config):
		return True
	if str(config.get(SEQUENCE)) != row.entitlement_sequence:
		return False
	stored = site.json_file(STATEMENT_FILE)
	now, known = time.time(), float(config.get(CLOCK) or 0)
	if clock.is_behind(now, known):
		return False  # this machine's clock ran ahead and was set right; the next statement tells the site
	found = decision.decisions_of_token(
		str(stored.get("token") or ""),
		config.get(PUBLIC) or {},
		site.name,
		now,
		catalogue=stored.get("catalogue"),
		lowest_sequence=int(config[SEQUENCE]),
	)
	return found.standing in clock.CURRENT and str(found.statement.sequence) == row.entitlement_sequence


def _under_way() -> set[str]:
	"""Tenants to whom a job is about to send."""
	filters = {"playbook": PLAYBOOK, "status": ("in", lifecycle.UNFINISHED)}
	inputs = frappe.get_all("Provisioning Job", filters, pluck="inputs")
	return {tenant for each in inputs for tenant in frappe.parse_json(each)["tenants"]}


def _resting() -> dict[str, datetime]:
	"""Tenants whose sites could not be reached by the last job that tried, with the time until when they are left alone."""
	# with two pauses of the longest in it, so that one who fails each hour is known to have done so for an hour
	since = add_to_date(now_datetime(), seconds=-3 * LONGEST_PATIENCE)
	filters = [
		["playbook", "=", PLAYBOOK],
		["status", "not in", lifecycle.UNFINISHED],
		["ended_at", ">", since],
		# what ended at a time that has not been yet, by a clock that ran ahead, says nothing
		["ended_at", "<=", now_datetime()],
	]
	failing: dict[str, tuple[datetime, datetime]] = {}
	for job in frappe.get_all(
		"Provisioning Job", filters, ["inputs", "state", "ended_at"], order_by="ended_at, name"
	):
		state = frappe.parse_json(job.state or "{}")
		left = state.get("left") or {}
		for tenant in frappe.parse_json(job.inputs)["tenants"][: state.get("sent", 0)]:
			if tenant in left:
				first, _last = failing.get(tenant, (job.ended_at, None))
				failing[tenant] = first, job.ended_at
			else:
				failing.pop(tenant, None)
	return {tenant: _rests_until(*moments) for tenant, moments in failing.items()}


def _rests_until(first: datetime, last: datetime) -> datetime:
	pause = min(max((last - first).total_seconds(), PATIENCE), LONGEST_PATIENCE)
	return add_to_date(last, seconds=pause - EARLY)
