"""Records through dns-lexicon, at a server that speaks a provider's API: only ours, and well-told when it is late, wrong or busy."""

import email.utils
import socket
import subprocess
import sys
import time

import pytest
from powerdns_api import KEY, PowerDns

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.domains import bounded_http, dns_lexicon, record_marks
from buildpro_saas.domains.dns_providers import provider_of
from buildpro_saas.domains.dns_records import BusyError, Outcome

ZONE, OURS = "example.test", "admin.example.test/Bench 1"
NAME = f"acme.{ZONE}"


@pytest.fixture
def api():
	with PowerDns(ZONE) as server:
		yield server


@pytest.fixture
def provider(api):
	return provider_of("powerdns", api.credentials(), ZONE)


def test_a_record_is_made_once_and_removed_with_its_mark(api, provider):
	assert provider.ensure(NAME, "A", ["192.0.2.1"], OURS) == Outcome(True, ["192.0.2.1"], [])
	assert provider.ensure(NAME, "A", ["192.0.2.1"], OURS) == Outcome(False)
	assert api.at(NAME, "A") == ["192.0.2.1"]
	assert api.at(record_marks.mark_name(NAME), "TXT") == [f'"buildpro-mark,{OURS},A,192.0.2.1"']
	(there,) = provider.states().values()
	assert there.records == {"A": ["192.0.2.1"]} and there.is_ours("A", "192.0.2.1", OURS)
	provider.withdraw(NAME, "A", OURS)
	assert provider.withdraw(NAME, "A", OURS) == Outcome(False)
	assert api.sets == {}


def test_values_change_and_kinds_too(api, provider):
	provider.ensure(NAME, "A", ["192.0.2.1", "192.0.2.2"], OURS)
	provider.ensure(NAME, "A", ["192.0.2.2", "192.0.2.3"], OURS)
	assert api.at(NAME, "A") == ["192.0.2.2", "192.0.2.3"]
	provider.ensure(NAME, "CNAME", ["proxy.example.test"], OURS)
	assert (api.at(NAME, "A"), api.at(NAME, "CNAME")) == ([], ["proxy.example.test."])
	provider.withdraw(NAME, "CNAME", OURS)
	assert api.sets == {}


def test_a_wildcard_record(api, provider):
	provider.ensure(f"*.{ZONE}", "A", ["192.0.2.1"], OURS)
	assert provider.states()[f"*.{ZONE}"].is_ours("A", "192.0.2.1", OURS)
	provider.withdraw(f"*.{ZONE}", "A", OURS)
	assert api.sets == {}


def test_what_is_not_ours_is_never_touched(api, provider):
	api.put(NAME, "A", "198.51.100.1")
	api.put(NAME, "TXT", '"v=spf1 -all"')
	before = dict(api.sets)
	for kind, value in (("A", "192.0.2.1"), ("CNAME", "proxy.example.test")):
		with pytest.raises(NotOursError, match="which is not ours"):
			provider.ensure(NAME, kind, [value], OURS)
	provider.withdraw(NAME, "A", OURS)
	provider.withdraw(NAME, "TXT", OURS)
	assert api.sets == before


def test_a_run_that_is_cut_off_after_any_request_goes_on(api, provider):
	"""The API fails at the first request, at the second, and so on, until the work is done once without a fault."""
	for wanted in (["192.0.2.1"], ["192.0.2.2"]):
		for at in range(60):
			api.requests.clear()
			# the other requests before it are answered as ever: an empty fault list lets them through
			provider_requests = Failing(api, at)
			try:
				provider.ensure(NAME, "A", wanted, OURS)
			except BusyError:
				assert provider.ensure(NAME, "A", wanted, OURS)
			finally:
				provider_requests.stop()
			assert api.at(NAME, "A") == wanted
			assert len(api.at(record_marks.mark_name(NAME), "TXT")) == 1
			provider.withdraw(NAME, "A", OURS)
			assert api.sets == {}
			if not provider_requests.has_failed:
				break
		else:
			raise AssertionError("The work never ended.")


class Failing:
	"""The request number `at`, from 0, is answered with 503; the API has done what it asks all the same."""

	def __init__(self, api: PowerDns, at: int):
		self.api, self.at, self.has_failed, self._send = api, at, False, api._send
		api._send = self.send

	def send(self, handler, status, text, headers=None) -> None:
		if len(self.api.requests) == self.at + 1 and not self.has_failed:
			self.has_failed = True
			status, text = 503, ""
		self._send(handler, status, text, headers)

	def stop(self) -> None:
		self.api._send = self._send


