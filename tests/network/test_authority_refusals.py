"""What authorities answer that is not a certificate: limits with a time to wait, renewal information, answers that are no ACME."""

import json
import time
from datetime import datetime, timezone

import pytest
from false_authority import FalseAuthority
from made_certificates import Maker

from buildpro_saas.agent import operations  # noqa: F401 - they register
from buildpro_saas.agent.acme_client import AcmeClient
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import DAY, HTTP_01, Asked, Authority
from buildpro_saas.agent.certificate_store import CertificateStore
from buildpro_saas.agent.errors import AgentError, TransientError, from_plain
from buildpro_saas.agent.errors import as_plain as plain
from buildpro_saas.agent.operations import operation
from buildpro_saas.agent.operations.running import Progress

HOST = "erp.customer.test"


@pytest.fixture
def authority(tmp_path):
	server = FalseAuthority(tmp_path / "authority")
	yield server
	server.end()


@pytest.fixture
def bench(tmp_path):
	return Bench(tmp_path / "bench")


def do(bench, name, **spec):
	found = operation.find(name)
	given = {} if found.kind is operation.Kind.QUICK else {"progress": Progress()}
	return found.load(json.loads(json.dumps(found.call(bench, spec, **given))))


def begin(bench, authority, certificate="customer", host=HOST):
	spec = {"certificate": certificate, "names": [host], "method": HTTP_01}
	return do(bench, "begin_order", authority=vars(authority.authority), **spec)


def orders_sent(authority) -> list[dict]:
	return [content for place, content in authority.sent if place == "order"]


def test_a_limit_of_a_name_is_kept_for_that_name(bench, authority):
	detail = f"too many certificates already issued for this exact set of identifiers: {HOST}"
	authority.problem("order", "rateLimited", detail, 429, Retry_After="7200")
	with pytest.raises(TransientError, match="too many certificates") as caught:
		begin(bench, authority)
	assert from_plain(plain(caught.value)).is_transient
	spec = {"authority": vars(authority.authority), "certificate": "customer"}
	assert abs(do(bench, "acme_waits_until", **spec) - time.time() - 7200) < 60
	# nobody is asked before that; another name is
	with pytest.raises(TransientError, match=r"has said to wait until .* too many certificates"):
		begin(bench, authority)
	assert len(orders_sent(authority)) == 1
	with pytest.raises(TransientError, match="refused"):
		begin(bench, authority, "other", "www.elsewhere.test")
	assert len(orders_sent(authority)) == 2


@pytest.mark.parametrize(
	("status", "code", "detail", "header"),
	[
		(429, "rateLimited", "too many new orders (300) from this account", "7200"),
		(503, "rateLimited", "Service busy; retry later.", "date"),
		(500, "serverInternal", "The service is down for maintenance", None),
	],
)
def test_a_limit_of_the_account_is_kept_for_all(bench, authority, status, code, detail, header):
	if header == "date":
		header = datetime.fromtimestamp(time.time() + 7200, timezone.utc).strftime(
			"%a, %d %b %Y %H:%M:%S GMT"
		)
	authority.problem("order", code, detail, status, **({"Retry_After": header} if header else {}))
	with pytest.raises(TransientError):
		begin(bench, authority)
	spec = {"authority": vars(authority.authority), "certificate": "another"}
	until = do(bench, "acme_waits_until", **spec)
	assert abs(until - time.time() - (7200 if header else 600)) < 60
	with pytest.raises(TransientError, match="has said to wait"):
		begin(bench, authority, "another", "www.elsewhere.test")
	assert len(orders_sent(authority)) == 1


def test_a_time_to_wait_that_is_absurd_is_no_life_sentence(bench, authority):
	authority.problem("order", "rateLimited", "later", 429, Retry_After="9999999999")
	with pytest.raises(TransientError):
		begin(bench, authority)
	spec = {"authority": vars(authority.authority), "certificate": "customer"}
	assert do(bench, "acme_waits_until", **spec) < time.time() + 9 * DAY


@pytest.mark.parametrize(
	("place", "answer", "kind", "sentence"),
	[
		("dir", (200, {}, {"hello": "world"}), AgentError, "is no directory of an authority"),
		("dir", (200, {}, b"<html>"), AgentError, "no ACME"),
		("dir", (404, {}, b"<html>"), AgentError, "answered 404"),
		("dir", (502, {}, b"<html>"), TransientError, "answered 502"),
		("account", (201, {}, {}), TransientError, "no ACME"),
		(
			"order",
			(201, {}, {"status": "pending", "authorizations": []}),
			TransientError,
			"no address of the order",
		),
		("order", (201, {"Location": "x"}, []), TransientError, "no ACME"),
	],
)
def test_an_answer_that_is_no_acme_is_told(bench, authority, place, answer, kind, sentence):
	authority.answers[place] = answer
	with pytest.raises(kind, match=sentence):
		begin(bench, authority)
	assert do(bench, "certificates") == []


