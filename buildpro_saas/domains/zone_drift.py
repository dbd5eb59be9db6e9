"""How the zones of the own domains differ from what the records want there, and the mending of what is ours.

Each zone is read as a whole, so a thousand tenants cost one transfer. `compared` has plain data in and out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.domains import issuing, own_names, record_marks, records, settings
from buildpro_saas.domains.dns_records import Provider
from buildpro_saas.domains.proxy_spec import LEADS
from buildpro_saas.domains.record_marks import LEFT_OVER, MISSING, State
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.tenant_status import ARCHIVED, WITH_SITE

# Beside the keys of record_marks.Difference: another's record keeps the wildcard's from a name; a record of ours of which nothing is on
# record; the wildcard's record, which nothing of ours needs; a name that is on record as another tenant's.
SHADOWED, UNKNOWN, SPARE_WILDCARD, TAKEN = "shadowed", "unknown", "spare wildcard", "taken"
ADDRESSES = ("A", "AAAA", "CNAME")
# What the records say of a name.
LED, MAY_GO, AWAY, RESTS = "led", "may go", "away", "rests"


@dataclass(frozen=True)
class Wanted:
	"""What the records want of the DNS.

	led: {name: {kind: values}} of what is to be there. domains: {name: the Site Domain (its record's name) for which it is made}. by_wildcard: own
	names that the wildcard's record serves. let_go: names whose record of ours may go. away: the Site Domains of those whose tenant is archived.
	resting: names that a job is about, or that wait.
	"""

	led: dict[str, dict[str, list[str]]] = field(default_factory=dict)
	domains: dict[str, str] = field(default_factory=dict)
	by_wildcard: frozenset[str] = frozenset()
	let_go: frozenset[str] = frozenset()
	away: frozenset[str] = frozenset()
	resting: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Departure:
	"""One thing that is not as the records want it. row: the Site Domain (its record's name) to make it right for; empty for none.

	is_safe: whether it can be mended without touching what is another's.
	"""

	key: str
	name: str
	kind: str
	value: str
	sentence: str
	row: str = ""
	is_safe: bool = False


# -- what is wanted ------------------------------------------------------------------------------------------------------


def wanted(bench: str) -> Wanted:
	"""What the records want for the own names of the Bench by now. Raises AgentError where it is not on record to where names lead.

	Commits before, to read what holds now.
	"""
	frappe.db.commit()
	rows = frappe.get_all(records.DOMAIN, {"bench": bench, "kind": records.OWN}, records.FIELDS)
	if not rows:
		return Wanted()
	leads_here = own_names.leading_here(frappe.get_doc("Bench", bench).as_dict())
	sites = set(door_of(bench).do("site_names"))
	led, domains, by_wildcard = {}, {}, set()
	found: dict[str, set[str]] = {LED: set(), MAY_GO: set(), AWAY: set(), RESTS: set()}
	places = _places([row.tenant for row in rows])
	# who has a name now comes last
	for row in sorted(rows, key=lambda each: each.state != records.REMOVED):
		state, name = places(row, sites), own_names.record_name(row.host)
		found[state].add(row.name if state == AWAY else row.host)
		if state == LED:
			led[name], domains[name] = leads_here, row.name
			by_wildcard |= {row.host} - {name}
		elif state == RESTS:
			found[RESTS].add(name)
	away = {row.host for row in rows if row.name in found[AWAY]}
	return Wanted(
		led,
		domains,
		by_wildcard=frozenset(by_wildcard),
		let_go=frozenset((found[MAY_GO] | away) - {*led, *by_wildcard} - found[RESTS]),
		away=frozenset(found[AWAY]),
		resting=frozenset(found[RESTS]),
	)


def _places(tenants: list[str]):
	"""A function of a Site Domain and the sites on the bench: whether its name is LED here, MAY_GO, is AWAY for a while, or RESTS."""
	statuses = dict(frappe.get_all("Tenant", {"name": ("in", tenants)}, ["name", "status"], as_list=True))
	jobs = {"tenant": ("in", tenants), "status": ("in", UNFINISHED)}
	at_work = set(frappe.get_all("Provisioning Job", jobs, pluck="tenant"))
	former = set(frappe.get_all("Former Name", {"status": LEADS}, pluck="site"))

	def place(row, sites: set[str]) -> str:
		status = statuses.get(row.tenant)
		is_away = row.state != records.REMOVED and status == ARCHIVED and row.host not in sites
		if row.tenant in at_work or (row.state == records.WAITING and not is_away):
			return RESTS
		if row.host in former if row.state == records.REMOVED else status in WITH_SITE:
			return LED
		if row.host in sites:  # somebody's it is, though not on record
			return RESTS
		if row.state == records.REMOVED:
			return MAY_GO
		return AWAY if is_away else RESTS

	return place


# -- compared ------------------------------------------------------------------------------------------------------------


def compared(states: dict[str, State], want: Wanted, zone: str, owner: str) -> list[Departure]:
	"""How a zone differs from what is wanted there. states: all that is there (Provider.states). owner: what our marks say."""
	found: list[Departure] = []
	for name, values in sorted(want.led.items()):
		if record_marks.is_in(name, zone):
			found += _at(states.get(name) or State(name), values, owner, want.domains[name])
	missed = {each.name for each in found}
	existing = _with_names_above(states, zone)
	for host in sorted(want.by_wildcard):
		if record_marks.is_in(host, zone):
			wildcard = f"*.{own_names.domain_of(host)}"
			state = states.get(host) or State(host)
			found += _beside_wildcard(state, want.led[wildcard], owner, host in existing, wildcard in missed)
	for name, state in states.items():
		if name not in want.led and name not in want.by_wildcard and name not in want.resting:
			found += _unwanted(state, owner, name in want.let_go)
	return found


def _at(state: State, values: dict[str, list[str]], owner: str, domain: str) -> list[Departure]:
	"""At a name that has a record of its own."""
	return [
		Departure(
			*(each.key, state.name, each.kind, each.value, each.sentence, domain),
			is_safe=each.key == LEFT_OVER
			or (each.key == MISSING and _can_be_made(state, each.kind, values, owner)),
		)
		for each in record_marks.differences(state, values, owner)
	]


def _can_be_made(state: State, kind: str, values: dict[str, list[str]], owner: str) -> bool:
	try:
		record_marks.to_ensure(state, kind, values[kind], owner)
	except NotOursError:
		return False
	return True


def _beside_wildcard(
	state: State, values: dict[str, list[str]], owner: str, exists: bool, is_wildcard_wrong: bool
) -> list[Departure]:
	"""At a name that the wildcard's record is to serve. It does so only where nothing else is at the name, or below it (RFC 4592 §2.2)."""
	name = state.name
	found = [
		Departure(LEFT_OVER, name, each.kind, each.value, each.sentence, is_safe=not is_wildcard_wrong)
		for each in record_marks.differences(state, {}, owner)
	]
	others = [
		(kind, value)
		for kind in ADDRESSES
		for value in state.foreign(kind, owner)
		if value not in values.get(kind, [])
	]
	for kind, value in others:
		said = _("{0} has the {1} record {2}, which is not ours: the wildcard does not lead it here.")
		found.append(Departure(SHADOWED, name, kind, value, said.format(name, kind, value)))
	if exists and not any(state.records.get(kind) for kind in ADDRESSES) and not found:
		said = _("Something is in the DNS at {0}, or below it, so the wildcard does not stand for it.")
		found.append(Departure(SHADOWED, name, "", "", said.format(name)))
	return found


def _unwanted(state: State, owner: str, may_go: bool) -> list[Departure]:
	"""At a name of which the records want nothing."""
	key = LEFT_OVER if may_go else SPARE_WILDCARD if state.name.startswith("*.") else UNKNOWN
	return [
		Departure(key, state.name, each.kind, each.value, each.sentence, is_safe=may_go)
		for each in record_marks.differences(state, {}, owner)
	]


def _with_names_above(names: Iterable[str], zone: str) -> set[str]:
	"""The names, and those above them: a name with something below it is there, too."""
	found = set()
	for name in names:
		while name != zone and record_marks.is_in(name, zone) and name not in found:
			found.add(name)
			name = name.partition(".")[2]
	return found


# -- looked at, and mended -----------------------------------------------------------------------------------------------


def departures(bench: str) -> list[Departure]:
	"""How the zones differ from the records of the Bench. Jobs go on meanwhile, so only what differs from the records before the look and after it counts.

	Raises AgentError for a zone that cannot be read whole: nothing can be said then.
	"""
	if not settings.has_default_provider():
		return _taken(bench)
	before = wanted(bench)
	found = [(zone, provider.states()) for zone, provider in _zones(before).items()]
	after, owner = wanted(bench), issuing.mark_of(bench)
	seen = {_key(each) for zone, states in found for each in compared(states, before, zone, owner)}
	now = [each for zone, states in found for each in compared(states, after, zone, owner)]
	return [each for each in now if _key(each) in seen] + _taken(bench)


def _key(each: Departure) -> tuple:
	return each.key, each.name, each.kind, each.value


def _zones(want: Wanted) -> dict[str, Provider]:
	"""{zone: its provider} for all names but those for which the provider does not answer, which is told with these."""
	names = {*want.led, *want.by_wildcard, *want.let_go, *want.resting}
	found = {}
	for domain in sorted(set(map(own_names.domain_of, names))):
		try:
			provider = settings.default_provider(domain)
		except AgentError:
			continue
		found.setdefault(provider.zone, provider)
	return found


def _taken(bench: str) -> list[Departure]:
	"""Names of tenants' sites that are on record as another tenant's, as after an admin site was restored from an older backup."""
	found = []
	for tenant in own_names.without_record(bench):
		if other := own_names.taken_by(tenant.name, tenant.site):
			said = _("{0}, the name of the site of {1}, is on record as {2}'s.").format(
				tenant.site, tenant.name, other
			)
			found.append(Departure(TAKEN, tenant.site, "", other, said))
	return found


def mend(bench: str, departure: Departure) -> None:
	"""Make it right, after a fresh look at what is wanted. Raises what the provider raises, and NotOursError where another's is in the way. Commits."""
	want = wanted(bench)
	provider = settings.default_provider(own_names.domain_of(departure.name))
	if not provider:
		return
	if (values := want.led.get(departure.name)) is not None:
		if departure.kind in values:
			own_names.ensure_dns(
				records.get(want.domains[departure.name]), frappe.get_doc("Bench", bench).as_dict()
			)
		else:
			provider.withdraw(departure.name, departure.kind, issuing.mark_of(bench))
	elif departure.key == LEFT_OVER and departure.name in {*want.let_go, *want.by_wildcard}:
		there = records.held(departure.name, for_update=True)  # nobody gets the name until it is done
		if not there or there.name in want.away or departure.name in want.by_wildcard:
			provider.withdraw(departure.name, departure.kind, issuing.mark_of(bench))
	frappe.db.commit()