@pytest.mark.parametrize(
	("headers", "at_least", "at_most"),
	[
		({"Retry-After": "120"}, 120, 120),
		({"Retry-After": email.utils.formatdate(time.time() + 600, usegmt=True)}, 300, 600),
		({"Retry-After": "soon"}, 30, 30),
		({"Retry-After": "999999"}, 3600, 3600),
		({"Retry-After": "-5"}, 1, 1),
		({}, 30, 30),
	],
)
def test_too_many_requests_says_for_how_long_to_wait(api, provider, headers, at_least, at_most):
	api.faults = [{"status": 429, "headers": headers}]
	with pytest.raises(BusyError, match="powerdns answers 429") as busy:
		provider.ensure(NAME, "A", ["192.0.2.1"], OURS)
	assert at_least <= busy.value.retry_after <= at_most
	assert busy.value.is_transient and api.sets == {}


@pytest.mark.parametrize(
	"fault",
	[
		{"status": 503},
		{"text": "<html>We are back soon</html>"},
		{"text": "{}"},
		{"text": "[]"},
		{"text": '{"rrsets": [{}]}'},
		{
			"text": '{"rrsets": [{"name": "acme.example.test.", "type": "A", "ttl": 1, "records": [{"content": 5}]}]}'
		},
	],
	ids=lambda fault: fault.get("text") or str(fault["status"]),
)
def test_a_wrong_answer_is_a_fault_that_passes(api, provider, fault):
	api.faults = [fault]
	with pytest.raises(BusyError) as told:
		provider.ensure(NAME, "A", ["192.0.2.1"], OURS)
	assert told.value.is_transient and str(told.value).endswith(".")
	assert provider.ensure(NAME, "A", ["192.0.2.1"], OURS).is_changed


def test_an_answer_that_is_late_is_a_fault_that_passes(api, provider, monkeypatch):
	monkeypatch.setattr(bounded_http, "READ", 0.3)
	api.faults = [{"seconds": 2}]
	with pytest.raises(BusyError, match="cannot be reached"):
		provider.ensure(NAME, "A", ["192.0.2.1"], OURS)


def test_many_slow_answers_together_have_an_end(api, provider, monkeypatch):
	monkeypatch.setattr(dns_lexicon, "SECONDS", 0.5)
	api.faults = []
	whole = api._serve
	api._serve = lambda handler: (time.sleep(0.3), whole(handler))
	with pytest.raises(BusyError, match=r"takes too long|cannot be reached"):
		provider.ensure(NAME, "A", ["192.0.2.1"], OURS)


def test_nobody_there_is_a_fault_that_passes(free_port):
	credentials = {"auth_token": KEY, "pdns_server": f"http://127.0.0.1:{free_port()}"}
	with pytest.raises(BusyError, match="cannot be reached"):
		provider_of("powerdns", credentials, ZONE).check()


def test_a_yes_without_a_deed_is_seen(api, provider):
	api.keeps_nothing = True
	with pytest.raises(BusyError, match="took the change, but does not show"):
		provider.ensure(NAME, "A", ["192.0.2.1"], OURS)


def test_what_a_provider_removes_too_much_is_made_again(api, provider):
	name = f"_acme-challenge.{ZONE}"
	api.put(name, "TXT", '"by hand"')
	provider.ensure(name, "TXT", ["a challenge"], OURS)
	api.removes_all = True
	with pytest.raises(AgentError, match=f"removed more of {name} than it was asked to: TXT by hand"):
		provider.withdraw(name, "TXT", OURS)
	assert api.at(name, "TXT") == ['"by hand"']


def test_anothers_odd_values_are_no_fault(api, provider):
	api.put(NAME, "A", "not an address")
	api.put(NAME, "TXT", '"two" "parts"')
	assert provider.state(NAME).records == {
		"A": ["not an address"],
		"AAAA": [],
		"CNAME": [],
		"TXT": ["twoparts"],
	}
	with pytest.raises(NotOursError, match="not an address"):
		provider.ensure(NAME, "A", ["192.0.2.1"], OURS)


