"""What a refresh may do on the bench's machine beside its sites: pull apps, build assets, restart processes. A shell has said so, once.

It is kept in a file of the bench, and not in a record: whoever may write records in Desk must not choose which programs run here.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from buildpro_saas.agent import program, site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError

FILE = "config/buildpro_refresh.json"  # 0600, beside the bench's database account
RESULTS = "config/buildpro_restarts"  # what restarts came to, a file each
BUILD, RESTART = "build", "restart"
TOLD = 500  # characters of what a program says
SETUP = "`bench --site <admin site> saas setup`"
GRACE = 2.0  # seconds for which a process may be gone before its result is there


@dataclass(frozen=True)
class Rights:
	"""may_pull: whether apps are pulled. only: the apps that are; empty for all. build, restart: the command, in words; empty for none.

	was_asked: whether a shell has said so.
	"""

	may_pull: bool = False
	only: list[str] = field(default_factory=list)
	build: list[str] = field(default_factory=list)
	restart: list[str] = field(default_factory=list)
	was_asked: bool = False


def read(bench: Bench) -> Rights:
	"""What a refresh may do there; nothing, where nobody has said. Raises AgentError for a damaged file."""
	path = bench.path / FILE
	try:
		return Rights(**{**json.loads(path.read_text()), "was_asked": True})
	except FileNotFoundError:
		return Rights()
	except (ValueError, TypeError):
		raise AgentError(
			f"{path} is not what `saas setup` wrote.", f"Remove it, then say anew with {SETUP}."
		) from None


def write(bench: Bench, may_pull: bool, only: list[str], build: str, restart: str) -> Rights:
	"""Keep what a refresh may do. only: the apps that it may pull; [] for all. build, restart: a command as a shell's line, without the
	shell: no pipe, no variable.

	Raises AgentError for an app or a program that is not there.
	"""
	if strangers := sorted(set(only) - set(bench.app_names() if only else ())):
		raise AgentError(f"The bench has no app {', '.join(strangers)}.", "See `bench list-apps`.")
	commands = {BUILD: shlex.split(build or ""), RESTART: shlex.split(restart or "")}
	for words in filter(None, commands.values()):
		program.find((words[0],))
	rights = Rights(bool(may_pull), list(only), was_asked=True, **commands)
	(bench.path / FILE).parent.mkdir(exist_ok=True)
	kept = asdict(rights)
	del kept["was_asked"]
	site_config.write_json(bench.path / FILE, kept)
	return rights


class Restart:
	"""A restart of the bench's processes, known by an id. It outlives the worker that began it, which it may end itself."""

	def __init__(self, bench: Bench, id: str):
		self.bench, self.result = bench, bench.path / RESULTS / f"{id}.json"

	def begin(self, command: list[str]) -> None:
		"""Begin it, unless it has begun."""
		self.result.parent.mkdir(exist_ok=True)
		try:
			descriptor = os.open(self.result, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
		except FileExistsError:
			return
		with os.fdopen(descriptor, "w") as out:
			watching = subprocess.Popen(
				[
					sys.executable,
					"-m",
					"buildpro_saas.agent.refresh_rights",
					os.fspath(self.result),
					*command,
				],
				cwd=self.bench.path,
				stdin=subprocess.DEVNULL,
				stdout=subprocess.DEVNULL,
				stderr=subprocess.DEVNULL,
				start_new_session=True,
			)
			json.dump({"pid": watching.pid, "started": psutil.Process(watching.pid).create_time()}, out)

	def look(self) -> dict:
		"""{"is_over", "code", "said"}; code is None where the restart has ended its own watcher, as systemd does with all of a unit."""
		try:
			found = json.loads(self.result.read_text())
		except ValueError:  # it is just being written
			return {"is_over": False, "code": None, "said": ""}
		if "code" in found:
			return {"is_over": True, **found}
		gone = not _is_alive(found["pid"], found["started"])
		if gone and time.time() - self.result.stat().st_mtime < GRACE:
			gone = False
		return {"is_over": gone, "code": None, "said": ""}


def _is_alive(pid: int, started: float) -> bool:
	try:
		process = psutil.Process(pid)
		return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
	except psutil.NoSuchProcess:
		return False


def watch(result: Path, command: list[str]) -> None:
	"""Run the command to its end, and write what it came to in the place of what says that it runs."""
	signal.signal(signal.SIGTERM, signal.SIG_IGN)  # of a supervisor that ends what its worker has started
	done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
	said = (done.stderr or done.stdout).strip()[-TOLD:]
	site_config.write_json(result, {"code": done.returncode, "said": said})


if __name__ == "__main__":
	watch(Path(sys.argv[1]), sys.argv[2:])
