"""Which records in a zone are ours: each value has a mark, a text beside its name. Plain data in and out.

A value without our mark is somebody else's, also at a name where we have values. The mark is written before its value and removed
after it, so that a run that is cut off leaves nothing of ours without a mark.
"""

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field

from buildpro_saas.agent.errors import AgentError, NotOursError

KINDS = ("A", "AAAA", "CNAME", "TXT")
LABEL, WILDCARD, WORD = "_buildpro-mark", "_wildcard", "buildpro-mark"
OWNER = re.compile(r"[A-Za-z0-9._@:/ -]{1,100}")
NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
LONGEST_IN_MARK = 120  # characters of a value; of a longer one its digest is in the mark
# Keys of a Difference.
MISSING, FOREIGN, CHANGED, LEFT_OVER = "missing", "foreign", "changed", "left over"
LONGEST_TEXT = 255  # bytes of one string of a TXT record (RFC 1035 §3.3)


@dataclass(frozen=True)
class Mark:
	"""Says that a value at a name was made by us for an owner."""

	owner: str
	name: str
	kind: str
	value: str  # or its digest, where it is long

	@property
	def text(self) -> str:
		"""As the TXT record has it."""
		return ",".join((WORD, self.owner, self.kind, self.value))


@dataclass(frozen=True)
class Change:
	"""One value to add or to remove."""

	is_added: bool
	name: str
	kind: str
	value: str


@dataclass(frozen=True)
class State:
	"""What is at a name: kind → values, and the marks for it."""

	name: str
	records: dict[str, list[str]] = field(default_factory=dict)
	marks: list[Mark] = field(default_factory=list)

	def is_ours(self, kind: str, value: str, owner: str) -> bool:
		"""Whether the value has the owner's mark."""
		return Mark(owner, self.name, kind, in_mark(value)) in self.marks

	def foreign(self, kind: str, owner: str) -> list[str]:
		"""Values of the kind without the owner's mark."""
		return [value for value in self.records.get(kind, []) if not self.is_ours(kind, value, owner)]


@dataclass(frozen=True)
class Difference:
	"""One thing at a name that is not as it is to be. key: MISSING, FOREIGN, CHANGED or LEFT_OVER."""

	key: str
	kind: str
	value: str
	sentence: str


def mark_name(name: str) -> str:
	"""The name of the TXT record with the marks for a name. Beside it, since a name with a CNAME can have no TXT."""
	return f"{LABEL}.{f'{WILDCARD}.{name[2:]}' if name.startswith('*.') else name}"


def marked_name(mark: str) -> str:
	"""The name that mark_name made this one of."""
	name = mark.removeprefix(f"{LABEL}.")
	return f"*.{name.removeprefix(f'{WILDCARD}.')}" if name.startswith(f"{WILDCARD}.") else name


def is_in(name: str, zone: str) -> bool:
	"""Whether the name is the zone's own, or below it."""
	return name == zone or name.endswith(f".{zone}")


def is_mark(name: str) -> bool:
	"""Whether mark_name makes such names."""
	return name.startswith(f"{LABEL}.")


def parsed(name: str, text: str) -> Mark | None:
	"""The mark for the name that a text is; None for a text that is no mark."""
	parts = text.split(",", 3)
	return Mark(parts[1], name, parts[2], parts[3]) if len(parts) == 4 and parts[0] == WORD else None


def in_mark(value: str) -> str:
	"""A value as a mark has it."""
	if len(value) <= LONGEST_IN_MARK:
		return value
	return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"


def canonical(kind: str, value: str) -> str:
	"""A value in its one form: addresses shortest, names small and without a dot at the end. Raises AgentError when it is none."""
	try:
		if kind == "A":
			return str(ipaddress.IPv4Address(value.strip()))
		if kind == "AAAA":
			return str(ipaddress.IPv6Address(value.strip()))
	except ValueError:
		raise AgentError(f"{value} is no address for a record of the kind {kind}.") from None
	if kind == "CNAME":
		name = value.strip().rstrip(".").lower()
		if not NAME.fullmatch(name) or "*" in name:
			raise AgentError(f"{value} is no host name for a CNAME record.")
		return name
	if (
		not value
		or len(value.encode()) > LONGEST_TEXT
		or '"' in value
		or "\\" in value
		or not value.isprintable()
	):
		raise AgentError(
			f"A TXT record takes 1 to {LONGEST_TEXT} bytes without quotes, backslashes and line breaks."
		)
	return value


def as_found(kind: str, value: str) -> str:
	"""A value that is in the DNS, in its one form where it has one: another's may be what ours never is."""
	try:
		return canonical(kind, value) if kind != "TXT" else value
	except AgentError:
		return value


def check(name: str, kind: str, owner: str, zone: str) -> None:
	"""Raises AgentError unless a record of ours can be at the name, in the zone."""
	if kind not in KINDS:
		raise AgentError(f"Records of the kind {kind} are not made here, only {', '.join(KINDS)}.")
	if not NAME.fullmatch(name) or len(mark_name(name)) > 253:
		raise AgentError(f"{name} is no name that a record can have.")
	if not is_in(name, zone):
		raise AgentError(f"{name} is not in the zone {zone}: name the DNS Provider that has its zone.")
	if owner and not OWNER.fullmatch(owner):
		raise AgentError(
			f"{owner} cannot stand in a mark: use 1 to 100 letters, digits, blanks, or . _ @ : / -"
		)
	if not owner and kind != "TXT":
		raise AgentError(f"A record of the kind {kind} needs an owner for its mark.")


