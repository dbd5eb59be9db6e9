"""`saas setup-proxy --mode included --apply` done for real, and what the bench's user may do by it: two commands, and nothing else."""

import json
import os
import re
import shutil
import sys
from dataclasses import asdict, replace

import psutil
import pytest
from other_users import as_another_user, let_others_enter
from own_machine import OwnMachine, why_not
from proxied_bench import ProxiedBench, is_root

from buildpro_saas.agent.proxy_facts import INCLUDED

USER = "bench-user"
ACCOUNT = {
	"passwd": f"{USER}:x:54321:54321::/nonexistent:/bin/sh",
	"group": f"{USER}:x:54321:",
	"shadow": f"{USER}:*:20000:0:99999:7:::",
}
# As Debian's, with all that it writes in the test's folder.
MACHINES = """
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {folder}/b;
	proxy_temp_path {folder}/p;
	fastcgi_temp_path {folder}/f;
	uwsgi_temp_path {folder}/u;
	scgi_temp_path {folder}/s;
	include /etc/nginx/conf.d/*.conf;
}}
"""
SYSTEMCTL = '#!/bin/sh\n[ "$*" = "reload nginx" ] && exec {nginx} -s reload\necho "systemctl was asked: $*" >&2\nexit 3\n'
SET_UP = """
import json, sys
from pathlib import Path
from buildpro_saas.agent import proxy_setup
from buildpro_saas.agent.bench import Bench
given = json.load(sys.stdin)
proxy_setup.set_up(Bench(Path(given["bench"])), *given["arguments"])
"""
PUBLISH = """
import json, sys
from pathlib import Path
from buildpro_saas.agent import proxy, proxy_upkeep, proxy_wanted
from buildpro_saas.agent.bench import Bench
given = json.load(sys.stdin)
bench = Bench(Path(given["bench"]))
published = proxy.publish(bench, proxy_wanted.as_spec(given["spec"]))
assert published.set_aside == {} and published.is_reloaded, published
proxy_upkeep.try_out(bench)
"""


@pytest.fixture
def machine(tmp_path, program):
	if is_root() and (why := why_not()):
		pytest.skip(f"This container gives root no mount namespace: {why}")
	folder = tmp_path / "machine"
	folder.mkdir()
	with OwnMachine(folder, SYSTEMCTL.format(nginx=program("nginx"))) as machine:
		(folder / "etc/nginx/conf.d").mkdir(parents=True, exist_ok=True)
		(folder / "etc/nginx/nginx.conf").write_text(MACHINES.format(folder=folder))
		for file, line in ACCOUNT.items():
			with (folder / "etc" / file).open("a") as accounts:
				accounts.write(f"{line}\n")
		started = machine.run(program("nginx"))
		assert started.returncode == 0, started.stderr
		nginx = psutil.Process(int((folder / "run/nginx.pid").read_text()))
		try:
			yield machine
		finally:
			nginx.terminate()
			nginx.wait(60)


@pytest.fixture
def bench(tmp_path, program, free_port):
	bench = ProxiedBench(tmp_path / "bench", program("nginx"), free_port)
	bench.places.certificates.mkdir(parents=True)
	bench.site = bench.customer(1)
	let_others_enter(tmp_path)
	for path in (bench.bench.path, *bench.bench.path.rglob("*")):
		os.lchown(path, 54321, 54321)
	yield bench
	bench.application.shutdown()
	bench.application.server_close()


def python(machine: OwnMachine, code: str, given: dict, user: str = "root"):
	done = machine.run(
		sys.executable,
		"-c",
		code,
		user=user,
		input=json.dumps(given),
		env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
	)
	assert done.returncode == 0, done.stderr
	return done


@as_another_user
def test_the_benchs_user_publishes_by_two_commands_and_may_do_no_other(machine, bench, program, tmp_path):
	nginx, systemctl, spec = program("nginx"), "/usr/bin/systemctl", bench.spec
	given = {"bench": str(bench.bench.path)}
	ports = [spec.http_port, spec.https_port, spec.web_port]
	python(machine, SET_UP, {**given, "arguments": [INCLUDED, *ports]})
	(line,) = (machine.folder / "etc/sudoers.d").glob("buildpro-proxy-*")
	assert f"{USER} ALL=(root) NOPASSWD: {nginx} -t, {systemctl} reload nginx" in line.read_text()
	assert machine.run("/usr/sbin/visudo", "-c").returncode == 0

	python(
		machine, PUBLISH, {**given, "spec": asdict(replace(spec, sites=[bench.site], listen=[]))}, user=USER
	)
	assert bench.get("erp.customer1.example").site == bench.site.site

	def sudo(*words: str):
		return machine.run("sudo", "-n", *words, user=USER)

	for words in ((nginx, "-t"), (systemctl, "reload", "nginx")):
		done = sudo(*words)
		assert done.returncode == 0, (words, done.stderr)
	mine = tmp_path / "nginx"
	shutil.copy(shutil.which("true"), mine)  # another program of the same name
	for words in (
		(nginx,),
		(nginx, "-t", "-c", "/tmp/mine.conf"),
		(nginx, "-c", "/tmp/mine.conf", "-t"),
		(nginx, "-T"),
		(nginx, "-s", "stop"),
		(str(mine), "-t"),
		(systemctl, "restart", "nginx"),
		(systemctl, "reload", "nginx", "ssh"),
		(systemctl, "reload", "nginx.service"),
		(systemctl, "edit", "nginx"),
		("-u", "www-data", nginx, "-t"),
		("-E", nginx, "-t"),
		("LD_PRELOAD=/tmp/mine.so", nginx, "-t"),
		("-s",),
		("-i",),
		("-e", "/etc/passwd"),
		("/bin/sh", "-c", f"{nginx} -t"),
	):
		done = sudo(*words)
		assert done.returncode == 1, (words, done.stdout)
		assert re.search("password is required|not allowed", done.stderr), (words, done.stderr)
	assert bench.get("erp.customer1.example").status == 200, "nginx still runs"
