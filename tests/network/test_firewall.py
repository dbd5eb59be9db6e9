"""The firewall of `saas setup-firewall`, in network namespaces: what answers, what does not, and how a change is confirmed or taken back."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from namespaces import (
	CLOSED_SECONDS,
	ECHO,
	MACHINE,
	MACHINE6,
	OUTSIDE,
	Net,
	environment,
	inside,
	wait_for,
	why_not,
)

LONG = 600  # seconds: no way back within a test
# As Docker does it: a port of the machine leads to a container, and what the container asks for comes from the machine.
DOCKER = """
table ip docker-like {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local tcp dport 8080 dnat to 10.77.2.2:80
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.77.2.0/24 oifname "m-outside" masquerade
	}
	chain FORWARD {
		type filter hook forward priority filter; policy accept;
		counter
	}
}
table inet filter {
	set seen {
		type ipv4_addr
		elements = { 192.0.2.7 }
	}
}
"""


@pytest.fixture(scope="module", autouse=True)
def namespaces_can_be_made():
	if why := why_not():
		pytest.skip(f"Network namespaces: {why}.")


@pytest.fixture
def net(tmp_path):
	with Net(tmp_path) as made:
		made.serve("machine", [22, 80, 443, 3306, 6379], [5353, 51820])
		yield made


@pytest.fixture
def foreign(net):
	"""Somebody else's tables; afterwards they are as they were."""
	net.run("machine", "nft", "-f", "-", input=DOCKER)
	net.serve("container", [80])
	net.serve("outside", [8000])
	before = net.ruleset()
	yield before
	net.run("machine", "nft", "delete", "table", "inet", "buildpro")
	assert net.ruleset() == before


def applied(net: Net, **given) -> None:
	assert "result" in (done := net.does("apply", **{"seconds": LONG, **given})), done


def test_open_ports_answer_and_closed_ones_do_not(net):
	assert all(net.is_open(port) for port in (22, 80, 3306))
	applied(net, opened=["80", "443", "51820/udp", f"6379@{OUTSIDE[0]}/32"])
	for address in (MACHINE, MACHINE6):
		assert net.is_open(22, address) and net.is_open(80, address) and net.is_open(443, address)
		assert net.is_closed(3306, address)
	# from the one network that may; its IPv6 was not named
	assert net.is_open(6379) and net.is_closed(6379, MACHINE6)
	assert net.is_closed(6379, "10.77.2.1", where="container")
	assert net.asks("outside", MACHINE, 51820, ECHO) == "echo"
	assert net.asks("outside", MACHINE, 5353, ECHO, CLOSED_SECONDS) == "TimeoutError"
	# the machine itself reaches all of its own, by every address of it
	assert all(net.is_open(3306, each, "machine") for each in ("127.0.0.1", "::1", MACHINE))


def test_the_machine_still_asks_others_and_answers_pings(net):
	net.serve("outside", [8000])
	applied(net)
	assert net.is_open(8000, OUTSIDE[0], "machine") and net.is_open(8000, OUTSIDE[1], "machine")
	# over a link that has forgotten all neighbours: without ICMPv6 there would be no IPv6
	for where in ("machine", "outside"):
		net.run(where, "ip", "neighbour", "flush", "all")
	assert net.is_open(80, MACHINE6)


def test_ssh_from_one_network_alone(net):
	applied(net, ssh_from=["10.77.1.0/24", "fd77:1::/64"], trusted=[])
	assert net.is_open(22) and net.is_open(22, MACHINE6)
	assert net.is_closed(22, "10.77.2.1", "container")


def test_all_comes_in_by_a_trusted_interface(net):
	applied(net, trusted=["m-container"])
	assert net.is_open(3306, "10.77.2.1", "container") and net.is_closed(3306)


def test_foreign_tables_are_left_alone(net, foreign):
	for port, where, address in ((8080, "outside", MACHINE), (8000, "container", OUTSIDE[0])):
		assert net.is_open(port, address, where)
	applied(net)
	# a port that Docker has published goes on to its container: it never was the machine's
	assert net.is_open(8080) and net.is_open(8000, OUTSIDE[0], "container") and net.is_closed(3306)
	rest = net.ruleset().partition("table inet buildpro")[0]
	assert rest == foreign


