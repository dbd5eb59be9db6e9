"""Holds the records of a store's backups against what lies in the store and offsite. Plain data in and out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from buildpro_saas.fleet.drift_facts import BACKUP, BACKUP_STORE, OFFSITE_STORE, Finding

HERE, OFFSITE = "here", "offsite"


@dataclass(frozen=True)
class Record:
	"""A Backup as it is on record. id: in the store. is_expected: the record says that it is kept, or was lost: it counts again once found."""

	name: str
	id: str
	is_expected: bool
	is_under_way: bool = False


@dataclass(frozen=True)
class Comparison:
	"""places: {name of an expected one: (whether it lies here, whether offsite)}. strangers: {HERE or OFFSITE: those without a record, as
	`ID@when they were taken`}.

	leftovers: {HERE or OFFSITE: IDs} of those whose records say that they are gone: forgetting them was broken off.
	"""

	places: dict[str, tuple[bool, bool]]
	strangers: dict[str, list[str]]
	leftovers: dict[str, list[str]]


@dataclass(frozen=True)
class StoreFacts:
	"""What is on record of a store after the last look at it. lost: {name of a backup: where it lay}."""

	name: str
	tenant: str
	check_error: str = ""
	offsite_place: str = ""
	offsite_error: str = ""
	offsite_check_error: str = ""
	strangers: str = ""
	lost: tuple[str, ...] = ()


def compare(records: Sequence[Record], here: Mapping[str, str], offsite: Mapping[str, str]) -> Comparison:
	"""What differs. here, offsite: {ID of a whole backup that lies there: when it was taken}. Those under way are nobody's business."""
	expected = {each.id: each.name for each in records if each.is_expected}
	under_way = {each.id for each in records if each.is_under_way}
	known = {each.id for each in records}
	gone = known - expected.keys() - under_way
	found = {HERE: here, OFFSITE: offsite}
	return Comparison(
		{name: (id in here, id in offsite) for id, name in expected.items()},
		{place: [f"{id}@{ids[id]}" for id in ids if id not in known] for place, ids in found.items()},
		{place: [id for id in ids if id in gone] for place, ids in found.items()},
	)


def told(strangers: dict[str, list[str]]) -> str:
	"""Comparison.strangers, as the store's record keeps them: a line for each place that has some."""
	return "\n".join(f"{place}: {', '.join(ids)}" for place, ids in strangers.items() if ids)


def read(text: str) -> dict[str, list[str]]:
	"""The same, read again."""
	lines = (line.split(": ", 1) for line in (text or "").splitlines())
	return {place: ids.split(", ") for place, ids in lines}


def findings(stores: Sequence[StoreFacts]) -> list[Finding]:
	"""What staff should know of the stores of a bench."""
	return [finding for store in stores for finding in _of(store)]


def _of(store: StoreFacts) -> list[Finding]:
	found, whose = [], f"the backups of {store.tenant}"
	for name in store.lost:
		what = f"The backup {name} of {store.tenant} is on record, and in no store any more."
		found.append(_finding(BACKUP, name, what, LOST))
	if store.check_error:
		what = f"The store {store.name}, with {whose}, is damaged: {store.check_error}"
		found.append(_finding(BACKUP_STORE, store.name, what, DAMAGED))
	if store.strangers:
		count = len({id for ids in read(store.strangers).values() for id in ids})
		what = f"The store {store.name}, with {whose}, has {count} that no record knows."
		found.append(
			_finding(BACKUP_STORE, f"{store.name}: unknown", what, UNKNOWN.format(tenant=store.tenant))
		)
	if store.offsite_error:
		what = f"Copying {whose} offsite has failed: {store.offsite_error}"
		found.append(_finding(OFFSITE_STORE, store.name, what, NOT_COPIED))
	if store.offsite_check_error:
		what = f"The offsite copy of {store.name}, with {whose}, in {store.offsite_place} is damaged: {store.offsite_check_error}"
		found.append(_finding(OFFSITE_STORE, f"{store.name}: damaged", what, DAMAGED_OFFSITE))
	return found


def _finding(kind: str, subject: str, what: str, action: str) -> Finding:
	return Finding(kind, subject, what[:TOLD], action, is_ours=True)


TOLD = 1000  # characters of a sentence
LOST = (
	"Nothing is done by itself. Is the disk of the stores mounted, and does SaaS Settings name the bucket that it was copied to? Once it is"
	" found again by a check (`saas check-backups`), it counts again. Else take another backup."
)
DAMAGED = (
	"Nothing is removed from it meanwhile. Look at its disk, and take care of the copies offsite. What is damaged for good: move the store's"
	" folder away, so that the next backup makes a new one, then `saas check-backups`."
)
DAMAGED_OFFSITE = (
	"Nothing is removed there meanwhile. The backups on the bench's machine are not concerned. Remove the store's objects there, and they are"
	" copied anew."
)
UNKNOWN = (
	"Nothing is done to them: they may be what was taken after the backup that this admin site was restored from. Have them on record with"
	" `saas check-backups {tenant} --take-in`."
)
NOT_COPIED = (
	"The backups are kept on the bench's machine, and it is tried again by itself, at the latest after 12 hours. Do what the sentence says, or"
	" press Retry on the job."
)
