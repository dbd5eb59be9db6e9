"""What `saas security` makes of what is on a bench and its machine, with real files, sockets and programs."""

import json
import os
import shutil
import socket
import stat
import subprocess
import time
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest

from buildpro_saas.agent import (
	database_logins,
	exposed_files,
	host_security,
	host_updates,
	listening,
	supported_versions,
)
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.facts import FINE, FOUND, NOT_SEEN
from buildpro_saas.agent.listening import Socket
from buildpro_saas.agent.supported_versions import Release, Software

DEBIAN = Release("debian", "12", "Debian GNU/Linux 12 (bookworm)")
CONF = {"db_port": 3307, "redis_cache": "redis://127.0.0.1:13000", "webserver_port": 8000}


def sentences(found: list, state: str = FOUND) -> list[str]:
	return [check.sentence for check in found if check.state == state]


@pytest.fixture
def bench(tmp_path) -> Bench:
	"""A bench in whose folders everybody may look, with one site."""
	for folder in ("", "bench", "bench/sites", "bench/sites/acme.test", "bench/config"):
		(tmp_path / folder).mkdir(exist_ok=True)
		(tmp_path / folder).chmod(0o755)
	made = Bench(tmp_path / "bench")
	write(made.sites_path / "acme.test/site_config.json", {"db_name": "_x", "db_password": "p"}, 0o600)
	return made


def write(path: Path, values: dict, mode: int) -> Path:
	path.parent.mkdir(parents=True, exist_ok=True)
	path.write_text(json.dumps(values))
	path.chmod(mode)
	return path


@pytest.fixture
def is_reached_by_all(tmp_path):
	"""pytest's own folder is its owner's alone; nothing below it is anybody else's to read."""
	folders = [each for each in tmp_path.parents if not each.stat().st_mode & stat.S_IXOTH]
	before = {each: each.stat().st_mode for each in folders}
	for each in folders:
		each.chmod(before[each] | stat.S_IXOTH)
	yield
	for each, mode in before.items():
		each.chmod(mode)


# -- listening -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("address", "is_public", "is_for_others"),
	[
		("127.0.0.1", False, False),
		("127.8.9.1", False, False),
		("::1", False, False),
		("0.0.0.0", True, True),
		("::", True, True),
		("10.1.2.3", False, True),
		("fd00::1", False, True),
		("100.64.0.7", False, True),
		("fe80::1", False, True),
		("8.8.8.8", True, True),
		("2001:4860:4860::8888", True, True),
	],
)
def test_where_a_socket_is_reached_from(address, is_public, is_for_others):
	found = Socket(ip_address(address), 1)
	assert (found.is_public, found.is_for_others) == (is_public, is_for_others)


def test_real_sockets_are_seen():
	with socket.create_server(("0.0.0.0", 0)) as public, socket.create_server(("127.0.0.1", 0)) as own:
		found = {(str(each.address), each.port): each for each in listening.sockets()}
		assert found["0.0.0.0", public.getsockname()[1]].is_public
		seen = found["127.0.0.1", own.getsockname()[1]]
		assert not seen.is_public and seen.program == Path(f"/proc/{os.getpid()}/comm").read_text().strip()


@pytest.mark.parametrize(
	("address", "port", "program", "told"),
	[
		("0.0.0.0", 3307, "", "MariaDB listens on 0.0.0.0:3307"),
		("::", 13000, "", "Redis listens on [::]:13000"),
		("0.0.0.0", 4444, "mariadbd", "MariaDB listens on 0.0.0.0:4444"),
		("0.0.0.0", 3306, "", "MariaDB listens on 0.0.0.0:3306"),
		("8.8.8.8", 8000, "", "web server listens on 8.8.8.8:8000"),
	],
)
def test_a_server_that_is_public_is_found(address, port, program, told):
	(found,) = sentences(listening.checks(CONF, [Socket(ip_address(address), port, program)]))
	assert told in found


def test_what_is_private_or_somebody_elses_is_not():
	found = listening.checks(
		CONF,
		[
			Socket(ip_address("127.0.0.1"), 3307, "mariadbd"),
			Socket(ip_address("10.0.0.5"), 13000, "redis-server"),
			Socket(ip_address("0.0.0.0"), 3306, "nginx"),
			Socket(ip_address("0.0.0.0"), 22, "sshd"),
		],
	)
	assert not sentences(found)
	private, others = sentences(found, FINE)
	assert "private network" in private and "0.0.0.0:22 sshd" in others


