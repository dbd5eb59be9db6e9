"""All that is looked at for the security of a bench and its machine. Nothing is changed; what needs root, or fails, is said as not seen."""

import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import psutil
import redis

from buildpro_saas.agent import (
	account,
	database_logins,
	errors,
	exposed_files,
	firewall,
	host_updates,
	listening,
	redis_access,
	supported_versions,
	unix_users,
)
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import FINE, FOUND, NOT_SEEN, Check

FIREWALL, PROCESSES = "Firewall", "Processes"
SET_UP = "saas setup-firewall (docs/machine-security.md)"
UFW, UNITS = "etc/ufw/ufw.conf", ("buildpro-firewall.service", "firewalld.service")
SECONDS = 20


def checks(bench: Bench, conf: Mapping, stores: list[str], is_of_machine: bool) -> list[Check]:
	"""Everything. conf: the bench's configuration. stores: folders of backups on its machine.

	is_of_machine: also the firewall and the updates, which are the same for all benches of the machine.
	"""
	machine = [(FIREWALL, of_firewall), (host_updates.UPDATES, host_updates.checks)]
	looks: list[tuple[str, Callable[[], list[Check]]]] = [
		(listening.SUBJECT, lambda: listening.checks(conf, listening.sockets())),
		*(machine if is_of_machine else []),
		(exposed_files.FILES, lambda: exposed_files.checks(bench, conf, stores)),
		(PROCESSES, lambda: _processes(int(conf.get("webserver_port") or 8000))),
		(listening.REDIS, lambda: _redis(conf)),
	]
	found = [check for subject, look in looks for check in _looked(subject, look)]
	return [
		*found,
		*_looked(database_logins.DATABASE, lambda: _of_database(bench, conf)),
		*_looked(database_logins.PASSWORDS, lambda: _of_administrators(bench)),
		*_versions(bench, conf),
	]


def of_firewall(root: Path = Path("/")) -> list[Check]:
	"""Whether the machine has a firewall. Only root may ask the kernel; others see which one is set up."""
	own = firewall.Firewall(root)
	if own.waits():
		return [
			Check(
				FIREWALL,
				FOUND,
				"Rules wait for their confirmation.",
				"saas setup-firewall --confirm (as root)",
			)
		]
	if os.geteuid() == 0:
		return _asked_kernel(own)
	if known := _set_up(root):
		return [
			Check(FIREWALL, FINE, f"Set up is {known}. Whether its rules are in force, only root may see."),
		]
	if firewall.has_systemd(root) and _is_active("nftables.service"):
		sentence = "nftables.service runs. What its rules drop, only root may see."
		return [Check(FIREWALL, NOT_SEEN, sentence, "sudo nft list ruleset")]
	return [Check(FIREWALL, FOUND, "No firewall of this machine is known (ours, ufw, firewalld).", SET_UP)]


def _asked_kernel(own: firewall.Firewall) -> list[Check]:
	try:
		if own.in_force():
			if not (own.root / firewall.KEPT).exists():
				gone = "Our rules are in force, and not kept: a restart of the machine forgets them."
				return [Check(FIREWALL, FOUND, gone, SET_UP)]
			return [Check(FIREWALL, FINE, "Our rules are in force (table inet buildpro).")]
	except AgentError as error:
		return [Check(FIREWALL, NOT_SEEN, str(error), error.hint)]
	dropping = subprocess.run(
		[firewall.nft(), "list", "chains"], capture_output=True, text=True, timeout=SECONDS, check=False
	)
	# the older iptables keeps its rules where nft does not list them
	older = (
		subprocess.run(
			["iptables-legacy", "-S", "INPUT"], capture_output=True, text=True, timeout=SECONDS, check=False
		)
		if _has("iptables-legacy")
		else None
	)
	if _drops(dropping.stdout) or (older and "-P INPUT DROP" in older.stdout):
		return [Check(FIREWALL, FINE, "Another firewall is in force: what is not allowed in is dropped.")]
	return [Check(FIREWALL, FOUND, "No firewall drops what is not allowed in.", SET_UP)]


def _drops(chains: str) -> bool:
	return any("hook input" in line and "policy drop" in line for line in chains.splitlines())


def _has(program: str) -> bool:
	return any(os.access(f"{folder}/{program}", os.X_OK) for folder in ("/usr/sbin", "/sbin", "/usr/bin"))


def _set_up(root: Path) -> str:
	"""The firewall that is set up, by what anybody may read; empty for none."""
	if (root / UFW).is_file() and "ENABLED=yes" in (root / UFW).read_text():
		return "ufw"
	if firewall.has_systemd(root):
		return next(filter(_is_active, UNITS), "")
	if (root / firewall.KEPT).exists():
		return "ours"
	return ""


def _is_active(unit: str) -> bool:
	words = ["systemctl", "is-active", "--quiet", unit]
	return subprocess.run(words, timeout=SECONDS, check=False).returncode == 0


def _processes(web_port: int) -> list[Check]:
	users = unix_users.listening_on(web_port)
	if not users:
		return [Check(PROCESSES, NOT_SEEN, f"No web process of the bench listens on port {web_port}.")]
	if "root" in users:
		how = "Run the bench as a user of its own (docs/security.md)."
		return [Check(PROCESSES, FOUND, "The bench's web processes run as root.", how)]
	return [Check(PROCESSES, FINE, f"The bench's web processes run as {', '.join(sorted(users))}.")]


def _redis(conf: Mapping) -> list[Check]:
	told = [
		Check(listening.REDIS, FOUND, each.removesuffix(f" {redis_access.HOW}"), redis_access.HOW)
		for each in redis_access.complaints(conf)
	]
	return told or [
		Check(listening.REDIS, FINE, "No Redis server of the bench takes commands without a password.")
	]


def _of_database(bench: Bench, conf: Mapping) -> list[Check]:
	is_for_others = listening.is_mariadb_for_others(conf, listening.sockets())
	with server(account.read(bench)) as mariadb:
		return database_logins.checks(mariadb, is_for_others)


def _of_administrators(bench: Bench) -> list[Check]:
	with server(account.read(bench)) as mariadb:
		return database_logins.of_administrators(bench, mariadb)


def _versions(bench: Bench, conf: Mapping) -> list[Check]:
	def look() -> list[Check]:
		try:
			with server(account.read(bench)) as mariadb:
				found = supported_versions.software(conf, mariadb)
		except Exception as error:
			if not _passes(error):
				raise
			found = supported_versions.software(conf, None)  # the others are known all the same
		of = supported_versions.release()
		return [*supported_versions.checks(found, of, date.today()), *supported_versions.unseen(found)]

	return _looked(supported_versions.SUBJECT, look)


def _looked(subject: str, look: Callable[[], list[Check]]) -> list[Check]:
	"""What the look finds; where something in its way fails, a check that says so: the others are looked at all the same."""
	try:
		return look()
	except Exception as error:
		if not _passes(error):
			raise
		return [
			Check(
				subject, NOT_SEEN, f"It was not looked at: {errors.sentence(error)}", errors.hint_for(error)
			)
		]


def _passes(error: BaseException) -> bool:
	"""Whether the error is of what was looked at, and no defect of ours."""
	outside = (OSError, AgentError, subprocess.SubprocessError, psutil.Error, redis.RedisError)
	return isinstance(error, outside) or errors.mariadb_code(error) is not None
