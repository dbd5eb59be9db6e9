"""The records of backups held against their stores, how much room a backup takes, and what an S3 service's refusals mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.program import without_traces
from buildpro_saas.agent.s3 import PASSING, REFUSALS, Bucket, refusal, unreached
from buildpro_saas.fleet import backup_room, offsite, store_records
from buildpro_saas.fleet.drift_facts import BACKUP, BACKUP_STORE, OFFSITE_STORE
from buildpro_saas.fleet.store_records import HERE, OFFSITE, Record, StoreFacts

MB = 10**6
BUCKET = Bucket("https://s3.example.com", "eu", "backups", "acme", "AKIA1", "the-secret")


def compared(*records: Record, here=(), offsite=()):
	at = "2027-01-31T14:05:00Z"
	return store_records.compare(records, dict.fromkeys(here, at), dict.fromkeys(offsite, at))


# -- both ways -----------------------------------------------------------------------------------------------------------


def test_where_each_one_lies_and_which_are_nowhere():
	found = compared(
		*(Record(name, name * 2, True) for name in "abcd"), here=["aa", "bb"], offsite=["bb", "cc"]
	)
	assert found.places == {"a": (True, False), "b": (True, True), "c": (False, True), "d": (False, False)}
	assert found.strangers == found.leftovers == {HERE: [], OFFSITE: []}


def test_what_no_record_knows_and_what_was_to_be_gone():
	records = [Record("gone", "gg", False), Record("going", "tt", False, is_under_way=True)]
	found = compared(*records, here=["gg", "tt", "xx"], offsite=["gg"])
	assert found.strangers == {HERE: ["xx@2027-01-31T14:05:00Z"], OFFSITE: []}
	assert found.leftovers == {HERE: ["gg"], OFFSITE: ["gg"]}
	assert found.places == {}


names = st.lists(st.sampled_from("abcdef"), unique=True)


@given(known=names, here=names, offsite=names)
def test_each_backup_is_told_once(known, here, offsite):
	"""Nothing that lies anywhere is passed over, and nothing is forgotten that a record expects or nobody knows."""
	found = compared(*(Record(id, id, True) for id in known), here=here, offsite=offsite)
	for place, ids in ((HERE, here), (OFFSITE, offsite)):
		strangers = {each.partition("@")[0] for each in found.strangers[place]}
		at = [HERE, OFFSITE].index(place)
		placed = {name for name, places in found.places.items() if places[at]}
		assert strangers | placed == set(ids) and not strangers & placed
		assert found.leftovers[place] == []
	told = store_records.told(found.strangers)
	assert store_records.read(told) == {place: ids for place, ids in found.strangers.items() if ids}


def test_what_staff_are_told():
	store = StoreFacts(
		name="store-1",
		tenant="acme",
		check_error="pack 1f is damaged",
		offsite_place="https://s3.example.com/backups",
		offsite_error="Access Denied",
		offsite_check_error="pack 2e is damaged",
		strangers="here: xx@2027\noffsite: xx@2027, yy@2027",
		lost=("backup-7",),
	)
	found = {(each.kind, each.subject): each for each in store_records.findings([store])}
	assert found.keys() == {
		(BACKUP, "backup-7"),
		(BACKUP_STORE, "store-1"),
		(BACKUP_STORE, "store-1: unknown"),
		(OFFSITE_STORE, "store-1"),
		(OFFSITE_STORE, "store-1: damaged"),
	}
	assert "has 2 that no record knows" in found[BACKUP_STORE, "store-1: unknown"].what
	assert "check-backups acme --take-in" in found[BACKUP_STORE, "store-1: unknown"].action
	assert "Access Denied" in found[OFFSITE_STORE, "store-1"].what
	assert not any(each.is_removable for each in found.values())
	assert store_records.findings([StoreFacts("store-2", "birch")]) == []


# -- room ------------------------------------------------------------------------------------------------------------------


def test_the_first_one_may_take_all_and_a_later_one_what_the_latest_took():
	size = 1000 * MB
	assert backup_room.needed(size, []) > size
	assert 30 * MB < backup_room.needed(size, [10 * MB, 2 * MB]) < 100 * MB
	assert backup_room.needed(size, [1]) >= 0.05 * size
	assert backup_room.needed(size, [900 * MB]) < 1.1 * size
	assert backup_room.in_gb(1.5 * 10**9) == "1.50 GB" and backup_room.in_gb(4 * MB) == "4.0 MB"


def test_a_trace_of_go_does_not_hide_what_it_is_about():
	trace = "write /mnt/x: no space left on device\ngithub.com/restic.(*Local).Save\n\tlocal.go:120\nruntime.goexit\n\tasm.s:1594\n"
	assert without_traces(trace * 2) == "write /mnt/x: no space left on device"
	assert without_traces("Fatal: wrong password\n") == "Fatal: wrong password"
	assert without_traces("") == ""


@pytest.mark.parametrize(
	("text", "is_one"),
	[
		("https://s3.example.com", True),
		("http://127.0.0.1:9000", True),
		("s3.example.com", False),
		("https://", False),
		("https://host/path", False),
		("https://user@host", False),
		("https://host:x", False),
		("http://[", False),
		("ftp://host", False),
	],
)
def test_what_an_endpoint_is(text, is_one):
	assert offsite._is_endpoint(text) is is_one


# -- refusals ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [code for codes, *_told in REFUSALS for code in codes])
def test_each_refusal_is_a_sentence_with_what_to_do(code):
	error = refusal(BUCKET, "delete", code, "told")
	assert type(error) is AgentError and error.hint
	assert "{" not in f"{error} {error.hint}" and "the-secret" not in f"{error}"


def test_what_passes_is_tried_again_and_what_nobody_knows_is_told():
	assert all(type(refusal(BUCKET, "read", code, "")) is TransientError for code in PASSING)
	assert "told by it" in str(refusal(BUCKET, "read", "Unheard", "told by it"))
	assert "no endpoint" in str(unreached(BUCKET, ValueError("Invalid endpoint: x")))
	assert type(unreached(BUCKET, ConnectionError())) is TransientError
	assert "the-secret" not in repr(BUCKET)
