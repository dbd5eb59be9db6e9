"""Sets the proxy up on a bench's machine, once, as root: does what proxy_plan.py shows."""

import json
import os
import pwd
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from buildpro_saas.agent import own_files, proxy_plan, proxy_settings, proxy_upkeep, proxy_wanted
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.proxy_config import HTTP_FILE
from buildpro_saas.agent.proxy_facts import NOT_MANAGED, ProxySetup, ProxySpec
from buildpro_saas.agent.proxy_settings import Settings


def set_up(
	bench: Bench,
	mode: str,
	http_port: int,
	https_port: int,
	web_port: int = 8000,
	root: Path = Path("/"),
	is_running: bool = True,
) -> ProxySetup:
	"""Do what proxy_plan.plan says, and return it. Repeatable. web_port: where the bench's web server listens.

	root: below which files outside the bench are written. is_running: run the commands, too. Raises AgentError for another user than
	root, for a hindrance, and for a command that fails, with what it says; NotOursError, and nothing is done, where a file is another's.
	"""
	planned = proxy_plan.plan(bench, mode, http_port, https_port)
	if planned.hindrance:
		raise AgentError(planned.hindrance)
	if planned.files and os.geteuid() != 0:
		raise AgentError("This writes files that are root's.", "Run the same with sudo.")
	spec = ProxySpec([], "", web_port=web_port, http_port=http_port, https_port=https_port)
	files = proxy_plan.files(bench, mode)
	for file in files:
		own_files.check_ours(root, file.path)
	_prepare_as_owner(bench, proxy_plan.settings_for(bench, mode), spec)
	for file in files:
		is_of_sudo = file.path.startswith(proxy_plan.SUDOERS_FOLDER)
		own_files.put(root, file, _check_sudoers if is_of_sudo else None)
	for command in planned.commands if is_running else ():
		done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
		if done.returncode:
			said = (done.stderr or done.stdout).strip()[-500:]
			raise AgentError(f"`{' '.join(command)}` ended with {done.returncode}: {said}")
	return planned


def _check_sudoers(draft: Path) -> None:
	"""Raise AgentError where sudo would not take the file: a broken one there takes everybody's rights away."""
	checked = subprocess.run(["visudo", "-cf", draft], capture_output=True, text=True, check=False)
	if checked.returncode:
		raise AgentError(f"sudo does not take the line for the bench's user: {checked.stdout.strip()}")


def _prepare_as_owner(bench: Bench, settings: Settings, spec: ProxySpec) -> None:
	"""Write the bench's own files as the user whose they are, who is another than root."""
	owner = pwd.getpwnam(proxy_plan.owner_of(bench))
	if os.geteuid() == owner.pw_uid:
		prepare(bench, settings, spec)
		return
	told = json.dumps({"bench": str(bench.path), "settings": asdict(settings), "spec": asdict(spec)})
	done = subprocess.run(
		[sys.executable, "-m", "buildpro_saas.agent.proxy_setup"],
		input=told,
		capture_output=True,
		text=True,
		check=False,
		cwd=bench.sites_path,
		env={**os.environ, "HOME": owner.pw_dir},
		user=owner.pw_uid,
		group=owner.pw_gid,
		extra_groups=[],
	)
	if done.returncode:
		raise AgentError(f"The proxy's files could not be written: {done.stderr.strip()[-500:]}")


def prepare(bench: Bench, settings: Settings, spec: ProxySpec) -> None:
	"""Write settings, and a first release where there is none."""
	if settings.mode == NOT_MANAGED:
		proxy_settings.write(bench, settings)
		return
	proxy_upkeep.prepare(bench, settings, spec)
	if not (proxy_settings.places(bench).current / HTTP_FILE).exists():
		raise AgentError("The proxy's first release was not written.")


if __name__ == "__main__":
	given = json.load(sys.stdin)
	given["settings"]["version"] = tuple(given["settings"]["version"])
	prepare(Bench(Path(given["bench"])), Settings(**given["settings"]), proxy_wanted.as_spec(given["spec"]))
