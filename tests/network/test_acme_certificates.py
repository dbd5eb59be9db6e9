"""Certificates from a real authority (pebble), proven over a real nginx and a real DNS server."""

import json
import os
import resource
import shutil
import signal
import stat
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from acme_authority import EAB_HMAC, EAB_KID, Dns, Nginx, Pebble
from loopback_ports import free_ports
from made_certificates import DAY, Maker

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent import operations  # noqa: F401 - they register
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import DNS_01, HTTP_01, SELF_SIGNED, UPLOADED
from buildpro_saas.agent.certificate_store import CertificateStore
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.operations import operation
from buildpro_saas.agent.operations.running import Progress, StoppedError

HOST = "erp.customer.test"
# Where a process is killed: before it sends, and before what it wrote becomes visible or goes.
STAGES = ("http.client.send", "os.rename", "os.symlink", "os.remove", "shutil.rmtree")
HEALED, WAS_NOT_KILLED, FAILED = 0, 40, 41  # how a process of a test ends
NOWHERE = "127.0.0.9"  # nothing listens there


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
	return tmp_path_factory.mktemp("network")


@pytest.fixture(scope="module")
def dns(program, folder):
	server = Dns(program, folder)
	yield server
	server.end()


@pytest.fixture(scope="module")
def web(program, folder):
	"""The port of an nginx that shows the challenges of the bench in `folder`/bench."""
	(port,) = free_ports(1)
	files = folder / "bench/config/buildpro/acme-challenges"
	place = f"location /.well-known/acme-challenge/ {{ alias {files}/; default_type text/plain; }}"
	server = Nginx(program, folder / "nginx", f"server {{ listen 127.0.0.1:{port}; {place} }}", port)
	yield port
	server.end()


@pytest.fixture(scope="module")
def pebble(program, folder, dns, web):
	server = Pebble(program, folder / "pebble", dns, web)
	yield server
	server.end()


@pytest.fixture
def bench(folder):
	"""A bench's folder, of which only the certificates are there; each test gets an empty one."""
	path = folder / "bench"
	yield Bench(path)
	shutil.rmtree(path, ignore_errors=True)


def do(bench: Bench, name: str, **spec):
	"""Run an operation as its door does: the specification is checked, and the result was plain data."""
	found = operation.find(name)
	given = {} if found.kind is operation.Kind.QUICK else {"progress": Progress()}
	return found.load(json.loads(json.dumps(found.call(bench, spec, **given))))


def issue(bench, pebble, name="customer", names=(HOST,), **settings):
	"""Order and fetch a certificate by HTTP-01."""
	authority = vars(pebble.authority)
	begun = do(bench, "begin_order", certificate=name, names=list(names), method=HTTP_01, authority=authority)
	return do(
		bench,
		"finish_order",
		certificate=name,
		order=begun.order,
		authority=authority,
		seconds=60.0,
		**settings,
	)


def files_of(bench) -> list[Path]:
	"""All files that are kept, but for locks."""
	return [each for each in bench.path.rglob("*") if each.is_file() and not each.name.endswith("lock")]


def check_nothing_half_done(bench, name="customer"):
	"""One whole certificate is installed; of the order nothing is left."""
	installed = CertificateStore(bench).find(name)
	assert installed and not installed.fault
	place = bench.path / "config/buildpro"
	assert not list((place / "acme-orders").iterdir())
	assert not list((place / "acme-challenges").iterdir())
	store = place / "certificates"
	drafts = [each for each in store.rglob(".*") if each.name.startswith((".new-", ".link-"))]
	assert not drafts
	accounts = [each.name for each in (place / "acme").rglob(".*") if not each.name.endswith("lock")]
	assert not accounts
	keys = [each for each in files_of(bench) if b"PRIVATE KEY" in each.read_bytes()]
	assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in keys)
	assert all(stat.S_IMODE(each.parent.stat().st_mode) == 0o700 for each in keys)
	return installed


def test_a_host_gets_a_certificate_that_browsers_can_check(bench, pebble, program, folder):
	made = issue(bench, pebble)
	assert made.names == [HOST] and made.method == HTTP_01 and made.authority == pebble.authority.directory
	assert made.valid_from < made.renew_from < made.valid_until
	assert check_nothing_half_done(bench) == made
	assert do(bench, "certificates") == [made]
	place = bench.path / "config/buildpro/certificates/customer"
	chain = reading.chain_of((place / "fullchain.pem").read_bytes())
	chain[0].verify_directly_issued_by(chain[1])
	chain[1].verify_directly_issued_by(reading.chain_of(pebble.root())[0])
	what = [each.what for each in do(bench, "acme_history", authority=vars(pebble.authority))]
	assert what == ["order", "issued"]
	# the same again is told, and nothing is asked
	again = do(
		bench, "finish_order", certificate="customer", order=made.order, authority=vars(pebble.authority)
	)
	assert again == made and len(do(bench, "acme_history", authority=vars(pebble.authority))) == 2


