"""What goes wrong while the proxy is published: the rest goes out, what was served still is, and a sentence says what to do."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
from proxied_bench import BASE, Application, ProxiedBench, wait_until
from small_disk import for_root, full_disk

from buildpro_saas.agent import nginx as nginx_program
from buildpro_saas.agent import proxy, proxy_upkeep, proxy_wanted
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.nginx import BrokenConfig
from buildpro_saas.agent.proxy_certificates import DEFAULT, Presented
from buildpro_saas.agent.proxy_config import HTTP_FILE, Rendered
from buildpro_saas.agent.proxy_facts import ProxyHost, ProxySite, ProxySpec
from buildpro_saas.agent.proxy_release import Releases
from buildpro_saas.agent.uploaded_certificate import self_signed

ACME = f"acme.{BASE}"


def site_with(bench: ProxiedBench, *hosts: ProxyHost, name: str = ACME, **values) -> ProxySite:
	bench.make_site(name)
	return ProxySite(name, [ProxyHost(name), *hosts], **values)


# -- certificates that cannot be presented ----------------------------------------------------------------------------


def damage(bench: ProxiedBench, name: str, how: str) -> None:
	folder = bench.places.store / name
	if how == "gone":
		(folder / "privkey.pem").unlink()
	elif how == "no folder":
		(folder / "privkey.pem").unlink()
		(folder / "fullchain.pem").unlink()
		folder.rmdir()
	elif how == "cut off":
		(folder / "fullchain.pem").write_bytes((folder / "fullchain.pem").read_bytes()[:200])
	elif how == "empty":
		(folder / "privkey.pem").write_bytes(b"")
	elif how == "another's key":
		(folder / "privkey.pem").write_bytes(self_signed("x.example")[1])
	elif how == "password":
		(folder / "privkey.pem").write_text(
			"-----BEGIN {0}-----\nMII=\n-----END {0}-----".format("ENCRYPTED PRIVATE KEY")
		)
	elif how == "noise":
		(folder / "fullchain.pem").write_bytes(os.urandom(500))


DAMAGES = ["gone", "no folder", "cut off", "empty", "another's key", "password", "noise"]


def test_a_certificate_that_cannot_be_presented_keeps_nobody_else_back(proxied):
	"""Each damage at a name's first publishing, all at once, beside one that is whole."""
	sites = [proxied.customer(number) for number in range(len(DAMAGES))]
	for number, how in enumerate(DAMAGES):
		damage(proxied, f"erp.customer{number}.example", how)
	published = proxied.publish(*sites, proxied.customer("whole"))
	assert sorted(published.set_aside) == [f"erp.customer{number}.example" for number in range(len(DAMAGES))]
	for sentence in published.set_aside.values():
		assert sentence.startswith("The certificate erp.customer") and sentence.endswith(".")
	assert proxied.get("erp.customerwhole.example").site == f"sitewhole.{BASE}"
	for number in range(len(DAMAGES)):
		name = f"erp.customer{number}.example"
		assert proxied.get(name).status == 0
		assert proxied.get(name, secure=False).site == f"site{number}.{BASE}", (
			"it answers over HTTP meanwhile"
		)


def test_a_pem_that_is_deleted_or_damaged_later_changes_nothing_for_visitors(proxied):
	sites = [proxied.customer(number) for number in range(len(DAMAGES))]
	proxied.publish(*sites)
	before = {site.site: proxied.get(site.hosts[1].name).certificate for site in sites}
	for number, how in enumerate(DAMAGES):
		damage(proxied, f"erp.customer{number}.example", how)
	published = proxied.publish(*sites, proxied.customer("new"))
	assert len(published.set_aside) == len(DAMAGES)
	assert all("still is" in sentence for sentence in published.set_aside.values())
	for site in sites:
		answer = proxied.get(site.hosts[1].name)
		assert (answer.site, answer.certificate) == (site.site, before[site.site])
	assert proxied.get("erp.customernew.example").status == 200


