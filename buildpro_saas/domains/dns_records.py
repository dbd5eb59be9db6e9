"""Makes and removes records at DNS providers: only what is marked as ours (record_marks.py), and as often as it is asked for."""

import secrets
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.domains import record_marks
from buildpro_saas.domains.dns_exchange import LookupFault
from buildpro_saas.domains.lookup import Lookup
from buildpro_saas.domains.record_marks import KINDS, Change, Mark, State, canonical, mark_name

MOST_RACES = 5  # times that somebody may change the same name while we do
SECONDS_UNTIL_SEEN = 30.0  # when to look again for a change that the provider has taken and does not show
PROBE = "_buildpro-probe"
TTL = 600  # seconds: the least that every provider takes


class BusyError(TransientError):
	"""The provider is busy, slow or limits us. retry_after: seconds to leave it alone."""

	def __init__(self, message: str, hint: str = "", retry_after: float = SECONDS_UNTIL_SEEN):
		super().__init__(message, hint)
		self.retry_after = retry_after


class ChangedMeanwhile(Exception):
	"""Somebody changed the name between our look and our change; nothing was done."""


@dataclass(frozen=True)
class Outcome:
	"""What was done at a name: values, marks left out."""

	is_changed: bool
	added: list[str] = field(default_factory=list)
	removed: list[str] = field(default_factory=list)


class Provider(ABC):
	"""One zone at one DNS provider. All methods raise BusyError or another TransientError for what passes, and AgentError with a hint else."""

	def __init__(self, zone: str, ttl: int = TTL):
		self.zone = zone.strip(".").lower()
		self.ttl = ttl

	@abstractmethod
	def read(self, wanted: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
		"""What is at names. wanted: name → kinds. Answers name → kind → values, in their one form (record_marks.canonical)."""

	@abstractmethod
	def write(self, changes: list[Change], seen: dict[str, dict[str, list[str]]]) -> None:
		"""Do the changes in their order, or all at once. seen: what read said. Raises ChangedMeanwhile where that no more holds."""

	@abstractmethod
	def whole(self) -> dict[str, dict[str, list[str]]]:
		"""All that the zone has of the kinds that are made here, as `read` answers it."""

	def states(self) -> dict[str, State]:
		"""{name: what is there, with the marks for it} of the whole zone; of a name that has nothing but marks, too."""
		whole = self.whole()
		names = {record_marks.marked_name(name) if record_marks.is_mark(name) else name for name in whole}
		return {name: _state_of(name, whole) for name in sorted(names)}

	def ensure(self, name: str, kind: str, values: list[str], owner_mark: str) -> Outcome:
		"""Have these values of the kind at the name, and no other of the owner's; ours of kinds that cannot stand beside them go.

		A TXT is added to the texts that are there: challenges for a name and for all names below it are at one name.
		owner_mark empty: for a TXT whose value nobody can guess (a challenge); it gets no mark. Raises NotOursError where another's
		record is in the way: nothing is changed then.
		"""
		values = list(dict.fromkeys(canonical(kind, value) for value in values))
		if not values or (kind == "CNAME" and len(values) > 1):
			raise AgentError(
				f"{len(values)} values for a {kind} record of {name}: give {'one' if values else 'some'}."
			)
		return self._do(
			name, kind, owner_mark, lambda state: record_marks.to_ensure(state, kind, values, owner_mark)
		)

	def withdraw(self, name: str, kind: str, owner_mark: str, values: list[str] | None = None) -> Outcome:
		"""Remove the owner's values of the kind at the name (values: these alone), with their marks. Nothing there is well, too."""
		chosen = None if values is None else [canonical(kind, value) for value in values]
		return self._do(
			name, kind, owner_mark, lambda state: record_marks.to_withdraw(state, kind, owner_mark, chosen)
		)

	def state(self, name: str) -> State:
		"""What is at the name, and the marks for it."""
		return _state_of(name, self.read({name: list(KINDS), mark_name(name): ["TXT"]}))

	def check(self) -> None:
		"""Try whether records can be read, made and removed in the zone: with a text that is gone again afterwards. Raises AgentError else.

		The text has all that a mark may have. A provider that writes another in its place is of no use.
		"""
		name = f"{PROBE}.{self.zone}"
		value = Mark(f"A.b_c@{secrets.token_hex(8)}:/ -", name, "AAAA", "2001:db8::1").text
		try:
			self.ensure(name, "TXT", [value], "")
		except AgentError:
			with suppress(AgentError):  # what is told is why it could not be made
				self.withdraw(name, "TXT", "", [value])
			raise
		self.withdraw(name, "TXT", "", [value])

	def _do(self, name: str, kind: str, owner_mark: str, planned) -> Outcome:
		record_marks.check(name, kind, owner_mark, self.zone)
		wanted = {name: [kind, *record_marks.excluded_by(kind)]}
		if owner_mark:
			wanted[mark_name(name)] = ["TXT"]
		for _ in range(MOST_RACES):
			seen = self.read(wanted)
			changes = planned(_state_of(name, seen))
			if not changes:
				return Outcome(False)
			try:
				self.write(changes, seen)
			except ChangedMeanwhile:
				continue
			self._see(wanted, changes)
			own = [each for each in changes if each.name == name]
			return Outcome(
				True,
				[each.value for each in own if each.is_added],
				[each.value for each in own if not each.is_added],
			)
		raise BusyError(f"Somebody else keeps changing the records of {name}.")

	def _see(self, wanted: dict[str, list[str]], changes: list[Change]) -> None:
		"""Providers have said yes and done nothing: believe what they show."""
		seen = self.read(wanted)
		for each in changes:
			if (each.value in seen.get(each.name, {}).get(each.kind, [])) != each.is_added:
				shows = "does not show" if each.is_added else "still shows"
				raise BusyError(
					f"The DNS provider of {self.zone} took the change, but {shows} the {each.kind} record {each.value} of {each.name}."
				)


def not_yet_served(lookup: Lookup, name: str, kind: str, values: list[str]) -> str:
	"""Why the values are not yet what all servers of the zone say of the name, in a sentence; empty when all that answer say just these.

	A provider that has taken a change publishes it after a time: seconds, or many minutes. Of a TXT others may be there, too.
	"""
	wanted = {canonical(kind, value) for value in values}
	try:
		told = lookup.everywhere(name, kind)
	except LookupFault as fault:
		return str(fault)
	for server, said in told.items():
		found = {record_marks.as_found(kind, value) for value in said}
		if not (wanted <= found if kind == "TXT" else wanted == found):
			shown = ", ".join(sorted(found)) or "nothing"
			return f"{server} says of {name} ({kind}): {shown}; {', '.join(sorted(wanted))} is on its way."
	return ""


def _state_of(name: str, seen: dict[str, dict[str, list[str]]]) -> State:
	texts = seen.get(mark_name(name), {}).get("TXT", [])
	marks = [mark for text in texts if (mark := record_marks.parsed(name, text))]
	return State(name, seen.get(name, {}), marks)