def test_an_order_is_placed_once_however_often_it_is_begun(bench, pebble, dns):
	begin = {"certificate": "c", "names": [HOST], "method": HTTP_01, "authority": vars(pebble.authority)}
	first, second = do(bench, "begin_order", **begin), do(bench, "begin_order", **begin)
	assert first == second and not first.is_ready
	(challenge,) = first.challenges
	file = bench.path / "config/buildpro/acme-challenges" / challenge.token
	assert file.read_text() == challenge.value and stat.S_IMODE(file.stat().st_mode) == 0o644
	# other names are another order, and the files of the first one go
	other = do(bench, "begin_order", **{**begin, "names": [HOST, "www.customer.test"]})
	assert other.order != first.order and len(other.challenges) == 2 and not file.exists()
	with pytest.raises(TransientError, match="not under way"):
		do(bench, "finish_order", certificate="c", order=first.order, authority=vars(pebble.authority))
	do(bench, "remove_certificate", certificate="c")
	assert not list(file.parent.iterdir()) and do(bench, "certificates") == []


def test_a_wildcard_waits_until_the_zones_servers_have_the_records(bench, pebble, dns):
	names = ["*.cloud.test", "cloud.test"]
	spec = {"certificate": "wildcard", "authority": vars(pebble.authority)}
	begun = do(bench, "begin_order", names=names, method=DNS_01, **spec)
	assert {each.record_name for each in begun.challenges} == {"_acme-challenge.cloud.test"}
	finish = {**spec, "order": begun.order, "dns_servers": [dns.address]}
	first, second = begun.challenges
	dns.set_txt(first.record_name, first.value)
	with pytest.raises(TransientError, match="Set a TXT record there with the value"):
		do(bench, "finish_order", seconds=1.0, **finish)
	# the authority was not told to look: it would have counted a failure
	assert do(bench, "begin_order", names=names, method=DNS_01, **spec) == begun
	dns.set_txt(second.record_name, second.value)
	made = do(bench, "finish_order", seconds=60.0, **finish)
	assert sorted(made.names) == names and made.method == DNS_01
	dns.clear_txt(first.record_name)


def test_a_record_may_lie_in_another_zone(bench, pebble, dns):
	"""Customers lead _acme-challenge to a zone of ours by CNAME, so that we can set the record."""
	spec = {"certificate": "wildcard", "authority": vars(pebble.authority)}
	begun = do(bench, "begin_order", names=["*.led.test"], method=DNS_01, **spec)
	(challenge,) = begun.challenges
	dns.set_cname(challenge.record_name, "led.proofs.test")
	finish = {**spec, "order": begun.order, "dns_servers": [dns.address]}
	with pytest.raises(TransientError, match=r"has no TXT record for _acme-challenge\.led\.test"):
		do(bench, "finish_order", seconds=0.5, **finish)
	dns.set_txt("led.proofs.test", challenge.value)
	assert do(bench, "finish_order", seconds=60.0, **finish).names == ["*.led.test"]


def test_dns_servers_that_do_not_answer_are_told(bench, pebble):
	(port,) = free_ports(1)
	spec = {"certificate": "wildcard", "authority": vars(pebble.authority)}
	begun = do(bench, "begin_order", names=["*.cloud.test"], method=DNS_01, **spec)
	with pytest.raises(TransientError, match="No server of the zone answers"):
		do(bench, "finish_order", order=begun.order, dns_servers=[f"127.0.0.1:{port}"], seconds=1.0, **spec)
	with pytest.raises(AgentError, match="no address of a DNS server"):
		do(bench, "finish_order", order=begun.order, dns_servers=["ns1.cloud.test"], seconds=1.0, **spec)


def test_a_host_that_cannot_be_proven_says_why_and_heals(bench, pebble, dns):
	host = "moved.customer.test"
	dns.set_a(host, NOWHERE)
	for _time in range(2):
		with pytest.raises(AgentError, match=f"could not prove {host}: .*refused") as caught:
			issue(bench, pebble, names=[HOST, host])
		assert not caught.value.is_transient
	place = bench.path / "config/buildpro"
	assert not list((place / "acme-orders").iterdir()) and not list((place / "acme-challenges").iterdir())
	told = do(bench, "acme_history", authority=vars(pebble.authority))
	assert [each.names for each in told if each.what == "failed"] == [[host], [host]]
	dns.clear_a(host)
	assert issue(bench, pebble, names=[HOST, host]).names == sorted([HOST, host])
	check_nothing_half_done(bench)