def test_a_renewed_certificate_is_presented_without_a_reload(proxied):
	sites = [proxied.customer(1), proxied.customer(2)]
	proxied.publish(*sites)
	before, reloads = proxied.get("erp.customer1.example").certificate, proxied.reloads()
	proxied.make_certificate("erp.customer1.example")
	published = proxied.publish(*sites)
	assert (published.is_changed, published.is_reloaded, published.set_aside) == (False, False, {})
	assert proxied.get("erp.customer1.example").certificate != before
	assert proxied.reloads() == reloads
	for _ in range(3):
		proxied.make_certificate("erp.customer1.example")
		proxied.publish(*sites)
	versions = [path.name for path in (proxied.places.certificates / ".versions").iterdir()]
	assert len([name for name in versions if name.startswith("erp.customer1")]) == 2, "no heap of old keys"


def test_the_renewed_wildcard_is_presented_after_one_reload(proxied):
	proxied.make_certificate("wild", f"*.{BASE}")
	site = site_with(proxied)
	proxied.publish(site, wildcard_certificate="wild")
	before = proxied.get(ACME).certificate
	proxied.make_certificate("wild", f"*.{BASE}")
	assert proxied.publish(site).is_reloaded
	assert proxied.get(ACME).certificate != before


def test_our_own_copy_that_is_deleted_is_made_again(proxied):
	sites = [proxied.customer(1), proxied.customer(2)]
	proxied.make_certificate("wild", f"*.{BASE}")
	proxied.publish(*sites, wildcard_certificate="wild")
	for name, file in (("erp.customer1.example", "privkey.pem"), ("wild", "fullchain.pem")):
		(proxied.places.certificates / name / file).unlink()
	assert proxied.get("erp.customer1.example").status == 0
	assert proxied.publish(*sites).set_aside == {}
	assert proxied.get("erp.customer1.example").status == 200
	assert proxied.get(sites[0].site).status == 200


@pytest.mark.parametrize("file", ["fullchain.pem", "privkey.pem"])
def test_a_wildcard_that_is_damaged_everywhere_keeps_no_customers_name_back(proxied, file):
	"""nginx reads it with its configuration, and would refuse all for it."""
	site = site_with(proxied)
	proxied.make_certificate("wild", f"*.{BASE}")
	proxied.publish(site, wildcard_certificate="wild")
	for place in (proxied.places.certificates, proxied.places.store):
		(place / "wild" / file).write_text("noise")
	published = proxied.publish(site, proxied.customer(1))
	assert proxied.get("erp.customer1.example").status == 200
	assert "cannot be presented" in published.set_aside[ACME]
	assert proxied.get(ACME, secure=False).site == ACME, "over HTTP, until it is mended"
	proxied.make_certificate("wild", f"*.{BASE}")
	assert proxied.publish(*proxied.spec.sites).set_aside == {}
	assert proxied.get(ACME).site == ACME


def test_a_certificate_called_as_ours_for_nobody_is_an_ordinary_one(proxied):
	host = ProxyHost("erp.customer.example", proxied.make_certificate("default"))
	proxied.publish(site_with(proxied, host))
	print_of = Presented(proxied.places.certificates, proxied.places.store).fingerprint
	assert proxied.get("erp.customer.example").certificate == print_of("default")
	assert proxied.get("unknown.example").certificate == print_of(DEFAULT) != print_of("default")


