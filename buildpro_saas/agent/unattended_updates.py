"""Security updates that the machine installs by itself, and when it may start anew: settings for Debian's unattended-upgrades, and a timer."""

import os
import re
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.firewall import has_systemd, only_root
from buildpro_saas.agent.own_files import OwnFile, put, withdraw

SETTINGS = "etc/apt/apt.conf.d/52buildpro-security"  # after 50unattended-upgrades, whose lists it replaces
SERVICE, TIMER = ("etc/systemd/system/buildpro-reboot.service", "etc/systemd/system/buildpro-reboot.timer")
PROGRAM, PACKAGE = "unattended-upgrade", "unattended-upgrades"
INSTALL = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", PACKAGE]
INSTALL_SECONDS = 600
# MariaDB is everybody's at once: it is upgraded by hand, with a backup taken before.
HELD = ("mariadb-", "mysql-", "galera-")
CONTENT = """APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
#clear Unattended-Upgrade::Origins-Pattern;
#clear Unattended-Upgrade::Allowed-Origins;
Unattended-Upgrade::Origins-Pattern {{
	"origin=Debian,codename=${{distro_codename}}-security,label=Debian-Security";
	"origin=Debian,codename=${{distro_codename}},label=Debian-Security";
	"origin=Ubuntu,archive=${{distro_codename}}-security";
	"origin=UbuntuESM,archive=${{distro_codename}}-infra-security";
	"origin=UbuntuESMApps,archive=${{distro_codename}}-apps-security";
}};
Unattended-Upgrade::Package-Blacklist {{ {held} }};
Unattended-Upgrade::Automatic-Reboot "false";
"""
SERVICE_TEXT = """[Unit]
Description=Restart of the machine, where an update needs one (BuildPro SaaS)

[Service]
Type=oneshot
ExecCondition=/usr/bin/test -e /run/reboot-required
ExecStart=/usr/bin/systemctl --no-block reboot
"""
TIMER_TEXT = """[Unit]
Description=When this machine may restart for an update (BuildPro SaaS)

[Timer]
{times}
AccuracySec=1min

[Install]
WantedBy=timers.target
"""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = f"(?:{'|'.join(DAYS)})"
WINDOW = re.compile(rf"({DAY}(?:,{DAY})* )?([01][0-9]|2[0-3]):([0-5][0-9])")


def files(windows: list[str]) -> list[OwnFile]:
	"""What is written. windows: when the machine may restart, such as `Sun 03:30` or `04:00`; [] for never by itself.

	Raises AgentError for one that is none.
	"""
	for window in windows:
		if not WINDOW.fullmatch(window):
			raise AgentError(
				f"{window!r} is no time for a restart.", "Give it as 'Sun 03:30', 'Sat,Sun 04:00' or '03:30'."
			)
	held = " ".join(f'"{name}";' for name in HELD)
	found = [OwnFile(SETTINGS, CONTENT.format(held=held), "//")]
	if windows:
		times = "\n".join(f"OnCalendar={window}" for window in windows)
		found += [OwnFile(SERVICE, SERVICE_TEXT), OwnFile(TIMER, TIMER_TEXT.format(times=times))]
	return found


def commands(root: Path, windows: list[str]) -> list[list[str]]:
	"""What is run besides, in this order: the package where it is missing, the timer."""
	found = [] if _is_installed(root) else [INSTALL]
	if windows:
		found += [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", Path(TIMER).name]]
	return found


def set_up(root: Path, windows: list[str]) -> None:
	"""Write the files and run the commands. Repeatable; without windows, a timer of before goes.

	Raises AgentError for who is not root, on a machine without apt, and for windows without systemd. Then nothing is changed.
	"""
	only_root()
	wanted = files(windows)
	check_possible(root, windows)
	for command in commands(root, []):
		_run(command)
	for file in wanted:
		put(root, file)
	if windows:
		for command in commands(root, windows):
			_run(command)
	else:
		_withdraw_timer(root)


def check_possible(root: Path, windows: list[str]) -> None:
	"""Raise AgentError where this machine has no apt, or cannot restart by a timer."""
	if not shutil.which("apt-get"):
		raise AgentError(
			"This machine has no apt: its updates are not set up from here.", "Leave it out: --no-updates."
		)
	if windows and not has_systemd(root):
		raise AgentError(
			"No systemd runs here, which would restart the machine in its time.", "Leave --reboot out."
		)


def last_restarts(root: Path, now: float) -> list[float]:
	"""When each window for a restart last began, before `now` (seconds since the epoch); [] where the machine never restarts by itself."""
	try:
		text = (root / TIMER).read_text()
	except OSError:
		return []
	today = datetime.fromtimestamp(now)
	found = []
	for days, hour, minute in WINDOW.findall("\n".join(re.findall(r"^OnCalendar=(.*)$", text, re.MULTILINE))):
		at = today.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
		past = [at - timedelta(days=number) for number in range(8)]
		fits = [each.timestamp() for each in past if not days or DAYS[each.weekday()] in days]
		found += [moment for moment in fits if moment <= now][:1]
	return found


def remove(root: Path) -> None:
	"""Take our files away; the package stays. Repeatable."""
	only_root()
	_withdraw_timer(root)
	withdraw(root, SETTINGS)


def _withdraw_timer(root: Path) -> None:
	if has_systemd(root) and (root / TIMER).exists():
		_run(["systemctl", "disable", "--now", Path(TIMER).name])
	for path in (TIMER, SERVICE):
		withdraw(root, path)


def _is_installed(root: Path) -> bool:
	return any((root / folder / PROGRAM).exists() for folder in ("usr/bin", "usr/sbin"))


def _run(words: list[str]) -> None:
	try:
		done = subprocess.run(
			words,
			capture_output=True,
			text=True,
			timeout=INSTALL_SECONDS,
			stdin=subprocess.DEVNULL,
			env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
			check=False,
		)
	except subprocess.TimeoutExpired:
		raise AgentError(f"{' '.join(words)} has not ended after {INSTALL_SECONDS} seconds.") from None
	if done.returncode:
		said = " ".join((done.stderr or done.stdout).split())[-500:]
		raise AgentError(f"{' '.join(words)} ended with {done.returncode}: {said}")