def test_wrong_credentials_are_a_sentence_without_them(api):
	with pytest.raises(AgentError, match="does not let us in") as refused:
		provider_of("powerdns", api.credentials(auth_token="a-wrong-secret"), ZONE).check()
	assert "a-wrong-secret" not in f"{refused.value} {refused.value.hint}"
	assert not refused.value.is_transient


def test_a_zone_that_is_not_there_is_a_sentence(api):
	with pytest.raises(AgentError, match="powerdns refuses: 404") as refused:
		provider_of("powerdns", api.credentials(), "nowhere.test").check()
	assert not refused.value.is_transient


def test_saved_credentials_are_tried_and_leave_nothing(api, provider):
	provider.check()
	assert api.sets == {}
	assert "PATCH" in {method for method, _path in api.requests}


@pytest.mark.parametrize(
	("kind", "credentials", "said"),
	[
		("nobody", {}, "There is no DNS provider nobody: use rfc2136, or one of aliyun"),
		("auto", {}, "cannot be used here"),
		("powerdns", {"token": "x"}, "powerdns knows no token, only auth_token, pdns_"),
		("powerdns", {}, "PowerDNS API endpoint not defined"),
	],
)
def test_what_cannot_be_a_provider_is_a_sentence(kind, credentials, said):
	with pytest.raises(AgentError, match=said):
		provider_of(kind, credentials, ZONE).check()


@pytest.mark.parametrize(
	("name", "kind", "value", "said"),
	[
		("acme.other.test", "A", "192.0.2.1", "is not in the zone"),
		(f"not{ZONE}", "A", "192.0.2.1", "is not in the zone"),
		(f"a b.{ZONE}", "A", "192.0.2.1", "no name that a record can have"),
		(NAME, "A", "localhost", "no address"),
		(NAME, "AAAA", "192.0.2.1", "no address"),
		(NAME, "CNAME", "192.0.2.1;x", "no host name"),
		(NAME, "MX", "10 mail", "not made here"),
		(NAME, "TXT", 'a"b', "without quotes"),
	],
)
def test_a_record_that_cannot_be_is_refused_before_anybody_is_asked(api, provider, name, kind, value, said):
	with pytest.raises(AgentError, match=said):
		provider.ensure(name, kind, [value], OURS)
	assert api.requests == []


def test_every_provider_tells_its_options_and_has_time_limits():
	assert len(dns_lexicon.kinds()) > 70
	missing = []
	for kind in dns_lexicon.kinds():
		try:
			dns_lexicon.options(kind)
		except AgentError as error:  # of a package that is not here
			assert "needs the Python package" in str(error)
			missing.append(kind)
			continue
		assert has_time_limits(dns_lexicon.provider_class(kind)), kind
	assert len(missing) < 4


def has_time_limits(found: type) -> bool:
	"""Whether all with which a provider's class asks somebody are our stand-ins."""
	modules = [
		vars(sys.modules[base.__module__]) for base in found.__mro__ if "lexicon._private" in base.__module__
	]
	ways = [module[name] for module in modules for name in ("requests", "Session", "boto3") if name in module]
	return bool(ways) and all(getattr(way, "__module__", "").startswith("buildpro_saas") for way in ways)


def test_no_list_of_domains_is_fetched(tmp_path):
	"""In a process of its own without a resolver, as in a bench whose HOME cannot be written."""
	code = f"""
import socket, sys
def nobody(*given, **named): raise AssertionError(f"somebody was asked: {{given}}")
socket.getaddrinfo = socket.socket.connect = nobody
from buildpro_saas.domains import dns_lexicon
for kind in ("namecheap", "godaddy", "cloudflare"):
	found = dns_lexicon.provider_class(kind)
	module = sys.modules[found.__module__]
	if hasattr(module, "tldextract"):
		said = module.tldextract.extract("{ZONE}")
		assert (said.domain, said.suffix) == ("example", "test")
"""
	done = subprocess.run(
		[sys.executable, "-c", code],
		capture_output=True,
		text=True,
		timeout=120,
		env={"HOME": "/nonexistent", **path()},
	)
	assert done.returncode == 0, done.stderr


def path() -> dict[str, str]:
	"""Where Python finds what this process has."""
	return {"PYTHONPATH": ":".join(filter(None, sys.path))}


def test_the_rest_of_the_process_keeps_its_own_requests():
	import requests

	dns_lexicon.options("powerdns")
	assert requests.request.__module__ == "requests.api"
	assert requests.Session.__module__ == "requests.sessions"
	assert socket.getdefaulttimeout() is None