def test_servers_elsewhere_are_said_as_not_seen():
	conf = {"db_host": "db.example.com", "redis_queue": "redis://10.0.0.9:6379"}
	found = sentences(listening.checks(conf, []), NOT_SEEN)
	assert "db.example.com" in " ".join(found) and "10.0.0.9" in " ".join(found)
	assert listening.is_mariadb_for_others(conf, [])
	assert not listening.is_mariadb_for_others(CONF, [Socket(ip_address("127.0.0.1"), 3307)])
	assert listening.is_mariadb_for_others(CONF, [Socket(ip_address("10.0.0.5"), 3307)])
	assert not listening.is_mariadb_for_others({"db_socket": "/run/mysqld.sock"}, [])


# -- updates -------------------------------------------------------------------------------------------------------

SIMULATED = """NOTE: This is only a simulation!
Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])
Inst libgcrypt20 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])
Inst liblzma5 [5.4.1-1] (5.4.1-1+deb12u2 Debian-Security:12/oldstable-security [amd64]) []
Inst linux-image-6.1.0-40 (6.1.153-1 Debian-Security:12/oldstable-security [amd64])
Inst openssl [3.0.2-0ubuntu1.10] (3.0.2-0ubuntu1.15 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
Inst my-security [1] (2 Example:1/stable [amd64])
Conf libgcrypt20 (1.10.1-3+deb12u1 Debian-Security:12/oldstable-security [amd64])
"""


def test_security_updates_are_told_from_others():
	found = host_updates.security_updates(SIMULATED)
	assert found == ["libgcrypt20", "liblzma5", "linux-image-6.1.0-40", "openssl"]


@pytest.mark.skipif(not shutil.which("apt-get"), reason="this machine has no apt")
def test_real_apt_is_asked_without_changing_anything(tmp_path):
	"""The machine's own packages; the lists are some that nobody has renewed."""
	old = tmp_path / "var/lib/apt/lists/x_InRelease"
	old.parent.mkdir(parents=True)
	old.touch()
	os.utime(old, (0, time.time() - 5 * 86400))
	status = Path("/var/lib/dpkg/status")
	before = status.stat().st_mtime_ns
	found = host_updates.waiting(tmp_path)
	assert status.stat().st_mtime_ns == before
	assert "asked for 5 days" in found[0].sentence and found[0].command == "sudo apt-get update"
	assert not [check for check in found if check.state != FOUND]


def test_a_restart_is_found(tmp_path):
	(tmp_path / "run").mkdir()
	(tmp_path / "run/reboot-required").touch()
	(tmp_path / "run/reboot-required.pkgs").write_text("linux-image-6.1.0-40\nlibc6\nlibc6\n")
	told = sentences(host_updates.restart(tmp_path))
	assert "has to restart for linux-image-6.1.0-40, libc6." in told[0]


def test_what_needrestart_says_is_read():
	said = (
		"NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1.0-37-amd64\nNEEDRESTART-KEXP: 6.1.0-40-amd64\n"
		"NEEDRESTART-KSTA: 3\nNEEDRESTART-SVC: mariadb.service\nNEEDRESTART-SVC: nginx.service\n"
	)
	kernel, services = sentences(host_updates.needed(said, is_root=True))
	assert (
		"6.1.0-37-amd64 runs, and 6.1.0-40-amd64" in kernel and "mariadb.service, nginx.service" in services
	)
	quiet = "NEEDRESTART-VER: 3.6\nNEEDRESTART-KCUR: 6.1\nNEEDRESTART-KEXP: 6.1\nNEEDRESTART-KSTA: 1\n"
	assert host_updates.needed(quiet, is_root=True) == []
	assert [check.state for check in host_updates.needed(quiet, is_root=False)] == [NOT_SEEN]


# -- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("software", "day", "state", "told"),
	[
		(Software("Node.js", "18.20.1"), date(2025, 4, 30), FOUND, "until 2025-04-30 only"),
		(Software("Node.js", "18.20.1"), date(2025, 5, 1), FOUND, "no more since 2025-04-30"),
		(Software("Node.js", "18.20.1"), date(2025, 1, 1), FINE, "until 2025-04-30"),
		(Software("MariaDB", "10.6.18"), date(2026, 11, 27), FOUND, "no more since 2026-07-06"),
		(Software("MariaDB", "10.11.19"), date(2026, 11, 27), FINE, "until 2028-02-16"),
		(Software("nginx", "99.1.2"), date(2026, 11, 27), FINE, "no end of its support is known"),
		(Software("Redis", ""), date(2026, 11, 27), FINE, "of unknown version"),
	],
)
def test_a_version_by_its_makers_end(software, day, state, told):
	(found,) = supported_versions.checks([software], DEBIAN, day)
	assert found.state == state and told in found.sentence


