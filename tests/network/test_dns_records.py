"""Records are made, changed and removed in a real zone by updates (RFC 2136): only ours, as often as asked, by many at once."""

import socket
import threading

import pytest
from forwarding_resolver import Resolver
from knot import SECRET, Knot

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.domains import record_marks
from buildpro_saas.domains.dns_providers import provider_of
from buildpro_saas.domains.dns_records import BusyError, Outcome, not_yet_served
from buildpro_saas.domains.lookup import Lookup

ZONE = "example.test"
RECORDS = (
	'hand A 198.51.100.1\nhand TXT "by hand"\nmail MX 10 hand\n*.wild A 192.0.2.77\nboth A 198.51.100.2\n'
)
ODD = r"""
odd TXT "in two " "parts"
odd TXT "with \"quotes\" and \\ and \195\164"
"""
OURS, RIVAL = "admin.example.test/Bench 1", "other.example.test/Bench 1"


@pytest.fixture(scope="module")
def server(tmp_path_factory, program):
	"""A server with a zone that holds records that people made."""
	with socket.socket() as free:
		free.bind(("127.0.0.1", 0))
		port = free.getsockname()[1]
	with Knot(program("knotd"), tmp_path_factory.mktemp("dns"), {ZONE: RECORDS + ODD}, port) as knot:
		yield knot


@pytest.fixture
def provider(server):
	return server.provider(ZONE)


def at(server: Knot, name: str) -> dict[str, list[str]]:
	"""What the server says: kind → values."""
	return {kind: values for kind in ("A", "AAAA", "CNAME", "TXT") if (values := server.values(name, kind))}


def test_a_record_is_made_once_and_removed_with_its_mark(server, provider):
	name = f"once.{ZONE}"
	assert provider.ensure(name, "A", ["192.0.2.1"], OURS) == Outcome(True, ["192.0.2.1"], [])
	assert provider.ensure(name, "A", ["192.0.2.1"], OURS) == Outcome(False)
	assert at(server, name) == {"A": ["192.0.2.1"]}
	assert at(server, f"_buildpro-mark.{name}") == {"TXT": [f"buildpro-mark,{OURS},A,192.0.2.1"]}
	assert provider.withdraw(name, "A", OURS) == Outcome(True, [], ["192.0.2.1"])
	assert provider.withdraw(name, "A", OURS) == Outcome(False)
	assert at(server, name) == at(server, f"_buildpro-mark.{name}") == {}


def test_values_change_and_kinds_too(server, provider):
	name = f"change.{ZONE}"
	provider.ensure(name, "A", ["192.0.2.1", "192.0.2.2"], OURS)
	provider.ensure(name, "AAAA", ["2001:DB8:0::1"], OURS)
	provider.ensure(name, "A", ["192.0.2.2", "192.0.2.3"], OURS)
	assert at(server, name) == {"A": ["192.0.2.2", "192.0.2.3"], "AAAA": ["2001:db8::1"]}
	provider.ensure(name, "CNAME", ["Proxy.Example.Test."], OURS)
	assert at(server, name)["CNAME"] == ["proxy.example.test."]
	assert provider.state(name).records == {"A": [], "AAAA": [], "CNAME": ["proxy.example.test"], "TXT": []}
	assert len(provider.state(name).marks) == 1
	provider.ensure(name, "A", ["192.0.2.9"], OURS)
	assert at(server, name) == {"A": ["192.0.2.9"]}
	provider.withdraw(name, "A", OURS)


def test_a_wildcard_record_has_its_mark_beside_it(server, provider):
	provider.ensure(f"*.{ZONE}", "A", ["192.0.2.1"], OURS)
	assert at(server, f"anything.{ZONE}") == {"A": ["192.0.2.1"]}
	there = provider.states()[f"*.{ZONE}"]
	assert there.records == {"A": ["192.0.2.1"]} and there.is_ours("A", "192.0.2.1", OURS)
	provider.withdraw(f"*.{ZONE}", "A", OURS)
	assert at(server, f"anything.{ZONE}") == {}


def test_what_a_wildcard_gives_is_not_taken_for_a_record(server, provider):
	name = f"acme.wild.{ZONE}"
	assert provider.state(name).records["A"] == []
	provider.ensure(name, "A", ["192.0.2.5"], OURS)
	assert at(server, name) == {"A": ["192.0.2.5"]}
	provider.withdraw(name, "A", OURS)
	assert at(server, name) == {"A": ["192.0.2.77"]}


