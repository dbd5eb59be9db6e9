"""What the DNS says of a customer's host name: whose it is, and whether it leads to us. And when it is looked at again."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import frappe
from frappe.utils import now_datetime

from buildpro_saas.agent.errors import is_transient, seconds_asked, sentence
from buildpro_saas.domains import ownership, preflight, records, settings

MINUTE, HOUR, DAY = 60, 3600, 86400
# Seconds until the next look at a name that waits: people have just set a record, or they take their time.
LADDER = (MINUTE, MINUTE, MINUTE, 2 * MINUTE, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE)
LONGEST_WAIT = 6 * HOUR
LONGEST_SAID = 1000
UNPROVEN_DAYS, UNPROVEN_LOOKS = 30, 60


@dataclass(frozen=True)
class Look:
	"""What a look found. is_owned, is_routed: None where it could not be found out. says: what to set; empty where nothing is missing.

	is_anothers: whether the zone's owner has another tenant's text there, and not this one's.
	"""

	is_owned: bool | None
	is_routed: bool | None
	says: str
	is_anothers: bool = False

	@property
	def is_good(self) -> bool:
		"""Whether the name is the tenant's, and leads to us."""
		return bool(self.is_owned and self.is_routed)

	@property
	def is_known(self) -> bool:
		"""Whether the DNS answered both questions."""
		return self.is_owned is not None and self.is_routed is not None


def look(row) -> Look:
	"""Look at the DNS of a Site Domain (records.FIELDS) of a customer's. A DNS that does not answer says nothing about the name."""
	lookup = settings.lookup()
	said: list[str] = []
	proof = _asked(said, lambda: ownership.proof(lookup, row.tenant, row.host, row.token))
	if proof and not proof.is_owned:
		said.append(proof.sentence)
	routed = _asked(said, lambda: _is_routed(lookup, row, said))
	is_anothers = bool(proof) and ownership.is_anothers(proof)
	return Look(proof and proof.is_owned, routed, " ".join(said)[:LONGEST_SAID], is_anothers)


def _asked(said: list[str], question):
	try:
		return question()
	except Exception as error:
		if not is_transient(error):
			raise
		said.append(sentence(error))
		return None


def _is_routed(lookup, row, said: list[str]) -> bool:
	bench = frappe.get_doc("Bench", row.bench).as_dict()
	directory = frappe.db.get_single_value(settings.SETTINGS, "acme_directory")
	found = preflight.findings(
		lookup,
		row.host,
		settings.ours(bench),
		settings.authority_caa(directory),
		http_port=bench.get("http_port") or 80,
	)
	said += [finding.sentence for finding in found if finding.is_blocking]
	return not any(finding.is_blocking for finding in found)


def note(row, found: Look) -> str:
	"""Write down what a look at a Site Domain found; returns its state. The caller commits.

	A name that is live does not stop being so because the DNS could not be asked. One that failed does not answer again because its DNS is
	right: its job looks (steps/names.py). One that its owner has given to another tenant waits, and is served no more: so it is where
	the records are of an older backup.
	"""
	now = now_datetime()
	values: dict[str, object] = {"checked_at": now}
	if found.is_good:
		values |= {"verified_at": row.verified_at or now, "next_check": next_day(row.host, now)}
		values |= {} if row.is_failing else {"says": "", "failures": 0}
		values |= {"state": records.VERIFIED} if row.state == records.WAITING else {}
	else:
		failures = (row.failures or 0) + 1
		values |= {"failures": failures, "next_check": now + timedelta(seconds=pause_after(failures))}
		if found.is_known or row.state == records.WAITING:
			values |= {"says": found.says, "is_failing": int(row.state != records.WAITING)}
		if found.is_anothers:
			values |= {"says": found.says, "is_failing": 0, "state": records.WAITING}
	records.change(row.name, **values)
	return str(values.get("state") or row.state)


def forget_looks() -> None:
	"""Have each customer's name looked at anew before any proxy is published: the records are of a backup. The caller commits."""
	of = {"kind": records.CUSTOMERS, "state": ("!=", records.REMOVED)}
	frappe.db.set_value(records.DOMAIN, of, {"checked_at": None, "next_check": now_datetime()})


def note_live(name: str) -> None:
	"""Note that the name was seen to answer over TLS with what belongs there. The caller commits."""
	row, now = records.get(name), now_datetime()
	values = {
		"live_since": row.live_since or now,
		"checked_at": now,
		"failures": 0,
		"is_failing": 0,
		"says": "",
	}
	records.change(name, state=records.LIVE, next_check=next_day(row.host, now), **values)


def note_later(name: str, error: Exception) -> None:
	"""Note that a name could not be looked at, which says nothing about it, and when it is tried again. The caller commits."""
	row = records.get(name)
	failures = (row.failures or 0) + 1
	at = now_datetime() + timedelta(seconds=max(pause_after(failures), seconds_asked(error)))
	records.change(name, says=sentence(error)[:LONGEST_SAID], failures=failures, next_check=at)


def is_given_up(row) -> bool:
	"""Whether nobody has proven in time whose the name is. Whoever adds a name without having it must not keep it from its owner for ever."""
	is_unproven = row.state == records.WAITING and row.kind == records.CUSTOMERS and not row.verified_at
	is_old = row.creation < now_datetime() - timedelta(days=UNPROVEN_DAYS)
	# in that time it was looked at a hundred times; where a clock has leapt ahead it was not
	return is_unproven and is_old and (row.failures or 0) >= UNPROVEN_LOOKS


def note_fault(name: str, says: str, at: datetime | None = None) -> None:
	"""Note what does not succeed with a name, and when it is looked at again. The caller commits.

	at: not before then; by the ladder where it is left out.
	"""
	row = records.get(name)
	failures = (row.failures or 0) + 1
	at = at or now_datetime() + timedelta(seconds=pause_after(failures))
	records.change(name, is_failing=1, says=says[:LONGEST_SAID], failures=failures, next_check=at)


def next_day(host: str, now: datetime) -> datetime:
	"""When a name that is well is looked at again: in a day, at one of its hours. So a thousand names make a batch an hour, not each minute."""
	hour = zlib.crc32(host.encode()) % 24
	at = (now + timedelta(seconds=DAY)).replace(hour=hour, minute=0, second=0, microsecond=0)
	return at if at > now else at + timedelta(seconds=DAY)


def pause_after(failures: int) -> int:
	"""Seconds until the next look, after so many in vain."""
	return (
		LADDER[failures - 1]
		if failures <= len(LADDER)
		else min(HOUR * 2 ** (failures - len(LADDER)), LONGEST_WAIT)
	)