def test_all_ends_are_dates():
	assert [date.fromisoformat(end) for ends in supported_versions.ENDS.values() for end in ends.values()]


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine has no dpkg")
def test_a_program_of_the_distribution_lives_as_long_as_that():
	"""A Redis whose makers have let it go long ago, as bash is of this machine's distribution."""
	of = supported_versions.release()
	software = [Software("Redis", "5.0.1", shutil.which("bash"))]
	(found,) = supported_versions.checks(software, of, date(2026, 11, 27))
	assert of.title in found.sentence
	(other,) = supported_versions.checks([Software("Redis", "5.0.1", __file__)], of, date(2026, 11, 27))
	assert "since 2022-04-27" in other.sentence


@pytest.mark.parametrize(
	("maintainer", "version", "is_own"),
	[
		("Chris Lamb <lamby@debian.org>", "5:7.0.15-1~deb12u5", True),
		(
			"Debian Nginx Maintainers <pkg-nginx-maintainers@alioth-lists.debian.net>",
			"1.22.1-9+deb12u1",
			True,
		),
		("Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>", "1:10.6.18-0ubuntu0.22.04.1", True),
		("MariaDB Developers <developers@lists.mariadb.org>", "1:10.11.6+maria~deb12", False),
		("Debian MySQL Maintainers <x@lists.alioth.debian.org>", "1:10.11.6+maria~ubu2204", False),
		("NodeSource Support <support@nodesource.com>", "20.20.2-1nodesource1", False),
		("Chris Lamb <lamby@debian.org>", "6:7.2.4-1rl1~bookworm1", False),
		("Somebody <x@debian.org.example.com>", "1", False),
	],
)
def test_whose_package_it_is(maintainer, version, is_own):
	assert supported_versions.is_by_distribution(maintainer, version) is is_own


# -- files ---------------------------------------------------------------------------------------------------------


def test_nothing_is_found_on_a_bench_that_is_kept_well(bench, is_reached_by_all):
	write(bench.sites_path / "common_site_config.json", {"redis_cache": "redis://127.0.0.1:13000"}, 0o644)
	found = exposed_files.checks(bench, {"redis_cache": "redis://127.0.0.1:13000"}, [])
	assert not sentences(found) and len(sentences(found, FINE)) == 3


def test_files_that_others_read_or_change_are_found(bench, is_reached_by_all):
	conf = {"redis_cache": "redis://:secret@127.0.0.1:13000"}
	config = bench.sites_path / "acme.test/site_config.json"
	config.chmod(0o604)
	common = write(bench.sites_path / "common_site_config.json", conf, 0o646)
	key = write(bench.path / "config/buildpro/certificates/a/privkey.pem", {}, 0o644)
	account = write(bench.path / "config/buildpro_database.json", {}, 0o644)
	read, changed = exposed_files.checks(bench, conf, [])[:2]
	assert all(str(path) in read.command for path in (config, common, key, account)), read
	assert read.command.startswith("chmod o-rwx ")
	assert changed.command == f"chmod o-w {common}" and "secret" not in read.sentence + changed.sentence


def test_what_lies_behind_a_closed_folder_is_nobodys_to_read(bench, is_reached_by_all):
	config = bench.sites_path / "acme.test/site_config.json"
	config.chmod(0o644)
	assert exposed_files.others_may(config, stat.S_IROTH)
	bench.path.chmod(0o750)
	assert not exposed_files.others_may(config, stat.S_IROTH)
	assert not sentences(exposed_files.checks(bench, {}, []))


def test_a_link_is_what_it_leads_to(bench, is_reached_by_all, tmp_path):
	real = write(tmp_path / "elsewhere/site_config.json", {"db_name": "_x"}, 0o644)
	real.parent.chmod(0o755)
	config = bench.sites_path / "acme.test/site_config.json"
	config.unlink()
	config.symlink_to(real)
	assert sentences(exposed_files.checks(bench, {}, []))