def test_a_token_never_leads_out_of_its_folder(bench, authority):
	authority.answers["order"] = (
		201,
		{"Location": f"{authority.base}/order/1"},
		{"status": "pending", "authorizations": [f"{authority.base}/proof"]},
	)
	challenge = {"type": "http-01", "status": "pending", "url": "x", "token": "../../certificates/x"}
	proof = {"status": "pending", "identifier": {"type": "dns", "value": HOST}, "challenges": [challenge]}
	authority.answers["proof"] = (200, {}, proof)
	with pytest.raises(AgentError, match="sent a token that is none"):
		begin(bench, authority)
	proof["challenges"] = [{**challenge, "type": "dns-01"}]
	with pytest.raises(AgentError, match="does not take HTTP-01"):
		begin(bench, authority)


def test_an_authority_that_is_not_trusted_is_told(bench, authority):
	authority.authority = Authority(authority.authority.directory)
	with pytest.raises(AgentError, match="is not trusted here"):
		begin(bench, authority)


def installed(bench, authority, key_id=b"\x69\x88", serial=0x87654321):
	"""A certificate that this authority is said to have issued."""
	chain, key = Maker().issue([HOST], serial=serial, key_id=key_id)
	store = CertificateStore(bench)
	directory = authority.authority.directory
	store.install("customer", store.put("customer", chain, key, authority=directory, method=HTTP_01))


def test_when_to_renew_is_asked_of_the_authority(bench, authority):
	installed(bench, authority)
	spec = {"certificate": "customer", "authority": vars(authority.authority)}
	assert do(bench, "renewal_info", **spec) is None  # 404
	place = "renewal/aYg.AIdlQyE"  # RFC 9773, 4.1
	window = {"start": "2026-12-01T00:00:00Z", "end": "2026-12-03T00:00:00Z"}
	told = {"suggestedWindow": window, "explanationURL": "https://ca.test/why"}
	authority.answers[place] = (200, {"Retry-After": "21600"}, told)
	found = do(bench, "renewal_info", **spec)
	assert (found.start, found.end) == (1796083200.0, 1796256000.0)
	assert abs(found.look_again - time.time() - 21600) < 60 and found.explanation == "https://ca.test/why"
	for broken in ({}, {"start": "soon", "end": "later"}, {**window, "end": window["start"]}, None):
		authority.answers[place] = (200, {}, {"suggestedWindow": broken})
		assert do(bench, "renewal_info", **spec) is None
	authority.answers[place] = (503, {}, {"detail": "down"})
	with pytest.raises(TransientError):
		do(bench, "renewal_info", **spec)


def test_an_order_tells_what_it_renews_and_does_without_where_that_is_refused(bench, authority):
	installed(bench, authority)
	authority.problem("order", "alreadyReplaced", "there is an order for it", 409)
	with pytest.raises(AgentError, match="alreadyReplaced"):
		begin(bench, authority)
	first, second = orders_sent(authority)
	assert first["replaces"] == "aYg.AIdlQyE" and "replaces" not in second
	(asked,) = do(bench, "acme_history", authority=vars(authority.authority))
	assert asked.what == "order" and asked.is_told
	# another set of names renews nothing
	with pytest.raises(AgentError):
		begin(bench, authority, host="new.customer.test")
	assert "replaces" not in orders_sent(authority)[-1]


def test_the_history_keeps_a_week_and_survives_a_crash(bench, authority):
	history = AcmeClient(bench, authority.authority).history
	now = time.time()
	history.note(Asked(now - 9 * DAY, "order", "old", ["old.test"]))
	file = history.folder / "history.jsonl"
	with file.open("a") as cut_off:
		cut_off.write('{"at": 1, "what": "ord')
	for number in range(3):
		history.note(Asked(now, "order", f"c{number}", [f"{number}.test"]))
	assert [each.certificate for each in history.all()] == ["c0", "c1", "c2"]
	with file.open("a") as padded:
		padded.write("\n" + "x" * 400_001)
	history.note(Asked(now, "issued", "c3", ["3.test"]))
	assert file.stat().st_size < 2000 and len(history.all()) == 4