def test_an_order_that_is_gone_is_begun_anew(bench, program, folder, dns, web):
	server = Pebble(program, folder / "forgetful", dns, web)
	try:
		spec = {"certificate": "customer", "authority": vars(server.authority)}
		begun = do(bench, "begin_order", names=[HOST], method=HTTP_01, **spec)
		server.end()
		with pytest.raises(TransientError, match="cannot be asked"):
			do(bench, "finish_order", order=begun.order, **spec)
		server.start()
		with pytest.raises(TransientError, match="is gone"):
			do(bench, "finish_order", order=begun.order, **spec)
		issue(bench, server)
		check_nothing_half_done(bench)
	finally:
		server.end()


def test_killed_anywhere_it_goes_on(bench, pebble):
	"""A renewal is killed at its nth step, for each n. The old or the new certificate is served, and the next try ends as any other."""
	step, at_once = 1, 8
	while True:
		names = {f"killed-{each}": each for each in range(step, step + at_once)}
		tries = [in_child(lambda: renew_killed(bench, pebble, name, names[name])) for name in names]
		codes = [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in tries]
		assert set(codes) <= {HEALED, WAS_NOT_KILLED}, dict(zip(names, codes, strict=True))
		for name in names:
			check_nothing_half_done(bench, name)
		if WAS_NOT_KILLED in codes:
			break
		step += at_once
	assert step > 15


def renew_killed(bench, pebble, name: str, step: int) -> int:
	"""Have a certificate, renew it in a process that is killed, and try again."""
	chain, key = Maker().issue([f"{name}.test"])
	store = CertificateStore(bench)
	store.install(name, store.put(name, chain, key, authority="an earlier one", method=HTTP_01))
	renewal = in_child(lambda: die_at_step(step) or (issue(bench, pebble, name, [f"{name}.test"]) and HEALED))
	code = os.waitstatus_to_exitcode(os.waitpid(renewal, 0)[1])
	assert code in (HEALED, -signal.SIGKILL), code
	assert not store.find(name).fault
	made = issue(bench, pebble, name, [f"{name}.test"])
	assert store.find(name) == made and not made.fault
	return HEALED if code else WAS_NOT_KILLED


def in_child(work) -> int:
	"""Do the work in a process of its own, which ends with what it returns; the process's id."""
	process = os.fork()
	if process == 0:
		code = FAILED
		try:
			code = work()
		except BaseException:
			traceback.print_exc()
		finally:
			os._exit(code)
	return process


def die_at_step(step: int) -> None:
	"""Have this process killed just before its nth step out of STAGES."""
	left = [step]

	def hook(event: str, arguments: tuple) -> None:
		# of a request, only what is signed: it follows its headers
		if event in STAGES and (event != "http.client.send" or arguments[1].startswith(b"{")):
			left[0] -= 1
			if not left[0]:
				os.kill(os.getpid(), signal.SIGKILL)

	sys.addaudithook(hook)


def test_a_full_disk_costs_no_certificate(bench, pebble):
	"""The process may write files up to a size: the key and the order fit, the chain does not."""
	first = issue(bench, pebble)
	process = in_child(lambda: renew_with_full_disk(bench, pebble))
	assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == HEALED
	assert do(bench, "certificates") == [first]
	store = bench.path / "config/buildpro/certificates"
	assert not list(store.rglob(".new-*")) and not list(store.rglob(".fullchain*"))
	issue(bench, pebble)
	assert check_nothing_half_done(bench).serial != first.serial


def renew_with_full_disk(bench, pebble) -> int:
	signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
	resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
	try:
		issue(bench, pebble)
	except OSError:
		return HEALED
	return FAILED


def test_many_at_once_share_one_account(bench, pebble):
	made, failed = [], []

	def work(name: str) -> None:
		try:
			made.append(issue(bench, pebble, name, [f"{name}.test"]))
		except Exception as error:
			failed.append(error)

	threads = [threading.Thread(target=work, args=(f"c{number % 5}",)) for number in range(6)]
	for each in threads:
		each.start()
	for each in threads:
		each.join()
	assert not failed and len(made) == 6
	accounts = list((bench.path / "config/buildpro/acme").iterdir())
	assert len(accounts) == 1 and json.loads((accounts[0] / "account.json").read_text())["url"]
	told = [each.what for each in do(bench, "acme_history", authority=vars(pebble.authority))]
	# two of them were after the same certificate, and one may have begun when the other had ended
	assert told.count("issued") == told.count("order") and told.count("order") in (5, 6)