def test_backups_that_others_read_are_found(bench, is_reached_by_all):
	backup = write(bench.sites_path / "acme.test/private/backups/x-database.sql.gz", {}, 0o644)
	store = write(bench.path / "backups/acme/data/00/00ff", {}, 0o644)
	for folder in (*backup.parents, *store.parents):
		if bench.path in folder.parents:
			folder.chmod(0o755)
	# nobody comes as far as this one, as in each store that we make
	write(bench.path / "backups/closed/data", {}, 0o644).parent.chmod(0o700)
	(found,) = [
		check
		for check in exposed_files.checks(bench, {}, [str(bench.path / "backups")])
		if check.state == FOUND
	]
	assert "2 files of backups" in found.sentence and "chmod -R o-rwx" in found.command
	subprocess.run(["/bin/sh", "-c", found.command], check=True)
	assert not sentences(exposed_files.checks(bench, {}, [str(bench.path / "backups")]))


def test_switches_of_developers_are_found_where_they_are(bench):
	write(bench.sites_path / "dev.test/site_config.json", {"db_name": "_y", "developer_mode": 1}, 0o600)
	(site,) = sentences_of_switches(bench, {})
	assert (
		"developer_mode is on (dev.test)" in site[0]
		and site[1] == "bench --site dev.test set-config developer_mode 0"
	)
	# the bench's own, which the one site switches off for itself
	write(
		bench.sites_path / "acme.test/site_config.json", {"db_name": "_x", "server_script_enabled": 0}, 0o600
	)
	scripts = sentences_of_switches(bench, {"server_script_enabled": "true"})[0]
	assert "(dev.test)" in scripts[0] and scripts[1] == "bench set-config -g server_script_enabled 0"


def test_a_damaged_configuration_keeps_nobody_from_the_others(bench):
	(bench.sites_path / "acme.test/site_config.json").write_text("{")
	write(bench.sites_path / "dev.test/site_config.json", {"allow_tests": True}, 0o600)
	found = exposed_files.checks(bench, {}, [])
	assert "cannot be read" in sentences(found, NOT_SEEN)[0] and "allow_tests" in sentences(found)[0]


def sentences_of_switches(bench: Bench, conf: dict) -> list[tuple[str, str]]:
	found = exposed_files.checks(bench, conf, [])
	return [(check.sentence, check.command) for check in found if check.subject == exposed_files.SWITCHES]


@pytest.mark.parametrize(
	("values", "has"),
	[
		({"db_password": "x"}, True),
		({"mail": {"smtp_passwd": "x"}}, True),
		({"redis_queue": "redis://:word@127.0.0.1:1"}, True),
		({"encryption_key": "x"}, True),
		({"db_password": ""}, False),
		({"redis_queue": "redis://127.0.0.1:1", "webserver_port": 8000}, False),
		({"monkey": "x", "passwordless": 1}, False),
	],
)
def test_what_counts_as_a_secret(values, has):
	assert exposed_files.has_secrets(values) is has


# -- MariaDB's users, and the firewall -------------------------------------------------------------------------------


def test_users_of_mariadb_that_may_come_from_anywhere():
	users = [("root", "localhost"), ("root", "%"), ("", "localhost"), ("_a", "%"), ("_b", "127.0.0.1")]
	found = database_logins.of_users(users, "localhost", is_for_others=True)
	assert {check.command for check in found} == {
		"DROP USER ''@'localhost';",
		"DROP USER 'root'@'%';",
		"RENAME USER 'name'@'%' TO 'name'@'localhost';",
	}
	inside = database_logins.of_users([("root", "localhost"), ("_a", "%")], "localhost", is_for_others=False)
	assert not sentences(inside) and "Other machines do not reach MariaDB" in inside[0].sentence


def test_a_firewall_that_is_set_up_is_seen_by_anybody(tmp_path, monkeypatch):
	monkeypatch.setattr(os, "geteuid", lambda: 1000)
	assert sentences(host_security.of_firewall(tmp_path)) == [
		"No firewall of this machine is known (ours, ufw, firewalld)."
	]
	(tmp_path / "etc/ufw").mkdir(parents=True)
	(tmp_path / "etc/ufw/ufw.conf").write_text("# /etc/ufw/ufw.conf\nENABLED=yes\nLOGLEVEL=low\n")
	assert "Set up is ufw" in host_security.of_firewall(tmp_path)[0].sentence
	(tmp_path / "run/buildpro").mkdir(parents=True)
	(tmp_path / "run/buildpro/armed-00ff.nft").touch()
	assert "wait for their confirmation" in sentences(host_security.of_firewall(tmp_path))[0]
