"""Rules of domains that are plain data in and out: CAA records, marks of records, what to set, pauses."""

import pytest

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.domains import bounded_http, caa, record_marks
from buildpro_saas.domains.preflight import Ours, what_to_set
from buildpro_saas.domains.record_marks import Change, Mark, State

NAME, OURS = "acme.example.com", "admin.example.com/Bench 1"


@pytest.mark.parametrize(
	("values", "method", "is_wildcard", "said"),
	[
		([], "", False, ""),
		(['0 issue "ca.example"'], "http-01", False, ""),
		(['0 issue "CA.example."'], "http-01", False, ""),
		(['0 issue "other.example"', '0 issue "ca.example"'], "", False, ""),
		(['0 issue "other.example"'], "", False, "so ca.example may not issue"),
		(['0 issue ";"'], "", False, "may not issue"),
		(['0 issuewild ";"'], "", False, ""),
		(['0 issuewild ";"'], "", True, 'set CAA 0 issuewild "ca.example"'),
		(['0 issue "other.example"', '0 issuewild "ca.example"'], "", True, ""),
		(['0 issue "ca.example"'], "", True, ""),
		(['0 iodef "mailto:it@example.com"'], "", False, ""),
		(['128 tbs "x"'], "", False, "which no authority understands"),
		(['0 tbs "x"'], "", False, ""),
		(
			['0 issue "ca.example; validationmethods=dns-01"'],
			"http-01",
			False,
			"does not allow the method http-01",
		),
		(['0 issue "ca.example; validationmethods=dns-01,http-01"'], "http-01", False, ""),
		(['0 issue "ca.example; accounturi=https://ca.example/1"'], "http-01", False, ""),
	],
)
def test_caa(values, method, is_wildcard, said):
	rules = [caa.parsed(value) for value in values]
	found = caa.judged(NAME, rules, ["ca.example"], method, is_wildcard)
	assert said in found and bool(said) == bool(found)


def state(marked: dict | None = None, **records) -> State:
	"""What is at NAME; marked: kind → values with our mark."""
	marks = [Mark(OURS, NAME, kind, value) for kind, values in (marked or {}).items() for value in values]
	return State(NAME, records, marks)


def shown(changes: list[Change]) -> list[str]:
	"""Changes as +KIND value, -KIND value; those of marks as +mark, -mark."""
	return [
		f"{'+' if each.is_added else '-'}{'mark' if each.name != NAME else f'{each.kind} {each.value}'}"
		for each in changes
	]


@pytest.mark.parametrize(
	("there", "kind", "values", "changes"),
	[
		(state(), "A", ["192.0.2.1"], ["+mark", "+A 192.0.2.1"]),
		(state(A=["192.0.2.1"]), "A", ["192.0.2.1"], []),
		(state({"A": ["192.0.2.1"]}, A=["192.0.2.1"]), "A", ["192.0.2.1"], []),
		(state({"A": ["192.0.2.1"]}), "A", ["192.0.2.1"], ["+A 192.0.2.1"]),
		(
			state({"A": ["192.0.2.1"]}, A=["192.0.2.1"]),
			"A",
			["192.0.2.2"],
			["+mark", "+A 192.0.2.2", "-A 192.0.2.1", "-mark"],
		),
		(
			state({"CNAME": ["a.test"]}, CNAME=["a.test"]),
			"A",
			["192.0.2.2"],
			["+mark", "-CNAME a.test", "+A 192.0.2.2", "-mark"],
		),
		(
			state({"CNAME": ["a.test"]}, CNAME=["a.test"]),
			"CNAME",
			["b.test"],
			["+mark", "-CNAME a.test", "+CNAME b.test", "-mark"],
		),
		(state({"AAAA": ["::1"]}, AAAA=["::1"]), "A", ["192.0.2.1"], ["+mark", "+A 192.0.2.1"]),
		(state({"TXT": ["a"]}, TXT=["a", "by hand"]), "TXT", ["b"], ["+mark", "+TXT b"]),
	],
)
def test_the_mark_comes_before_its_value_and_goes_after_it(there, kind, values, changes):
	assert shown(record_marks.to_ensure(there, kind, values, OURS)) == changes


@pytest.mark.parametrize(
	("there", "kind"),
	[
		(state(A=["198.51.100.1"]), "A"),
		(state({"A": ["192.0.2.1"]}, A=["192.0.2.1", "198.51.100.1"]), "A"),
		(state(CNAME=["a.test"]), "A"),
		(state(TXT=["by hand"]), "CNAME"),
	],
)
def test_anothers_record_in_the_way_stops_it(there, kind):
	with pytest.raises(NotOursError):
		record_marks.to_ensure(there, kind, ["192.0.2.1"], OURS)


def test_what_is_withdrawn_is_ours_alone():
	there = state({"A": ["192.0.2.1", "192.0.2.9"]}, A=["192.0.2.1", "198.51.100.1"])
	assert shown(record_marks.to_withdraw(there, "A", OURS)) == ["-A 192.0.2.1", "-mark", "-mark"]
	assert record_marks.to_withdraw(there, "A", "another") == []
	with pytest.raises(AgentError, match="say which values"):
		record_marks.to_withdraw(there, "TXT", "")


def test_a_mark_is_read_as_it_was_written():
	for name in (NAME, "*.example.com"):
		for value in ("2001:db8::1", "a" * 255, "with,commas"):
			mark = Mark(OURS, name, "TXT", record_marks.in_mark(value))
			assert (
				record_marks.parsed(record_marks.marked_name(record_marks.mark_name(name)), mark.text) == mark
			)
			assert len(mark.text) <= 255
	assert record_marks.parsed(NAME, "v=spf1 -all") is None
	longest = Mark("o" * 100, NAME, "CNAME", record_marks.in_mark("n" * 120))
	assert len(longest.text) <= record_marks.LONGEST_TEXT
	with pytest.raises(AgentError, match="cannot stand in a mark"):
		record_marks.check(NAME, "A", "with,comma", "example.com")


def test_what_to_set():
	ours = Ours(["192.0.2.1", "2001:db8::1"], "proxy.example.com")
	assert (
		what_to_set("erp.customer.com", ours) == "set a CNAME record erp.customer.com to proxy.example.com."
	)
	assert "the records A 192.0.2.1 and AAAA 2001:db8::1 (a domain's own" in what_to_set(
		"customer.com", ours, True
	)
	assert what_to_set("erp.customer.com", Ours(["192.0.2.1"])).startswith(
		"set for erp.customer.com the records A"
	)


@pytest.mark.parametrize(
	("header", "seconds"),
	[
		(None, 30),
		("7", 7),
		("0", 1),
		("nan", 30),
		("inf", 3600),
		("never", 30),
		("Thu, 01 Jan 1970 00:01:40 GMT", 60),
	],
)
def test_a_pause_is_within_bounds(header, seconds):
	assert bounded_http.pause_of(header, now=40) == seconds