def test_keys_are_readable_for_their_owner_alone(proxied):
	proxied.publish(proxied.customer(1))
	keys = list(proxied.places.certificates.rglob("privkey.pem"))
	assert keys and {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
	assert stat.S_IMODE(proxied.places.certificates.stat().st_mode) == 0o700
	for text in proxy_upkeep.shown(proxied.bench).values():
		assert "PRIVATE KEY" not in text


# -- names that cannot be ---------------------------------------------------------------------------------------------

NAMES = [
	*(
		"",
		" ",
		"Erp.customer.example",
		"erp.customer.example.",
		"*.customer.example",
		"-a.example",
		"a-.example",
	),
	*(
		"a..b",
		".a",
		"a b.example",
		'a".example',
		"a;.example",
		"a{}.example",
		"$host",
		"~^.*$",
		"a\nb.example",
	),
	*("ä.example", "a" * 64 + ".example", ".".join(["a" * 60] * 5), "a\\.example", "a/b.example", BASE),
	*('x" "y"; } server { listen 1; #', "include /etc/passwd;", "default"[:0] + "_._", "volatile;"),
]


def test_names_that_cannot_be_are_set_aside_and_write_nothing_into_the_configuration(proxied):
	sites = [
		site_with(proxied, ProxyHost(name), name=f"s{number}.{BASE}") for number, name in enumerate(NAMES)
	]
	published = proxied.publish(*sites, proxied.customer("good"))
	assert published.set_aside.keys() == set(NAMES) - {"_._"} or published.set_aside.keys() == set(NAMES)
	assert proxied.get("erp.customergood.example").status == 200
	assert "passwd" not in "".join(proxy_upkeep.shown(proxied.bench).values())


def test_a_name_of_two_sites_stays_the_first_ones(proxied):
	first, second = proxied.customer(1), proxied.customer(2)
	stolen = replace(second, hosts=[*second.hosts, first.hosts[1]])
	published = proxied.publish(first, stolen)
	assert "already" in published.set_aside["erp.customer1.example"]
	assert proxied.get("erp.customer1.example").site == first.site


@pytest.mark.parametrize(
	("values", "complaint"),
	[
		({"web_port": 0}, "no port"),
		({"https_port": 70000}, "no port"),
		({"trusted": ["10.0.0.0/8; } evil"]}, "no network"),
		({"listen": ["everywhere"]}, "no address"),
		({"base_domain": "a;b"}, "no host name"),
	],
)
def test_what_concerns_all_and_cannot_be_is_refused_in_a_sentence(proxied, values, complaint):
	proxied.publish(proxied.customer(1))
	good = proxied.spec
	with pytest.raises(AgentError, match=complaint):
		proxied.publish(*good.sites, **values)
	proxied.spec = good
	assert proxied.get("erp.customer1.example").status == 200


def test_sites_that_cannot_be_are_set_aside(proxied):
	bad = [
		ProxySite("../x", [ProxyHost("a.example")]),
		ProxySite('s"; }', [ProxyHost("b.example")]),
		ProxySite("ok.example", [ProxyHost("c.example")], body_mb=0),
		ProxySite("ok.example", [ProxyHost("d.example")], requests_a_second=1e9),
		ProxySite("ok.example", [ProxyHost("e.example", "../../etc")]),
		ProxySite("ok.example", [ProxyHost("f.example", hsts_seconds=-1)]),
	]
	published = proxied.publish(*bad, proxied.customer(1))
	assert sorted(published.set_aside) == [f"{letter}.example" for letter in "abcdef"]
	assert proxied.get("erp.customer1.example").status == 200


# -- redirects --------------------------------------------------------------------------------------------------------


def test_no_name_leads_where_nothing_answers(proxied):
	made = {
		name: proxied.make_certificate(name) for name in ("a.example", "b.example", "c.example", "d.example")
	}
	hosts = [
		ProxyHost("a.example", made["a.example"], redirects_to="bare.example"),  # has no certificate
		ProxyHost("bare.example"),
		ProxyHost("b.example", made["b.example"], redirects_to="nowhere.example"),
		ProxyHost("c.example", made["c.example"], redirects_to="d.example"),  # a loop
		ProxyHost("d.example", made["d.example"], redirects_to="c.example"),
		ProxyHost("e.example", redirects_to="e.example"),
	]
	other = proxied.customer(1)
	published = proxied.publish(
		site_with(proxied, *hosts, ProxyHost("f.example", redirects_to=other.hosts[1].name)), other
	)
	for name in ("a.example", "b.example"):
		assert proxied.get(name).site == ACME and "serves itself" in published.set_aside[name]
	answers = {name: proxied.get(name) for name in ("c.example", "d.example")}
	assert 200 in {answer.status for answer in answers.values()}, "one of a loop serves"
	for name, answer in answers.items():
		if answer.status == 307:
			target = answer.headers["location"].split("/")[2].split(":")[0]
			assert proxied.get(target).status == 200, name
	assert "lead to itself" in published.set_aside["e.example"]
	assert "another site's" in published.set_aside["f.example"]


def test_a_redirect_is_withdrawn_when_the_certificate_of_its_target_goes(proxied):
	target = proxied.make_certificate("erp.customer.example")
	leading = ProxyHost(ACME, redirects_to="erp.customer.example")
	proxied.make_site(ACME)
	proxied.make_certificate("wild", f"*.{BASE}")
	proxied.publish(ProxySite(ACME, [leading, ProxyHost(target, target)]), wildcard_certificate="wild")
	assert proxied.get(ACME).status == 307
	published = proxied.publish(ProxySite(ACME, [leading, ProxyHost(target, "")]))
	assert proxied.get(ACME).site == ACME and "no certificate yet" in published.set_aside[ACME]


# -- nginx does not take it -------------------------------------------------------------------------------------------


def test_a_line_that_nginx_refuses_is_known_by_its_host(proxied):
	"""Nothing that we write is refused today. Where something is, the error leads to the name that it was written for."""
	proxied.publish(proxied.customer(1))
	releases = Releases(proxied.places)
	files = {file.name: file.read_text() for file in proxied.places.current.glob("*.conf")}
	broken = '"erp.customer1.example" more "'
	files[HTTP_FILE] = files[HTTP_FILE].replace('"erp.customer1.example" "', broken, 1)
	line = next(number for number, each in enumerate(files[HTTP_FILE].splitlines(), 1) if broken in each)
	folder = releases.write(Rendered(files))
	with pytest.raises(BrokenConfig, match="invalid number of the map parameters") as fault:
		proxied.nginx.try_release(folder)
	assert fault.value.line == line


def test_a_name_that_does_not_answer_is_set_aside_and_the_rest_goes_out(proxied):
	"""nginx takes the configuration, and the name does not answer: its site's configuration is no file."""
	proxied.publish(proxied.customer(1))
	broken = proxied.customer("broken")
	config = proxied.places.sites / broken.site / "site_config.json"
	config.unlink()
	config.mkdir()
	published = proxied.publish(proxied.customer(1), proxied.customer(2), broken)
	assert "did not answer as it should" in published.set_aside["erp.customerbroken.example"]
	assert published.set_aside.keys() <= {host.name for host in broken.hosts}
	for number in (1, 2):
		assert proxied.get(f"erp.customer{number}.example").site == f"site{number}.{BASE}"
	config.rmdir()
	proxied.make_site(broken.site)
	assert proxied.publish(*proxied.spec.sites).set_aside == {}
	assert proxied.get("erp.customerbroken.example").site == broken.site


def test_where_nothing_answers_the_configuration_before_is_served_again(proxied):
	first, second = proxied.customer(1), proxied.customer(2)
	before = proxied.publish(first).release
	for site in (first, second):
		config = proxied.places.sites / site.site / "site_config.json"
		config.unlink()
		config.mkdir()
	changed = replace(first, hosts=[*first.hosts, ProxyHost("more.example")])
	with pytest.raises(AgentError, match="did not answer as it should"):
		proxied.publish(changed, second)
	assert Releases(proxied.places).current() == before
	assert proxy_upkeep.state_of(proxied.bench).problem == ""


def test_a_port_that_is_taken_leaves_the_old_one_served(proxied):
	proxied.publish(proxied.customer(1))
	good = proxied.spec
	with socket.create_server(("127.0.0.1", 0)) as other:
		with pytest.raises(AgentError, match=r"(?i)address already in use"):
			proxied.publish(proxied.customer(1), https_port=other.getsockname()[1])
	proxied.spec = good
	assert proxied.get("erp.customer1.example").status == 200
	assert proxied.publish(*good.sites, proxied.customer(2)).set_aside == {}
	assert proxied.get("erp.customer2.example").status == 200


def test_the_addresses_to_listen_on_may_change(proxied):
	"""nginx cannot open one address of a port while it has all of them open: it closes them first."""
	for addresses in ([], ["127.0.0.1"], [""], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1"]):
		proxied.publish(proxied.customer(1), listen=addresses)
		assert proxied.get("erp.customer1.example").status == 200
	assert proxy_upkeep.state_of(proxied.bench).problem == ""


def test_while_nginx_is_down_nothing_changes_and_it_is_said(proxied):
	proxied.publish(proxied.customer(1))
	before = Releases(proxied.places).current()
	proxied.nginx.stop()
	with pytest.raises(TransientError, match="nginx does not run"):
		proxied.publish(proxied.customer(1), proxied.customer(2))
	state = proxy_upkeep.state_of(proxied.bench)
	assert not state.is_running and "Start it" in state.problem
	assert Releases(proxied.places).current() == before
	proxied.nginx.start()
	assert proxied.get("erp.customer1.example").status == 200
	proxied.publish(*proxied.spec.sites)
	assert proxied.get("erp.customer2.example").status == 200


def test_nginx_that_was_killed_starts_with_the_last_that_worked(proxied):
	proxied.publish(proxied.customer(1))
	master = proxied.nginx.master()
	family = [master, *master.children()]
	for process in family:
		process.kill()
	for process in family:
		process.wait(60)
	wait_until(lambda: proxied.nginx.master() is None)
	proxied.nginx.start()
	assert proxied.get("erp.customer1.example").status == 200


def test_another_process_with_the_number_of_nginx_is_left_alone(proxied):
	child = subprocess.Popen(["sleep", "60"])
	pid_file = Path(proxied.settings.pid_file)
	kept = pid_file.read_text()
	try:
		pid_file.write_text(str(child.pid))
		with pytest.raises(TransientError, match="does not run"):
			proxied.publish(proxied.customer(1))
		assert child.poll() is None
	finally:
		pid_file.write_text(kept)
		child.kill()
		child.wait()


# -- disks ------------------------------------------------------------------------------------------------------------


@for_root
@pytest.mark.fault
def test_on_a_full_disk_what_was_served_still_is(proxied):
	proxied.publish(proxied.customer(1))
	before = Releases(proxied.places).current()
	with full_disk(proxied.places.releases):
		with pytest.raises(OSError, match="No space left"):
			proxied.publish(proxied.customer(1), proxied.customer(2))
	assert Releases(proxied.places).current() == before
	assert sorted(path.name for path in proxied.places.releases.iterdir())[-1] == before, (
		"nothing half-written"
	)
	assert proxied.get("erp.customer1.example").status == 200
	proxied.publish(*proxied.spec.sites)
	assert proxied.get("erp.customer2.example").status == 200


@for_root
@pytest.mark.fault
def test_in_a_folder_that_is_read_only_what_was_served_still_is(proxied):
	proxied.publish(proxied.customer(1))
	root = proxied.places.root
	subprocess.run(["mount", "--bind", root, root], check=True)
	try:
		subprocess.run(["mount", "-o", "remount,ro,bind", root], check=True)
		proxied.customer(2)
		with pytest.raises(OSError, match="Read-only"):
			proxied.publish(proxied.customer(1), proxied.customer(2))
		assert proxied.get("erp.customer1.example").status == 200
	finally:
		subprocess.run(["umount", root], check=True)
	proxied.publish(*proxied.spec.sites)
	assert proxied.get("erp.customer2.example").status == 200


# -- sizes ------------------------------------------------------------------------------------------------------------


def test_five_hundred_names_of_the_longest_kind_are_served(proxied):
	"""Labels of 63 characters, and names of 253: nginx's tables are made for them."""
	proxied.make_site(ACME)
	labels = [f"{number:04}" + "a" * 59 for number in range(500)]
	long = ["a" * 61] * 3
	names = [f"{label}.example" for label in labels] + [
		".".join([f"{number:03}{'b' * 57}", *long, "ex"])[:253] for number in range(100)
	]
	assert max(map(len, names)) >= 249
	hosts = [ProxyHost(name) for name in names]
	published = proxied.publish(ProxySite(ACME, hosts))
	assert published.set_aside == {}
	for name in (names[0], names[250], names[499], names[-1]):
		assert proxied.get(name, secure=False).site == ACME


# -- killed, and many at once -----------------------------------------------------------------------------------------

PUBLISH = """
import json, sys
from pathlib import Path
from buildpro_saas.agent import proxy, proxy_wanted
from buildpro_saas.agent.bench import Bench
given = json.load(sys.stdin)
proxy.publish(Bench(Path(given["bench"])), proxy_wanted.as_spec(given["spec"]))
"""


def publishing_beside(bench: ProxiedBench, spec: ProxySpec) -> subprocess.Popen:
	process = subprocess.Popen(
		[sys.executable, "-c", PUBLISH],
		stdin=subprocess.PIPE,
		text=True,
		env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
	)
	process.stdin.write(json.dumps({"bench": str(bench.bench.path), "spec": asdict(spec)}))
	process.stdin.close()
	return process


@pytest.mark.fault
@pytest.mark.parametrize("moment", ["asked for", "written", "led to", "reloaded"])
def test_killed_in_the_middle_the_next_one_makes_it_whole(proxied, moment):
	proxied.publish(proxied.customer(1))
	releases = Releases(proxied.places)
	before, reloads = releases.current(), proxied.nginx.master().children()
	spec = replace(proxied.spec, sites=[proxied.customer(1), proxied.customer(2)])
	wanted = (proxied.places.root / "wanted.json").read_text()
	has_come = {
		"asked for": lambda: (proxied.places.root / "wanted.json").read_text() != wanted,
		"written": lambda: len(list(proxied.places.releases.iterdir())) > 2,
		"led to": lambda: releases.current() != before,
		"reloaded": lambda: set(proxied.nginx.master().children()) - set(reloads),
	}[moment]
	process = publishing_beside(proxied, spec)
	while not has_come() and process.poll() is None:
		pass  # as soon as it comes: a look is shorter than any pause
	process.send_signal(signal.SIGKILL)
	process.wait()
	assert proxied.get("erp.customer1.example").status == 200
	proxied.publish(*spec.sites)
	assert proxy_upkeep.state_of(proxied.bench).problem == ""
	for number in (1, 2):
		assert proxied.get(f"erp.customer{number}.example").site == f"site{number}.{BASE}"


def test_a_burst_of_changes_makes_one_reload_and_the_newest_counts(proxied):
	sites = [proxied.customer(number) for number in range(12)]
	proxied.publish(sites[0], version=1)
	before, results = proxied.reloads(), []
	together = threading.Barrier(len(sites))

	def publish(number: int) -> None:
		spec = replace(proxied.spec, sites=sites[: number + 1], version=number + 1)
		together.wait()
		results.append(proxy.publish(proxied.bench, spec))

	threads = [threading.Thread(target=publish, args=(number,)) for number in range(len(sites))]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	assert len(results) == len(sites)
	assert proxied.reloads() - before <= 2, (
		"of twelve; one more where the machine was so slow that some came late"
	)
	for number in range(len(sites)):
		assert proxied.get(f"erp.customer{number}.example").site == f"site{number}.{BASE}"
	old = replace(proxied.spec, sites=sites[:3], version=3)
	assert proxy.publish(proxied.bench, old).release == Releases(proxied.places).current()
	assert proxied.get("erp.customer11.example").status == 200, (
		"an older state of the records is not published"
	)
	proxy.publish(proxied.bench, replace(old, version=3 - proxy_wanted.LONGEST_LATE))
	assert proxied.get("erp.customer11.example").status == 0, (
		"unless a clock was wrong: the newest has its say"
	)


@pytest.mark.fault
def test_two_processes_publish_at_once(proxied):
	sites = [proxied.customer(1), proxied.customer(2)]
	proxied.publish(*sites)
	both = [
		publishing_beside(proxied, replace(proxied.spec, sites=[*sites, proxied.customer(number)]))
		for number in (3, 4)
	]
	assert [process.wait(120) for process in both] == [0, 0]
	assert proxy_upkeep.state_of(proxied.bench).problem == ""
	answers = [proxied.get(f"erp.customer{number}.example").status for number in (1, 2, 3, 4)]
	assert answers[:2] == [200, 200] and sorted(answers[2:]) == [0, 200], "one of the two was the last"


@pytest.mark.fault
def test_no_reload_while_many_old_workers_still_answer(proxied, monkeypatch):
	monkeypatch.setattr(nginx_program, "WAIT_FOR_DYING", 0.2)
	Application.held.clear()
	site, waiting = proxied.customer(1), []
	proxied.publish(site)
	try:
		for number in range(nginx_program.MOST_DYING):
			thread = threading.Thread(target=lambda: proxied.get("erp.customer1.example", "/hold"))
			thread.start()
			waiting.append(thread)
			wait_until(lambda: connected_to(proxied.spec.web_port) > number)
			proxied.publish(replace(site, hosts=[*site.hosts, ProxyHost(f"n{number}.example")]))
			wait_until(lambda: proxied.nginx.dying_workers() > number)
		before = Releases(proxied.places).current()
		with pytest.raises(TransientError, match="old workers still answer"):
			proxied.publish(replace(site, hosts=[*site.hosts, ProxyHost("late.example")]))
		assert Releases(proxied.places).current() == before
	finally:
		Application.held.set()
		for thread in waiting:
			thread.join()
	wait_until(lambda: proxied.nginx.dying_workers() == 0)
	proxied.publish(replace(site, hosts=[*site.hosts, ProxyHost("late.example")]))
	assert proxied.get("late.example", secure=False).status == 200


def connected_to(port: int) -> int:
	"""How many requests the application holds."""
	return sum(
		1
		for connection in psutil.net_connections("tcp4")
		if connection.pid == os.getpid()
		and connection.status == "ESTABLISHED"
		and connection.laddr.port == port
	)


def test_the_default_certificate_is_made_anew_when_it_is_gone(proxied):
	proxied.publish(proxied.customer(1))
	before = proxied.get("unknown.example").certificate
	(proxied.places.certificates / DEFAULT).unlink()
	proxied.publish(proxied.customer(1), proxied.customer(2))
	after = proxied.get("unknown.example").certificate
	assert after and after != before
	assert after == Presented(proxied.places.certificates, proxied.places.store).fingerprint(DEFAULT)


def test_a_host_that_is_removed_is_refused_from_then_on(proxied):
	proxied.publish(proxied.customer(1), proxied.customer(2))
	proxied.publish(proxied.customer(1))
	assert proxied.get("erp.customer2.example").status == 0
	assert proxied.get("erp.customer2.example", secure=False).status == 0
	assert not (proxied.places.certificates / "erp.customer2.example").exists(), "nor is its key kept here"
