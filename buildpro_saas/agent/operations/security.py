"""The security of the bench and its machine: what is to be said of it; its firewall and its updates, for root."""

import os
import shlex
from pathlib import Path
from typing import Any

import frappe

from buildpro_saas.agent import host_security, listening, ssh_origin, unattended_updates
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.facts import Check
from buildpro_saas.agent.firewall import KEPT, SECONDS, Firewall, only_root
from buildpro_saas.agent.firewall_rules import Rules, rendered
from buildpro_saas.agent.operations.backups import folder_of_stores
from buildpro_saas.agent.operations.operation import quick

ROOT = Path("/")


@quick
def security_checks(bench: Bench, backup_folder: str, is_of_machine: bool) -> list[Check]:
	"""What was looked at, and what came of it. backup_folder: where stores of backups are; empty for the bench's own folder.

	is_of_machine: also what is the same for all benches of the machine.
	"""
	stores = [str(folder_of_stores(bench, backup_folder))]
	return host_security.checks(bench, frappe.conf, stores, is_of_machine)


@quick
def plan_firewall(
	bench: Bench,
	ssh_ports: list[int],
	ssh_from: list[str],
	opened: list[str],
	trusted: list[str],
	is_updating: bool,
	reboots: list[str],
) -> dict[str, Any]:
	"""What `apply_firewall` with the same would do: {"rules", "files": {path: text}, "commands", "as_root", "is_root"}.

	as_root: how a shell runs this app as root on the bench. Raises AgentError for what is wrong with the wishes. Changes nothing.
	"""
	rules = _rules(ssh_ports, ssh_from, opened, trusted)
	rules.check_keeps(ssh_origin.find())
	own = Firewall(ROOT)
	files, commands = own.files(), []
	if is_updating:
		files = [*unattended_updates.files(reboots), *files]
		unattended_updates.check_possible(ROOT, reboots)
		commands = unattended_updates.commands(ROOT, reboots)
	words = ["sudo", bench.python, "-B", "-m", "frappe.utils.bench_helper", "frappe"]
	return {
		"rules": rendered(rules),
		"files": {f"/{KEPT}": "(the rules)", **{f"/{file.path}": file.text for file in files}},
		"commands": [shlex.join(command) for command in commands],
		"as_root": f"cd {shlex.quote(str(bench.sites_path))} && {shlex.join(words)}",
		"is_root": os.geteuid() == 0,
	}


@quick
def apply_firewall(
	bench: Bench,
	ssh_ports: list[int],
	ssh_from: list[str],
	opened: list[str],
	trusted: list[str],
	is_updating: bool,
	reboots: list[str],
	seconds: int = SECONDS,
) -> float:
	"""Put the rules into force; returns when they are taken back by themselves unless `confirm_firewall` comes (seconds since the epoch).

	is_updating: first, the machine is set up to install security updates by itself, and to restart in the windows of `reboots`. Raises
	AgentError for who is not root, and for what is wrong.
	"""
	only_root()
	rules = _rules(ssh_ports, ssh_from, opened, trusted)
	if is_updating:
		unattended_updates.set_up(ROOT, reboots)
	return Firewall(ROOT).apply(rules, seconds)


@quick
def confirm_firewall(bench: Bench, is_at_console: bool = False) -> list[str]:
	"""Let the rules stay. Returns sentences. Raises AgentError unless the caller's SSH connection began under them."""
	return Firewall(ROOT).confirm(is_at_console)


@quick
def remove_firewall(bench: Bench) -> None:
	"""Take our table, and all files of `apply_firewall`, away again. Raises AgentError for who is not root."""
	Firewall(ROOT).remove()
	unattended_updates.remove(ROOT)


def _rules(ssh_ports: list[int], ssh_from: list[str], opened: list[str], trusted: list[str]) -> Rules:
	"""The rules as wished; without ports of SSH those where its server is seen to listen, and by which the caller is here."""
	origin = ssh_origin.find()
	seen = [*listening.ssh_ports(listening.sockets()), *([origin.server_port] if origin else [])]
	return Rules.of(ssh_ports or seen, ssh_from, opened, trusted)