def test_the_way_back_is_taken_by_itself_after_the_shell_died(net):
	"""All of the session is killed, as where the connection breaks and the terminal is gone."""
	words = [*inside(net.names["machine"]), "/bin/sh", "-c", '"$@"; sleep 600', "shell"]
	shell = subprocess.Popen(
		[*words, *net.command("apply", seconds=8)],
		stdout=subprocess.PIPE,
		env=environment(),
		start_new_session=True,
		text=True,
	)
	until = json.loads(shell.stdout.readline())["result"]
	os.killpg(shell.pid, signal.SIGHUP)
	os.killpg(shell.pid, signal.SIGKILL)
	shell.wait()
	shell.stdout.close()
	is_closed = net.is_closed(3306)
	assert is_closed or time.time() > until  # a machine that is as slow as that
	wait_for(lambda: net.is_open(3306), "the way back")
	assert net.ruleset().strip() == ""
	late = net.does("confirm", is_at_console=True)
	assert "Nobody confirmed in time" in late["error"]
	assert net.ruleset().strip() == "" and not net.timers()


def test_what_was_confirmed_before_comes_back(net):
	applied(net, opened=["80"])
	assert "result" in net.does("confirm", is_at_console=True)
	before = net.ruleset()
	assert net.is_open(80) and net.is_closed(443)
	(first,) = net.timers()
	net.let_time_pass(first)
	assert net.ruleset() == before
	applied(net, opened=["443"])
	assert net.is_open(443) and net.is_closed(80)
	(second,) = net.timers()
	net.let_time_pass(second)
	assert net.ruleset() == before and net.is_open(80) and net.is_closed(443)


@pytest.mark.parametrize(("address", "with_sudo"), [(MACHINE, False), (MACHINE6, True)])
def test_only_a_new_connection_confirms(net, address, with_sudo):
	with net.connected(address, 22) as old:
		applied(net)
		refused = net.over_ssh(old, "confirm", with_sudo)
	assert "older than the new rules" in refused["error"] and "Open another SSH connection" in refused["hint"]
	assert net.does("waits")["result"] is True
	with net.connected(address, 22) as new:
		assert "The rules stay" in net.over_ssh(new, "confirm", with_sudo)["result"][0]
	# what noted connections is gone; the rules are kept for the next start, and load
	listed = net.ruleset()
	assert "through" not in listed and not net.does("waits")["result"]
	kept = net.root / "etc/buildpro/firewall.nft"
	net.run("machine", "nft", "-f", str(kept))
	assert net.ruleset() == listed and kept.stat().st_mode & 0o777 == 0o644
	# the timer ends, and takes nothing back
	(timer,) = net.timers()
	net.let_time_pass(timer)
	assert net.ruleset() == listed and net.is_closed(3306)


def test_a_connection_that_comes_by_a_tunnel_confirms(net):
	"""It ends on the machine, and comes from there by the loopback interface."""
	applied(net)
	with net.connected("127.0.0.1", 22, "machine") as new:
		assert "The rules stay" in net.over_ssh(new, "confirm")["result"][0]


def test_without_a_connection_a_console_is_to_be_named(net):
	applied(net)
	assert "cannot be told" in net.does("confirm")["error"]
	assert net.does("waits")["result"] is True


def test_an_older_timer_leaves_a_later_change_alone(net):
	applied(net)
	(first,) = net.timers()
	net.does("confirm", is_at_console=True)
	applied(net, opened=["443"])
	net.let_time_pass(first)
	assert net.does("waits")["result"] is True and net.is_open(443) and net.is_closed(80)


def test_one_change_at_a_time(net):
	applied(net)
	before = net.ruleset()
	assert "waits for its confirmation" in net.does("apply", seconds=LONG, opened=["443"])["error"]
	assert net.ruleset() == before and len(net.timers()) == 1


def test_who_would_lock_himself_out_is_told_before(net):
	with net.connected(MACHINE, 22) as connection:
		refused = net.over_ssh(connection, "apply", seconds=LONG, ssh_ports=[2222])
	assert "by port 22" in refused["error"] and "--ssh-port 22" in refused["hint"]
	with net.connected(MACHINE, 22) as connection:
		refused = net.over_ssh(connection, "apply", seconds=LONG, ssh_from=["192.0.2.0/24"])
	assert OUTSIDE[0] in refused["error"]
	assert net.ruleset().strip() == "" and not net.timers()


def test_where_no_way_back_can_be_had_nothing_is_applied(net):
	(net.root / "run").mkdir()
	(net.root / "run/buildpro").write_text("a file in the folder's place")
	done = subprocess.run(
		[*inside(net.names["machine"]), *net.command("apply", seconds=LONG)],
		capture_output=True,
		text=True,
		env=environment(),
	)
	assert done.returncode != 0 and net.ruleset().strip() == "" and not net.timers()


