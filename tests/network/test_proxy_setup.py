"""Setting the proxy up on a machine, and living beside the server blocks of others in the machine's own nginx."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from other_users import as_another_user, let_others_enter
from proxied_bench import BASE, ProxiedBench, is_root, wait_until

from buildpro_saas.agent import proxy, proxy_plan, proxy_settings, proxy_setup, proxy_upkeep
from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.nginx import Nginx
from buildpro_saas.agent.proxy_facts import INCLUDED, NOT_MANAGED, OWN, ProxyHost, ProxySite, ProxySpec
from buildpro_saas.agent.proxy_settings import Settings

MACHINE = """
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {folder}/b;
	proxy_temp_path {folder}/p;
	fastcgi_temp_path {folder}/f;
	uwsgi_temp_path {folder}/u;
	scgi_temp_path {folder}/s;
	include {folder}/conf.d/*.conf;
}}
"""
OTHERS = """
server {{
	listen 127.0.0.1:{http} default_server;
	listen 127.0.0.1:{https} ssl default_server;
	server_name other.example;
	ssl_certificate {store}/other/fullchain.pem;
	ssl_certificate_key {store}/other/privkey.pem;
	return 200 "others";
}}
server {{
	listen 127.0.0.1:{https} ssl;
	server_name admin.{base};
	ssl_certificate {store}/other/fullchain.pem;
	ssl_certificate_key {store}/other/privkey.pem;
	return 200 "admin";
}}
"""


# `make test` makes sure of the program where it may install it
needs_systemd = pytest.mark.skipif(
	not (is_root() or shutil.which("systemd-analyze")), reason="needs systemd's own check"
)


@pytest.fixture
def machine(tmp_path, program, free_port):
	"""A bench in the nginx of a machine that serves others, too."""
	bench = ProxiedBench(tmp_path / "bench", program("nginx"), free_port)
	folder = tmp_path / "machine"
	(folder / "conf.d").mkdir(parents=True)
	bench.make_certificate("other")
	main, nginx = folder / "nginx.conf", program("nginx")
	main.write_text(MACHINE.format(folder=folder, user="user root;" if is_root() else ""))
	(folder / "conf.d/zz-others.conf").write_text(
		OTHERS.format(
			http=bench.spec.http_port, https=bench.spec.https_port, store=bench.places.store, base=BASE
		)
	)
	(folder / "conf.d/00-ours.conf").write_text(
		proxy_plan.INCLUDE.format(bench=bench.places.bench, current=bench.places.current)
	)
	command = [nginx, "-c", str(main)]
	bench.settings = Settings(
		mode=INCLUDED,
		nginx=nginx,
		pid_file=str(folder / "nginx.pid"),
		test=[*command, "-t"],
		reload=[*command, "-s", "reload"],
		is_default=False,
		version=proxy_settings.version_of(nginx),
	)
	bench.nginx = Nginx(bench.settings, bench.places)
	bench.others = folder / "conf.d/zz-others.conf"
	subprocess.run(command, check=True)  # before there is a release of ours
	try:
		proxy_upkeep.prepare(bench.bench, bench.settings, bench.spec)
		bench.nginx.reload()
		yield bench
	finally:
		master = bench.nginx.master()
		master.send_signal(signal.SIGTERM)
		master.wait(60)
		bench.stop()


def test_others_server_blocks_stay_as_they_are(machine):
	machine.make_certificate("wild", f"*.{BASE}")
	machine.make_site(f"acme.{BASE}")
	machine.make_site(f"admin.{BASE}")
	site = ProxySite(f"acme.{BASE}", [ProxyHost(f"acme.{BASE}")])
	published = machine.publish(site, machine.customer(1), wildcard_certificate="wild")
	assert published.set_aside == {} and published.is_reloaded
	assert machine.get("other.example").body == b"others"
	assert machine.get(f"admin.{BASE}").body == b"admin", "an exact name wins over our wildcard"
	assert machine.get("unknown.example").body == b"others", "the default server is another's"
	assert machine.get(f"acme.{BASE}").site == f"acme.{BASE}"
	assert machine.get("erp.customer1.example").site == f"site1.{BASE}"
	assert machine.get(f"x.y.{BASE}", sni=f"acme.{BASE}").status == 0
	assert proxy_upkeep.state_of(machine.bench).problem == ""


def test_others_mistake_is_told_and_ours_is_not_swapped_in(machine):
	machine.publish(machine.customer(1))
	kept = machine.others.read_text()
	current = os.readlink(machine.places.current)
	machine.others.write_text("nonsense here;")
	with pytest.raises(AgentError, match="unknown directive"):
		machine.publish(machine.customer(1), machine.customer(2))
	with pytest.raises(AgentError, match="unknown directive"):
		proxy_upkeep.try_out(machine.bench)
	assert os.readlink(machine.places.current) == current
	assert machine.get("erp.customer1.example").status == 200
	machine.others.write_text(kept)
	machine.publish(*machine.spec.sites)
	assert machine.get("erp.customer2.example").status == 200


def test_a_name_that_another_block_has_is_set_aside(machine):
	machine.make_site(f"acme.{BASE}")
	hosts = [ProxyHost("other.example", machine.make_certificate("other.example"))]
	published = machine.publish(ProxySite(f"acme.{BASE}", hosts), machine.customer(1))
	assert "stays there" in published.set_aside["other.example"]
	assert machine.get("erp.customer1.example").status == 200
	assert machine.get("other.example").body == b"others"


def test_a_reload_that_is_refused_is_told_with_what_to_do(machine):
	machine.publish(machine.customer(1))
	refused = replace(machine.settings, reload=["sh", "-c", "echo a password is required >&2; exit 1"])
	proxy_settings.write(machine.bench, refused)
	with pytest.raises(AgentError, match="a password is required") as fault:
		machine.publish(machine.customer(1), machine.customer(2))
	assert "setup-proxy" in fault.value.hint
	assert machine.get("erp.customer1.example").status == 200


# -- setting up -------------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path, program, free_port, monkeypatch):
	monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{Path(program('nginx')).parent}")
	made = ProxiedBench(tmp_path / "bench", program("nginx"), free_port)
	yield made
	made.application.shutdown()
	made.application.server_close()


def ports(bench: ProxiedBench) -> tuple[int, int]:
	return bench.spec.http_port, bench.spec.https_port


def test_the_plan_shows_all_and_does_nothing(bench):
	planned = proxy_plan.plan(bench.bench, OWN, *ports(bench))
	unit, rotation = planned.files.values()
	owner = proxy_plan.owner_of(bench.bench)
	assert f"User={owner}\n" in unit and "AmbientCapabilities=CAP_NET_BIND_SERVICE" in unit
	assert "NoNewPrivileges=true" in unit and str(bench.places.main) in unit
	assert "USR1" in rotation and planned.hindrance == ""
	assert [command[0] for command in planned.commands] == ["systemctl", "systemctl"]
	assert not bench.places.root.exists()


@needs_systemd
def test_systemd_takes_the_unit(bench, tmp_path):
	(path, unit), _rotation = proxy_plan.plan(bench.bench, OWN, *ports(bench)).files.items()
	(tmp_path / Path(path).name).write_text(unit)
	done = subprocess.run(
		["systemd-analyze", "verify", tmp_path / Path(path).name], capture_output=True, text=True, check=False
	)
	assert "Unknown" not in done.stderr and done.returncode == 0, done.stderr


@pytest.mark.skipif(not is_root(), reason="is done as root")
def test_set_up_writes_what_was_shown_and_nginx_starts_with_it(bench, tmp_path):
	root = tmp_path / "machine"
	planned = proxy_setup.set_up(bench.bench, OWN, *ports(bench), root=root, is_running=False)
	written = {f"/{path.relative_to(root)}": path.read_text() for path in root.rglob("*") if path.is_file()}
	assert written == planned.files
	bench.nginx.start()
	try:
		assert bench.get("anything.example").status == 0
		assert proxy_upkeep.state_of(bench.bench).problem == "Nothing was published yet."
		bench.publish(bench.customer(1), listen=[])
		assert bench.get("erp.customer1.example").status == 200
		# again, as after a change of the bench's path or user: what is served stays
		proxy_setup.set_up(bench.bench, OWN, *ports(bench), root=root, is_running=False)
		assert bench.get("erp.customer1.example").status == 200
	finally:
		bench.nginx.stop()


@pytest.mark.skipif(not is_root(), reason="is done as root")
def test_a_file_of_somebody_else_is_left_alone_and_nothing_is_done(bench, tmp_path):
	root = tmp_path / "machine"
	path, text = list(proxy_plan.plan(bench.bench, OWN, *ports(bench)).files.items())[-1]
	there = root / path.lstrip("/")
	there.parent.mkdir(parents=True)
	there.write_text("# somebody's\n")
	with pytest.raises(NotOursError, match=there.name):
		proxy_setup.set_up(bench.bench, OWN, *ports(bench), root=root, is_running=False)
	assert [file for file in root.rglob("*") if file.is_file()] == [there]
	assert there.read_text() == "# somebody's\n" and not bench.places.root.exists()
	there.write_text("# Written by `saas setup-proxy`.\n")  # as an earlier version began its files
	proxy_setup.set_up(bench.bench, OWN, *ports(bench), root=root, is_running=False)
	assert there.read_text() == text


START_AND_PUBLISH = """
import json, sys
from pathlib import Path
from buildpro_saas.agent import proxy, proxy_settings, proxy_wanted
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.nginx import Nginx
given = json.load(sys.stdin)
bench = Bench(Path(given["bench"]))
Nginx(proxy_settings.read(bench), proxy_settings.places(bench)).start()
assert proxy.publish(bench, proxy_wanted.as_spec(given["spec"])).set_aside == {}
"""


@as_another_user
def test_the_files_of_another_users_bench_are_his(bench, tmp_path):
	let_others_enter(tmp_path)
	for path in (bench.bench.path, *bench.bench.path.rglob("*")):
		os.chown(path, 65534, 65534)
	proxy_setup.set_up(bench.bench, OWN, *ports(bench), root=tmp_path / "machine", is_running=False)
	made = [bench.places.root, *bench.places.root.rglob("*")]
	assert len(made) > 10 and {path.lstat().st_uid for path in made} == {65534}
	assert "\nuser " not in bench.places.main.read_text(), "he starts it himself"
	site = bench.customer(1)
	for path in (bench.bench.path, *bench.bench.path.rglob("*")):
		os.lchown(path, 65534, 65534)
	spec = replace(bench.spec, sites=[site])
	done = subprocess.run(
		[sys.executable, "-c", START_AND_PUBLISH],
		input=json.dumps({"bench": str(bench.bench.path), "spec": asdict(spec)}),
		env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
		capture_output=True,
		text=True,
		user=65534,
		group=65534,
		extra_groups=[],
		check=False,
	)
	master = bench.nginx.master()
	try:
		assert done.returncode == 0, done.stderr
		assert bench.get("erp.customer1.example").site == site.site
		assert {worker.uids().real for worker in (master, *master.children())} == {65534}
	finally:
		if master:
			master.terminate()
			master.wait(60)


TAKE = """
import sys
from pathlib import Path
from buildpro_saas.agent.proxy_certificates import Presented
print(Presented(Path(sys.argv[1]), Path(sys.argv[2])).take({"wild"}))
"""


@as_another_user
def test_new_keys_are_readable_for_the_group_of_the_machines_nginx(bench, tmp_path):
	"""Written by a user who is not in that group; nobody else may read them."""
	bench.make_certificate("wild")
	let_others_enter(tmp_path)
	certificates = bench.places.certificates
	(certificates / ".versions").mkdir(parents=True)
	for path in (bench.bench.path, *bench.bench.path.rglob("*")):
		os.chown(path, 65534, 65534)
	planned = proxy_plan._included(bench.places, "nobody", bench.settings, ports(bench))
	for command in planned.commands[:3]:
		command = ["33333" if word == "www-data" else word for word in command]
		subprocess.run(command, check=True)
	done = subprocess.run(
		[sys.executable, "-c", TAKE, certificates, bench.places.store],
		env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
		capture_output=True,
		text=True,
		user=65534,
		group=65534,
		extra_groups=[],
		check=False,
	)
	assert done.returncode == 0, done.stderr
	keys = list((certificates / ".versions").rglob("privkey.pem"))
	assert [(key.stat().st_gid, stat.S_IMODE(key.stat().st_mode)) for key in keys] == [(33333, 0o640)]
	assert keys[0].parent.stat().st_gid == 33333 and keys[0].parent.stat().st_mode & 0o057 == 0o050


def test_the_line_of_sudo_is_for_two_commands_and_sudo_takes_it(tmp_path):
	line = proxy_plan.SUDOERS.format(user="frappe", nginx="/usr/sbin/nginx", systemctl="/usr/bin/systemctl")
	assert line.splitlines()[-1] == (
		"frappe ALL=(root) NOPASSWD: /usr/sbin/nginx -t, /usr/bin/systemctl reload nginx"
	)
	visudo = shutil.which("visudo", path=f"{os.environ['PATH']}:/usr/sbin")
	if is_root() or visudo:  # for root `make test` makes sure of it
		(tmp_path / "line").write_text(line)
		(tmp_path / "line").chmod(stat.S_IRUSR | stat.S_IRGRP)
		subprocess.run([visudo, "-cf", tmp_path / "line"], check=True, capture_output=True)


def test_a_port_that_another_has_hinders_and_is_named(bench):
	web = bench.application.server_address[1]
	planned = proxy_plan.plan(bench.bench, OWN, web, bench.spec.https_port)
	assert f"listens on port {web} already" in planned.hindrance
	with pytest.raises(AgentError, match="already"):
		proxy_setup.set_up(bench.bench, OWN, web, bench.spec.https_port)
	assert not bench.places.root.exists()


def test_where_nginx_is_not_managed_publishing_does_nothing_and_says_so(bench):
	assert proxy.publish(bench.bench, bench.spec).release == ""
	state = proxy_upkeep.state_of(bench.bench)
	assert state.mode == NOT_MANAGED and "not managed" in state.problem
	for work in (proxy_upkeep.try_out, proxy_upkeep.reload):
		with pytest.raises(AgentError, match="not managed"):
			work(bench.bench)
	assert not bench.places.releases.exists()


def test_a_mode_that_there_is_not_and_a_damaged_file_are_told(bench):
	with pytest.raises(AgentError, match="no mode"):
		proxy_plan.plan(bench.bench, "magic", 80, 443)
	bench.places.root.mkdir(parents=True)
	for text in ("{", '{"mode": "magic"}', '{"colour": 1}'):
		bench.places.settings.write_text(text)
		with pytest.raises(AgentError) as fault:
			proxy_settings.read(bench.bench)
		assert "setup-proxy" in fault.value.hint


def test_nginx_is_reloaded_by_hand(proxied):
	proxied.publish(proxied.customer(1))
	before = {worker.pid for worker in proxied.nginx.master().children()}
	proxy_upkeep.reload(proxied.bench)
	assert not before & proxied.nginx.accepting()
	wait_until(lambda: proxied.get("erp.customer1.example").status == 200)
	proxy_upkeep.try_out(proxied.bench)
	assert any(str(path).endswith("http.conf") for path in proxy_upkeep.shown(proxied.bench))


def test_the_specification_is_checked_where_it_comes_through_the_door():
	from buildpro_saas.agent.operations.proxy import checked

	plain = {
		"sites": [{"site": "a.example", "hosts": [{"name": "a.example"}]}],
		"base_domain": "",
		"web_port": 1,
	}
	assert checked(plain) == ProxySpec([ProxySite("a.example", [ProxyHost("a.example")])], "", 1)
	for wrong in (
		{**plain, "colour": 1},
		{"sites": []},
		{**plain, "web_port": "x"},
		{**plain, "sites": [{}]},
	):
		with pytest.raises(AgentError, match="specification of the proxy"):
			checked(wrong)