@pytest.mark.parametrize(
	("kind", "value"),
	[("A", "192.0.2.1"), ("CNAME", "proxy.example.test")],
	ids=["another address", "a CNAME"],
)
def test_what_is_not_ours_is_never_touched(server, provider, kind, value):
	before = at(server, f"hand.{ZONE}")
	with pytest.raises(NotOursError, match="which is not ours"):
		provider.ensure(f"hand.{ZONE}", kind, [value], OURS)
	assert provider.withdraw(f"hand.{ZONE}", "A", OURS) == Outcome(False)
	assert at(server, f"hand.{ZONE}") == before
	assert at(server, f"_buildpro-mark.hand.{ZONE}") == {}


def test_odd_texts_of_others_are_no_hindrance_and_stay(server, provider):
	name = f"odd.{ZONE}"
	before = server.values(name, "TXT")
	assert len(before) == 2
	provider.ensure(name, "TXT", ["a challenge"], OURS)
	assert len(server.values(name, "TXT")) == 3
	provider.withdraw(name, "TXT", OURS)
	assert server.values(name, "TXT") == before


def test_the_same_value_by_hand_stays_when_ours_is_withdrawn(server, provider):
	assert provider.ensure(f"both.{ZONE}", "A", ["198.51.100.2"], OURS) == Outcome(False)
	assert provider.withdraw(f"both.{ZONE}", "A", OURS) == Outcome(False)
	assert at(server, f"both.{ZONE}") == {"A": ["198.51.100.2"]}


def test_another_control_planes_record_is_refused_by_its_name(server, provider):
	name = f"rival.{ZONE}"
	provider.ensure(name, "A", ["192.0.2.1"], RIVAL)
	with pytest.raises(NotOursError, match=rf"which is {RIVAL}'s"):
		provider.ensure(name, "A", ["192.0.2.2"], OURS)
	assert provider.withdraw(name, "A", OURS) == Outcome(False)
	assert at(server, name) == {"A": ["192.0.2.1"]}
	provider.withdraw(name, "A", RIVAL)


def test_challenges_for_a_name_and_for_all_below_it_are_there_together(server, provider):
	name = f"_acme-challenge.{ZONE}"
	for owner in (OURS, ""):
		provider.ensure(name, "TXT", ["first"], owner)
		provider.ensure(name, "TXT", ["second"], owner)
		assert at(server, name) == {"TXT": ["first", "second"]}
		provider.withdraw(name, "TXT", owner, ["first"])
		assert at(server, name) == {"TXT": ["second"]}
		provider.withdraw(name, "TXT", owner, None if owner else ["second"])
		assert at(server, name) == at(server, f"_buildpro-mark.{name}") == {}


def test_a_run_that_was_cut_off_goes_on(server, provider):
	name = f"cut.{ZONE}"
	mark = record_marks.Mark(OURS, name, "A", "192.0.2.1")
	provider.ensure(record_marks.mark_name(name), "TXT", [mark.text], "")  # all that was done
	provider.ensure(name, "A", ["192.0.2.1"], OURS)
	assert at(server, name) == {"A": ["192.0.2.1"]}
	provider.withdraw(name, "A", OURS)
	assert at(server, record_marks.mark_name(name)) == {}


def test_what_people_changed_is_told(server, provider):
	name = f"drift.{ZONE}"
	wanted = {"A": ["192.0.2.1"]}
	assert keys(provider, name, wanted) == ["missing"]
	provider.ensure(name, "A", ["192.0.2.1"], OURS)
	assert keys(provider, name, wanted) == []
	assert keys(provider, name, {}) == ["left over"]
	by_hand(provider, name, "192.0.2.1", "198.51.100.9")
	(changed,) = record_marks.differences(provider.state(name), wanted, OURS)
	assert changed.sentence == f"{name} had our A record 192.0.2.1; somebody changed it to 198.51.100.9."
	with pytest.raises(NotOursError):
		provider.ensure(name, "A", ["192.0.2.1"], OURS)
	provider.withdraw(name, "A", OURS)
	assert at(server, name) == {"A": ["198.51.100.9"]}
	assert sorted(keys(provider, name, wanted)) == ["foreign", "missing"]


def keys(provider, name: str, wanted: dict) -> list[str]:
	"""How a name differs from what is wanted."""
	return [each.key for each in record_marks.differences(provider.state(name), wanted, OURS)]


def by_hand(provider, name: str, old: str, new: str) -> None:
	"""Change a value as a person does in the provider's panel, who knows of no marks."""
	changes = [record_marks.Change(False, name, "A", old), record_marks.Change(True, name, "A", new)]
	provider.write(changes, {name: {"A": [old]}})