def test_rules_that_the_kernel_refuses_leave_nothing_behind(net):
	"""nft has found no fault with them, as where a module of the kernel is missing."""
	real = shutil.which("nft", path=environment()["PATH"])
	net.program(
		"nft", f'[ "$1" = -f ] && {{ echo "No such file or directory" >&2; exit 1; }}\nexec {real} "$@"'
	)
	assert "nft refused: No such file" in net.does("apply", seconds=LONG)["error"]
	assert net.ruleset().strip() == "" and not net.does("waits")["result"]
	(timer,) = net.timers()
	net.let_time_pass(timer)
	assert net.ruleset().strip() == "" and "No change" in net.does("confirm", is_at_console=True)["error"]


def test_where_systemd_runs_it_keeps_the_way_back_and_the_rules(net):
	"""logind may end what a session has started, so systemd has the same timer; whichever comes first takes the one way back."""
	(net.root / "run/systemd/system").mkdir(parents=True)
	calls = net.root / "calls"
	net.program("systemctl", f'echo "$@" >> {calls}')
	# as the real one does: the words after its own options, in no session of ours
	net.program(
		"systemd-run",
		'while case "$1" in --*) true;; *) false;; esac; do shift; done; setsid "$@" >/dev/null 2>&1 </dev/null &',
	)
	applied(net)
	first, second = wait_for(lambda: net.timers() if len(net.timers()) == 2 else None, "two timers")
	net.let_time_pass(second)
	assert net.ruleset().strip() == ""
	net.let_time_pass(first)
	applied(net)
	for timer in net.timers()[:1]:
		net.end(timer)  # as logind does
	assert net.does("confirm", is_at_console=True)["result"] == [
		"The rules stay, also when the machine starts again (buildpro-firewall.service)."
	]
	unit = "buildpro-firewall.service"
	assert calls.read_text().splitlines() == ["daemon-reload", f"enable --quiet {unit}", f"start {unit}"]
	text = (net.root / "etc/systemd/system" / unit).read_text()
	assert "ReloadPropagatedFrom=nftables.service" in text and f"-f /{'etc/buildpro/firewall.nft'}" in text
	net.does("remove")
	assert calls.read_text().splitlines()[-1] == f"disable --now --quiet {unit}"
	assert not (net.root / "etc/systemd/system" / unit).exists()


def test_systemd_takes_the_unit(tmp_path):
	"""Its own check of what is there once rules were confirmed."""
	from buildpro_saas.agent.firewall import Firewall

	(tmp_path / "run/systemd/system").mkdir(parents=True)
	(unit,) = Firewall(tmp_path).files()
	file = tmp_path / unit.path.rpartition("/")[2]
	file.write_text(unit.text)
	done = subprocess.run(
		["systemd-analyze", "verify", file], capture_output=True, text=True, env=environment(), check=False
	)
	assert "Unknown" not in done.stderr and done.returncode == 0, done.stderr


def test_it_is_removed_with_its_files(net):
	applied(net)
	net.does("confirm", is_at_console=True)
	applied(net, opened=["443"])
	assert net.does("remove") == {"result": None} == net.does("remove")
	assert net.ruleset().strip() == "" and net.is_open(3306)
	assert not (net.root / "etc/buildpro/firewall.nft").exists() and not net.does("waits")["result"]


def test_two_at_once_make_one_change(net):
	words = [*inside(net.names["machine"]), *net.command("apply", seconds=LONG)]
	both = [subprocess.Popen(words, stdout=subprocess.PIPE, env=environment(), text=True) for _n in range(2)]
	answers = [json.loads(each.communicate()[0]) for each in both]
	assert sorted(next(iter(answer)) for answer in answers) == ["error", "result"], answers
	(timer,) = net.timers()
	net.let_time_pass(timer)
	assert net.ruleset().strip() == ""


def test_a_file_of_somebody_else_is_told_before_anything_is_done(net):
	kept = net.root / "etc/buildpro/firewall.nft"
	kept.parent.mkdir(parents=True)
	kept.write_text("# somebody's own\n")
	assert "not made by us" in net.does("apply", seconds=LONG)["error"]
	assert net.ruleset().strip() == "" and not net.timers() and kept.read_text() == "# somebody's own\n"


def test_nobody_but_root(net):
	words = [*inside(net.names["machine"]), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
	done = subprocess.run(
		[*words, *net.command("apply", seconds=LONG)], capture_output=True, text=True, env=environment()
	)
	assert "Only root" in done.stdout or "Permission denied" in done.stderr, done
	assert net.ruleset().strip() == ""