def test_an_operation_that_is_stopped_goes_on_later(bench, pebble, dns):
	authority = vars(pebble.authority)
	spec = {"certificate": "w", "authority": authority}
	begun = do(bench, "begin_order", names=["*.cloud.test"], method=DNS_01, **spec)
	progress = Progress()
	threading.Timer(0.5, progress.is_stopped.set).start()
	finish = {**spec, "order": begun.order, "dns_servers": [dns.address], "seconds": 600.0}
	with pytest.raises(StoppedError):
		operation.find("finish_order").call(bench, finish, progress=progress)
	assert do(bench, "begin_order", names=["*.cloud.test"], method=DNS_01, **spec) == begun


def test_an_account_of_the_authoritys_own(bench, program, folder, dns, web):
	server = Pebble(program, folder / "eab", dns, web, with_eab=True)
	try:
		with pytest.raises(AgentError, match="externalAccountRequired") as caught:
			issue(bench, server)
		assert "key id and the HMAC key" in caught.value.hint
		plain = server.authority
		server.authority = replace(plain, eab_kid=EAB_KID, eab_hmac="not base64 at all!")
		with pytest.raises(AgentError, match="HMAC key"):
			issue(bench, server)
		server.authority = replace(plain, eab_kid=EAB_KID, eab_hmac=EAB_HMAC)
		issue(bench, server)
		check_nothing_half_done(bench)
		assert EAB_HMAC not in repr(server.authority)
		assert not any(EAB_HMAC in file.read_text(errors="replace") for file in files_of(bench))
	finally:
		server.end()


def test_an_account_whose_key_is_lost_is_made_anew(bench, pebble):
	first = issue(bench, pebble)
	(account,) = (bench.path / "config/buildpro/acme").iterdir()
	(account / "key.pem").unlink()
	assert issue(bench, pebble).order != first.order
	assert stat.S_IMODE((account / "key.pem").stat().st_mode) == 0o600


def test_an_order_is_finished_at_its_own_authority(bench, pebble):
	spec = {"certificate": "customer", "authority": vars(pebble.authority)}
	begun = do(bench, "begin_order", names=[HOST], method=HTTP_01, **spec)
	other = vars(
		replace(pebble.authority, directory=pebble.authority.directory.replace("localhost", "127.0.0.1"))
	)
	with pytest.raises(AgentError, match="of another authority"):
		do(bench, "finish_order", certificate="customer", order=begun.order, authority=other)
	assert do(bench, "begin_order", names=[HOST], method=HTTP_01, **spec) == begun


def test_an_authority_says_what_it_is(bench, pebble):
	found = do(bench, "authority_facts", authority=vars(pebble.authority))
	assert found.host == "localhost" and found.terms and not found.needs_eab and not found.tells_renewal


def test_a_contact_that_changes_is_told(bench, pebble):
	issue(bench, pebble)
	plain = pebble.authority
	try:
		pebble.authority = replace(plain, contact="other@example.com")
		issue(bench, pebble)
	finally:
		pebble.authority = plain
	(account,) = (bench.path / "config/buildpro/acme").iterdir()
	assert json.loads((account / "account.json").read_text())["contact"] == "other@example.com"


def test_what_cannot_be_ordered_is_said_before_anybody_is_asked(bench, pebble):
	spec = {
		"certificate": "c",
		"authority": vars(replace(pebble.authority, directory="https://127.0.0.1:1/")),
	}
	for names, method, sentence in (
		(["*.cloud.test"], HTTP_01, "can only be proven by DNS"),
		(["Erp.customer.test"], HTTP_01, "no host name"),
		(["../x.test"], HTTP_01, "no host name"),
		(["localhost"], HTTP_01, "no host name"),
		(["192.0.2.1"], HTTP_01, "no host name"),
		(["_a.customer.test"], HTTP_01, "no host name"),
		([], HTTP_01, "1 to 100 names"),
		([f"h{number}.test" for number in range(101)], HTTP_01, "1 to 100 names"),
	):
		with pytest.raises(AgentError, match=sentence):
			do(bench, "begin_order", names=names, method=method, **spec)
	for name in ("../c", ".hidden", "", "a/b"):
		with pytest.raises(AgentError, match="certificate"):
			do(bench, "begin_order", **{**spec, "certificate": name}, names=[HOST], method=HTTP_01)
	with pytest.raises(AgentError, match="no address of an authority"):
		do(
			bench,
			"begin_order",
			certificate="c",
			names=[HOST],
			method=HTTP_01,
			authority={"directory": "http://x"},
		)