def to_ensure(state: State, kind: str, values: list[str], owner: str) -> list[Change]:
	"""What to change so that the name has these values of the kind, and no other of the owner's; texts (TXT) are added to what is there.

	owner empty (TXT alone): no marks. A value that is there without our mark stays another's. Raises NotOursError where another's is in
	the way.
	"""
	there = state.records.get(kind, [])
	added = [Change(True, state.name, kind, value) for value in values if value not in there]
	if not owner:
		return added
	_refuse_foreign(state, kind, values, owner)
	# several texts are at one name together: a challenge for a name, and one for all below it
	kept = set(values if kind != "TXT" else (*values, *there))
	outdated = [value for value in there if value not in kept and state.is_ours(kind, value, owner)]
	removed = [Change(False, state.name, kind, value) for value in outdated]
	in_the_way = _own_in_the_way(state, kind, owner)
	removed += [Change(False, state.name, other, value) for other, value in in_the_way]
	stale = [
		mark
		for mark in state.marks
		if mark.owner == owner
		and (
			(mark.kind == kind and mark.value not in {in_mark(each) for each in kept})
			or (mark.kind, mark.value) in {(other, in_mark(value)) for other, value in in_the_way}
		)
	]
	new = [
		Mark(owner, state.name, kind, in_mark(each.value))
		for each in added
		if not state.is_ours(kind, each.value, owner)
	]
	# a CNAME stands alone, so what is there goes first; else the old stays until the new is there
	between = [*removed, *added] if kind == "CNAME" or in_the_way else [*added, *removed]
	return [*_of_marks(new, True), *between, *_of_marks(stale, False)]


def to_withdraw(state: State, kind: str, owner: str, values: list[str] | None = None) -> list[Change]:
	"""What to change so that nothing of the owner's is left at the name of the kind. values: these alone; needed without an owner."""
	if not owner and values is None:
		raise AgentError("Without an owner, say which values to take away.")
	there = state.records.get(kind, [])
	chosen = [value for value in there if values is None or value in values]
	if owner:
		chosen = [value for value in chosen if state.is_ours(kind, value, owner)]
	wanted = None if values is None else {in_mark(value) for value in values}
	marks = [
		mark
		for mark in state.marks
		if owner and mark.owner == owner and mark.kind == kind and (wanted is None or mark.value in wanted)
	]
	return [*(Change(False, state.name, kind, value) for value in chosen), *_of_marks(marks, False)]


def differences(state: State, wanted: dict[str, list[str]], owner: str) -> list[Difference]:
	"""How the name differs from what is wanted there (kind → values)."""
	wanted = {kind: [canonical(kind, value) for value in values] for kind, values in wanted.items()}
	found = []
	for kind in ("A", "AAAA", "CNAME"):
		values, there = wanted.get(kind, []), state.records.get(kind, [])
		others = [value for value in state.foreign(kind, owner) if value not in values]
		missing = [value for value in values if value not in there]
		for value in missing:
			found.append(_missing(state, kind, value, others, owner))
		is_changed = any(each.key == CHANGED for each in found if each.kind == kind)
		for value in others if wanted and not is_changed else ():
			said = f"{state.name} has the {kind} record {value}, which is not ours: take it away, or use another name."
			found.append(Difference(FOREIGN, kind, value, said))
		needed = {in_mark(value) for value in values}
		for mark in state.marks:
			if mark.owner == owner and mark.kind == kind and mark.value not in needed:
				found.append(_left_over(state, mark))
	return found


def _left_over(state: State, mark: Mark) -> Difference:
	is_there = mark.value in map(in_mark, state.records.get(mark.kind, []))
	what = "record" if is_there else "mark of a record"
	said = f"{state.name} still has our {mark.kind} {what} {mark.value}, which nothing needs."
	return Difference(LEFT_OVER, mark.kind, mark.value, said)


def _missing(state: State, kind: str, value: str, others: list[str], owner: str) -> Difference:
	if state.is_ours(kind, value, owner) and others:
		said = f"{state.name} had our {kind} record {value}; somebody changed it to {', '.join(others)}."
		return Difference(CHANGED, kind, value, said)
	was = ", which we made: somebody took it away" if state.is_ours(kind, value, owner) else ""
	return Difference(MISSING, kind, value, f"{state.name} lacks the {kind} record {value}{was}.")


def _of_marks(marks: list[Mark], is_added: bool) -> list[Change]:
	return [Change(is_added, mark_name(mark.name), "TXT", mark.text) for mark in marks]


def _own_in_the_way(state: State, kind: str, owner: str) -> list[tuple[str, str]]:
	return [
		(other, value)
		for other in excluded_by(kind)
		for value in state.records.get(other, [])
		if state.is_ours(other, value, owner)
	]


def excluded_by(kind: str) -> list[str]:
	"""Kinds that cannot be at a name together with this one (RFC 1034 §3.6.2)."""
	return [other for other in KINDS if other != kind] if kind == "CNAME" else ["CNAME"]


def _refuse_foreign(state: State, kind: str, values: list[str], owner: str) -> None:
	in_the_way = [(other, value) for other in excluded_by(kind) for value in state.foreign(other, owner)]
	if kind != "TXT":
		in_the_way += [(kind, value) for value in state.foreign(kind, owner) if value not in values]
	if not in_the_way:
		return
	other, value = in_the_way[0]
	theirs = [mark.owner for mark in state.marks if (mark.kind, mark.value) == (other, in_mark(value))]
	whose = f"is {theirs[0]}'s" if theirs else "is not ours"
	raise NotOursError(
		f"{state.name} has the {other} record {value}, which {whose}.",
		"Take it away at the DNS provider if nothing needs it, or choose another name; then press Retry.",
	)
