"""The parts of `saas setup-firewall`: rules as they are wished, files among others' files, settings as apt itself reads them."""

import re
import shutil
import subprocess
from dataclasses import replace
from ipaddress import ip_address

import pytest

from buildpro_saas.agent import ssh_origin, unattended_updates
from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.firewall_rules import MOST, Rules, rendered
from buildpro_saas.agent.own_files import OwnFile, put, withdraw
from buildpro_saas.agent.ssh_origin import Origin


@pytest.mark.parametrize(
	("wishes", "told"),
	[
		({"ssh_ports": []}, "not seen where SSH listens"),
		({"ssh_ports": [0]}, "0 is no port"),
		({"opened": ["http"]}, "'http' is no port to open"),
		({"opened": ["70000"]}, "70000 is no port"),
		({"opened": ["80/sctp"]}, "no port to open"),
		({"opened": ["80@10.0.0.1/8"]}, "has host bits set"),
		({"opened": ["80; flush ruleset"]}, "no port to open"),
		({"ssh_from": ["everywhere"]}, "'everywhere' is no network"),
		({"trusted": ['eth0" accept; #']}, "no network interface's name"),
		({"trusted": ["interface-of-16ch"]}, "no network interface's name"),
		({"ssh_from": ["10.0.0.1"] * (MOST + 1)}, "more than"),
	],
)
def test_wrong_wishes_are_told(wishes, told):
	given = {"ssh_ports": [22], "ssh_from": [], "opened": [], "trusted": [], **wishes}
	with pytest.raises(AgentError) as refused:
		Rules.of(**given)
	assert told in str(refused.value) and refused.value.hint


def test_the_rules_say_what_was_wished():
	text = rendered(
		Rules.of([2222, 22, 22], ["203.0.113.7", "fd00::/8"], ["443", "53/udp@10.0.0.0/8"], ["wg0"])
	)
	for line in (
		"ip saddr 203.0.113.7/32 tcp dport 22 accept",
		"ip6 saddr fd00::/8 tcp dport 2222 accept",
		"ip saddr 10.0.0.0/8 udp dport 53 accept",
		"tcp dport 443 accept",
		'iifname "wg0" accept',
	):
		assert f"\t\t{line}\n" in text
	assert "policy drop" in text and "through" not in text and "flush" not in text
	assert len(re.findall(r"dport 22 accept", text)) == 2


@pytest.mark.parametrize(
	("text", "origin"),
	[
		("203.0.113.7 50000 10.0.0.1 22", Origin(ip_address("203.0.113.7"), 50000, 22)),
		("::ffff:203.0.113.7 50000 ::ffff:10.0.0.1 22", Origin(ip_address("203.0.113.7"), 50000, 22)),
		("fe80::1%eth0 50000 fe80::2%eth0 2222", Origin(ip_address("fe80::1"), 50000, 2222)),
		("", None),
		("UNKNOWN 65535 UNKNOWN 65535", None),
	],
)
def test_an_ssh_connection_is_read(text, origin):
	assert ssh_origin.of(text) == origin


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
	other = tmp_path / "etc/x.conf"
	other.parent.mkdir()
	other.write_text("# somebody's\n")
	for change in (
		lambda: put(tmp_path, OwnFile("etc/x.conf", "ours\n")),
		lambda: withdraw(tmp_path, "etc/x.conf"),
	):
		with pytest.raises(NotOursError, match=r"x\.conf was not made by us"):
			change()
	assert other.read_text() == "# somebody's\n"
	other.write_bytes(b"\xff\xfe")
	with pytest.raises(NotOursError):
		withdraw(tmp_path, "etc/x.conf")


def test_a_file_of_ours_is_written_over_and_removed(tmp_path):
	for text in ("one\n", "two\n"):
		put(tmp_path, OwnFile("etc/a/x.conf", text, "//"))
	written = tmp_path / "etc/a/x.conf"
	first, second = written.read_text().splitlines()
	assert first.startswith("// Made by `saas setup-firewall` of BuildPro SaaS") and second == "two"
	assert written.stat().st_mode & 0o777 == 0o644
	assert [path.name for path in written.parent.iterdir()] == ["x.conf"]
	withdraw(tmp_path, "etc/a/x.conf")
	withdraw(tmp_path, "etc/a/x.conf")
	assert not written.exists()


def test_a_draft_that_is_refused_leaves_what_was_there(tmp_path):
	file = OwnFile("etc/sudoers.d/x", "one\n", mode=0o440)

	def refuse(draft):
		assert draft.read_text().endswith("two\n") and draft.stat().st_mode & 0o777 == 0o440
		raise AgentError("no")

	put(tmp_path, file)
	with pytest.raises(AgentError, match="no"):
		put(tmp_path, replace(file, content="two\n"), refuse)
	written = tmp_path / file.path
	assert [path.name for path in written.parent.iterdir()] == ["x"] and written.read_text() == file.text


@pytest.mark.skipif(not shutil.which("apt-config"), reason="this machine has no apt")
def test_apt_reads_the_settings_and_takes_nothing_else(tmp_path):
	"""Beside the lists of the package's own file, as Debian and Ubuntu ship it."""
	(own,) = unattended_updates.files([])
	put(tmp_path, own)
	folder = tmp_path / "etc/apt/apt.conf.d"
	(folder / "50unattended-upgrades").write_text(
		'Unattended-Upgrade::Origins-Pattern { "origin=Debian,codename=${distro_codename},label=Debian"; };\n'
		'Unattended-Upgrade::Allowed-Origins { "${distro_id}:${distro_codename}"; };\n'
		'Unattended-Upgrade::Automatic-Reboot "true";\n'
	)
	said = subprocess.run(
		["apt-config", "dump", "Unattended-Upgrade", "APT::Periodic"],
		env={"APT_CONFIG": str(config_for(tmp_path, folder)), "PATH": "/usr/bin:/bin"},
		capture_output=True,
		text=True,
		check=True,
	).stdout
	origins = re.findall(r'Unattended-Upgrade::Origins-Pattern:: "(.*)";', said)
	assert len(origins) == 5 and all("ecurity" in each for each in origins)
	assert "Allowed-Origins::" not in said
	assert 'Unattended-Upgrade::Package-Blacklist:: "mariadb-";' in said
	assert 'Unattended-Upgrade::Automatic-Reboot "false";' in said
	assert 'APT::Periodic::Unattended-Upgrade "1";' in said


def config_for(tmp_path, folder):
	path = tmp_path / "apt.conf"
	path.write_text(f'Dir::Etc::Parts "{folder}";\nDir::Etc::Main "/nonexistent";\n')
	return path


@pytest.mark.parametrize("window", ["Sun 03:30", "Sat,Sun 04:00", "23:59"])
def test_windows_for_a_restart(window):
	texts = [file.text for file in unattended_updates.files([window])]
	assert f"OnCalendar={window}\n" in texts[2] and "ExecCondition=" in texts[1]


@pytest.mark.parametrize("window", ["Sunday 03:30", "24:00", "03:30\nOnCalendar=*", "", "sun 03:30"])
def test_what_is_no_window_is_refused(window):
	with pytest.raises(AgentError, match="no time for a restart"):
		unattended_updates.files([window])


def test_restarts_need_systemd(tmp_path):
	if not shutil.which("apt-get"):
		pytest.skip("this machine has no apt")
	with pytest.raises(AgentError, match="No systemd runs here"):
		unattended_updates.set_up(tmp_path, ["Sun 03:30"])
	assert not (tmp_path / "etc").exists()