def test_an_uploaded_certificate_is_never_renewed(bench, pebble):
	chain, key = Maker().issue([HOST, "*.customer.test"])
	upload = {"certificate": "own", "chain": chain.decode(), "key": key.decode()}
	chained = Maker()
	with pytest.raises(AgentError, match="is missing"):
		do(bench, "install_uploaded", **upload)
	chain, key = chained.issue([HOST, "*.customer.test"])
	upload |= {"chain": (chain + chained.root_pem).decode(), "key": key.decode()}
	with pytest.raises(AgentError, match=r"and not for other\.test"):
		do(bench, "install_uploaded", hosts=[HOST, "other.test"], **upload)
	assert do(bench, "certificates") == []
	made = do(bench, "install_uploaded", hosts=[HOST, "www.customer.test"], **upload)
	assert made.method == UPLOADED and made.authority == "An Issuer"
	with pytest.raises(AgentError, match="was uploaded, and is not renewed"):
		issue(bench, pebble, "own")
	with pytest.raises(AgentError, match="not self-signed"):
		do(bench, "make_self_signed", certificate="own")
	assert do(bench, "certificates") == [made]
	# nor where its files are lost
	place = bench.path / "config/buildpro/certificates/own"
	for lost in (place / "facts.json", place.resolve()):
		shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
		assert do(bench, "certificates")[0].method == UPLOADED
		with pytest.raises(AgentError, match="was uploaded, and is not renewed"):
			issue(bench, pebble, "own")
	do(bench, "remove_certificate", certificate="own")
	assert issue(bench, pebble, "own").method == HTTP_01


def test_what_is_damaged_on_disk_is_told_and_renewed_and_old_versions_go(bench, pebble):
	issue(bench, pebble)
	place = bench.path / "config/buildpro/certificates/customer"
	for file, content in (("fullchain.pem", None), ("privkey.pem", b"junk"), ("facts.json", b"{")):
		if content is None:
			(place / file).unlink()
		else:
			(place / file).write_bytes(content)
		(found,) = do(bench, "certificates")
		assert found.name == "customer" and "Renew it" in found.fault
		issue(bench, pebble)
		assert not do(bench, "certificates")[0].fault
	assert len(list((place.parent / ".versions/customer").iterdir())) == 3
	shutil.rmtree(place.resolve())  # the symlink leads nowhere
	assert do(bench, "certificates")[0].fault
	issue(bench, pebble)
	check_nothing_half_done(bench)


def test_what_is_served_is_told_by_sni(bench, pebble, program, folder):
	(port,) = free_ports(1)
	do(bench, "make_self_signed", certificate="default")
	assert do(bench, "make_self_signed", certificate="default").method == SELF_SIGNED
	made = issue(bench, pebble)
	chain, key = Maker().issue(["old.test"], life=DAY / 2)
	(folder / "old.pem").write_bytes(chain)
	(folder / "old.key").write_bytes(key)
	(folder / "pebble-root.pem").write_bytes(pebble.root())
	store = bench.path / "config/buildpro/certificates"
	servers = "".join(
		f"server {{ listen 127.0.0.1:{port} ssl {default}; server_name {name}; ssl_certificate {chain}; "
		f"ssl_certificate_key {key}; return 204; }}"
		for name, default, chain, key in (
			("_", "default_server", store / "default/fullchain.pem", store / "default/privkey.pem"),
			(HOST, "", store / "customer/fullchain.pem", store / "customer/privkey.pem"),
			("old.test", "", folder / "old.pem", folder / "old.key"),
		)
	)
	server = Nginx(program, folder / "nginx-tls", servers, port)
	try:
		asked = [HOST, "old.test", "unknown.test"]
		root = str(folder / "pebble-root.pem")
		found = do(bench, "served", hosts=asked, port=port, address="127.0.0.1", ca_file=root)
	finally:
		server.end()
	assert found[HOST].serial == made.serial and not found[HOST].fault
	assert found["old.test"].valid_until < time.time() and "Browsers warn" in found["old.test"].fault
	assert "self-signed" in found["unknown.test"].fault
	nobody = do(bench, "served", hosts=[HOST], port=port, address="127.0.0.1")
	assert "cannot be reached" in nobody[HOST]
	assert do(bench, "served", hosts=[], port=port) == {}