def test_many_at_once_at_one_name_lose_nothing(server):
	name, values = f"busy.{ZONE}", [f"value-{number}" for number in range(6)]
	faults = []

	def add(value: str) -> None:
		"""As the engine does it: tried again when five races were lost."""
		for last in range(30):
			try:
				server.provider(ZONE).ensure(name, "TXT", [value], OURS)
				return
			except Exception as error:
				if last == 29 or not isinstance(error, BusyError):
					faults.append(error)
					return

	threads = [threading.Thread(target=add, args=(value,)) for value in values]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(120)
	assert not faults
	assert at(server, name) == {"TXT": values}
	assert len(provider_marks(server, name)) == len(values)


def provider_marks(server: Knot, name: str) -> list:
	return server.provider(ZONE).states()[name].marks


def test_the_whole_zone_is_what_its_names_are_one_by_one(server, provider):
	provider.ensure(f"whole.{ZONE}", "AAAA", ["2001:DB8:0::1"], OURS)
	states = provider.states()
	for name in (f"whole.{ZONE}", f"hand.{ZONE}", f"odd.{ZONE}", f"*.wild.{ZONE}"):
		alone = provider.state(name)
		assert {kind: values for kind, values in alone.records.items() if values} == {
			kind: sorted(values) for kind, values in states[name].records.items()
		}
		assert states[name].marks == alone.marks
	assert f"acme.wild.{ZONE}" not in states, "a wildcard's answer is no record"
	provider.withdraw(f"whole.{ZONE}", "AAAA", OURS)
	assert f"whole.{ZONE}" not in provider.states()


def test_a_zone_that_may_not_be_read_whole_is_a_sentence(server):
	with pytest.raises(AgentError, match="does not let us read the whole zone") as refused:
		provider_of("rfc2136", server.credentials(), "nowhere.test").states()
	assert "AXFR" in refused.value.hint and not refused.value.is_transient


def test_saved_credentials_are_tried_and_leave_nothing(server, provider):
	provider.check()
	assert at(server, f"_buildpro-probe.{ZONE}") == {}


@pytest.mark.parametrize(
	("change", "said", "hint"),
	[
		({"key_secret": "d3Jvbmc="}, "does not know the key", "Check the key's name"),
		({"key_name": "nobody"}, "does not know the key", "Check the key's name"),
		({"key_algorithm": "hmac-sha512"}, "does not know the key", "Check the key's name"),
	],
)
def test_a_wrong_key_is_a_sentence(server, change, said, hint):
	with pytest.raises(AgentError, match=said) as refused:
		provider_of("rfc2136", {**server.credentials(), **change}, ZONE).check()
	assert hint in refused.value.hint and not refused.value.is_transient


@pytest.mark.parametrize(
	("change", "said"),
	[
		({"key_secret": ""}, "need key_secret"),
		({"server": None, "key_name": ""}, "need server, key_name"),
		({"key_secret": "not base64!"}, "not base64"),
		({"key_name": "a" * 70}, "no DNS name"),
		({"key_algorithm": "md5"}, "use one of hmac-sha256"),
		({"port": "domain"}, "from 1 to 65535"),
		({"port": 70000}, "from 1 to 65535"),
		({"auth_token": "x"}, "know no auth_token, only"),
	],
)
def test_credentials_that_cannot_be_are_a_sentence(server, change, said):
	with pytest.raises(AgentError, match=said) as refused:
		provider_of("rfc2136", {**server.credentials(), **change}, ZONE)
	assert SECRET not in str(refused.value)


def test_a_server_without_an_address_is_a_sentence(server):
	with pytest.raises(AgentError, match=r"nobody\.invalid"):
		provider_of("rfc2136", {**server.credentials(), "server": "nobody.invalid"}, ZONE).check()


def test_a_zone_that_the_server_does_not_have_is_a_sentence(server):
	with pytest.raises(AgentError, match=r"answers (for|REFUSED for) nowhere\.test") as refused:
		provider_of("rfc2136", server.credentials(), "nowhere.test").check()
	assert refused.value.hint and not refused.value.is_transient


def test_a_server_that_is_gone_is_a_fault_that_passes(server, free_port):
	with pytest.raises(BusyError) as fault:
		provider_of("rfc2136", {**server.credentials(), "port": free_port()}, ZONE).check()
	assert fault.value.is_transient and fault.value.retry_after > 0


def test_a_record_is_waited_for_until_the_zones_servers_have_it(server, provider):
	name, lookup = f"late.{ZONE}", Lookup([(server.address, server.port)], server.port, 20.0)
	assert "nothing; 192.0.2.1 is on its way" in not_yet_served(lookup, name, "A", ["192.0.2.1"])
	provider.ensure(name, "A", ["192.0.2.1"], OURS)
	assert not_yet_served(lookup, name, "A", ["192.0.2.1"]) == ""
	with Resolver({}) as nobody:
		assert not_yet_served(Lookup([nobody.place]), name, "A", ["192.0.2.1"])
