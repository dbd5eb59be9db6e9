"""Security updates that wait on this machine, whether it installs them by itself, and whether it has to restart. Nothing here needs root."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from buildpro_saas.agent.facts import FINE, FOUND, NOT_SEEN, Check
from buildpro_saas.agent.unattended_updates import PACKAGE, PROGRAM

UPDATES, REBOOT = "Updates", "Restart"
LISTS = "var/lib/apt/lists"
OLD_DAYS = 3
REQUIRED = "run/reboot-required"
# Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])
INSTALLS = re.compile(r"Inst (?P<package>\S+) (?:\[\S+\] )?\((?P<version>\S+) (?P<origins>[^)]*)")
SECURITY = re.compile(r"-security\b|\bDebian-Security:")
TOLD = 8  # names of packages
SECONDS = 120
# NEEDRESTART-KSTA (README.batch.md of needrestart): another kernel is installed than runs.
KERNEL_IS_OLD = ("2", "3")


def checks(root: Path = Path("/")) -> list[Check]:
	"""What is to be said of updates and of a restart. root: of the machine, for its files."""
	return [*waiting(root), *_by_itself(root), *restart(root)]


def security_updates(simulated: str) -> list[str]:
	"""The packages of which `apt-get -s dist-upgrade` would install a security update."""
	found = (INSTALLS.match(line) for line in simulated.splitlines())
	return [each["package"] for each in found if each and SECURITY.search(each["origins"])]


def waiting(root: Path = Path("/")) -> list[Check]:
	"""Security updates that are not installed, and whether anybody has asked for them lately. Nothing is downloaded."""
	# dist-upgrade: a new kernel comes as a new package, which upgrade leaves out. No lock is taken, nothing is installed.
	said = _said(["apt-get", "-s", "-q", "-o", "Debug::NoLocking=1", "dist-upgrade"])
	if said is None:
		return [Check(UPDATES, NOT_SEEN, "This machine has no apt that answers: look for updates by hand.")]
	told = []
	days = (time.time() - _newest(root / LISTS)) / 86400
	if days > OLD_DAYS:
		told.append(
			Check(UPDATES, FOUND, f"Nobody has asked for {days:.0f} days what is new.", "sudo apt-get update")
		)
	if missing := security_updates(said):
		names = ", ".join(missing[:TOLD]) + (f" and {len(missing) - TOLD} more" if missing[TOLD:] else "")
		told.append(
			Check(UPDATES, FOUND, f"Security updates wait for: {names}.", "sudo apt-get dist-upgrade")
		)
	return told or [Check(UPDATES, FINE, "No security update waits.")]


def _by_itself(root: Path) -> list[Check]:
	said = _said(["apt-config", "dump", "APT::Periodic::Unattended-Upgrade"])
	if said is None:
		return []
	is_on = re.search(r'"[1-9][0-9]*[smhd]?"|"always"', said)
	is_installed = any((root / folder / PROGRAM).exists() for folder in ("usr/bin", "usr/sbin"))
	if is_on and is_installed:
		return [
			Check(UPDATES, FINE, "The machine installs security updates by itself (unattended-upgrades).")
		]
	why = "does not install security updates by itself" + ("" if is_installed else f": {PACKAGE} is missing")
	return [Check(UPDATES, FOUND, f"The machine {why}.", "saas setup-firewall (docs/machine-security.md)")]


def restart(root: Path = Path("/")) -> list[Check]:
	"""Whether the machine, or some of its services, still run what was replaced."""
	told = []
	if (root / REQUIRED).exists():
		packages = _packages(root / f"{REQUIRED}.pkgs")
		why = f" for {packages}" if packages else ""
		told.append(Check(REBOOT, FOUND, f"The machine has to restart{why}.", "sudo systemctl reboot"))
	said = _said(["needrestart", "-b"])
	if said is None:
		missing = "Which services run with old libraries is not known: needrestart is missing."
		return [*told, Check(REBOOT, NOT_SEEN, missing, "sudo apt-get install needrestart")]
	told += needed(said, is_root=os.geteuid() == 0)
	return told or [Check(REBOOT, FINE, "Nothing has to restart.")]


def needed(said: str, is_root: bool) -> list[Check]:
	"""What `needrestart -b` says. is_root: as another user it sees that user's processes alone."""
	lines = [line.partition(": ")[::2] for line in said.splitlines()]
	values = {}
	for key, value in lines:
		values.setdefault(key.removeprefix("NEEDRESTART-"), []).append(value)
	told = []
	if values.get("KSTA", [""])[0] in KERNEL_IS_OLD:
		runs, there = values.get("KCUR", ["?"])[0], values.get("KEXP", ["?"])[0]
		told.append(
			Check(
				REBOOT, FOUND, f"The kernel {runs} runs, and {there} is installed.", "sudo systemctl reboot"
			)
		)
	if services := values.get("SVC"):
		names = ", ".join(sorted(set(services))[:TOLD])
		told.append(
			Check(REBOOT, FOUND, f"These run with libraries that were replaced: {names}.", "sudo needrestart")
		)
	if not is_root:
		told.append(
			Check(
				REBOOT,
				NOT_SEEN,
				"Other users' processes were not looked at for old libraries.",
				"sudo needrestart -b",
			)
		)
	return told


def _packages(path: Path) -> str:
	try:
		return ", ".join(dict.fromkeys(path.read_text().split()))
	except FileNotFoundError:
		return ""


def _newest(folder: Path) -> float:
	"""When the newest of the lists came, seconds since the epoch; 0 where there is none."""
	return max((path.stat().st_mtime for path in folder.glob("*Release")), default=0.0)


def _said(words: list[str]) -> str | None:
	"""What the program printed; None where there is no such program, it fails, or it takes too long."""
	program = shutil.which(words[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
	if not program:
		return None
	try:
		done = subprocess.run(
			[program, *words[1:]],
			capture_output=True,
			text=True,
			errors="replace",
			timeout=SECONDS,
			stdin=subprocess.DEVNULL,
			env={**os.environ, "LC_ALL": "C"},
			check=False,
		)
	except subprocess.TimeoutExpired:
		return None
	return done.stdout if done.returncode == 0 else None
