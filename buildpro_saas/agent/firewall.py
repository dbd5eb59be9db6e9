"""The machine's firewall: an nftables table of our own, changed in one step, and taken back by itself unless somebody confirms.

Other tables (Docker's, ufw's) are neither read nor changed. What we accept, they may still drop; what we drop, they cannot accept.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from buildpro_saas.agent import ssh_origin
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.firewall_rules import TABLE, Rules, rendered
from buildpro_saas.agent.own_files import OwnFile, check_ours, put, withdraw

KEPT = "etc/buildpro/firewall.nft"
UNIT = "etc/systemd/system/buildpro-firewall.service"
STATE = "run/buildpro"  # gone with a restart of the machine, as are rules that nobody has confirmed
ARMED, FINAL, TAKEN = "armed-", "final-", "taken.nft"
SECONDS = 180  # until the way back is taken
QUICK = 60  # seconds for one call of nft
# Whoever renames the armed file first has decided: this script, or `confirm`. Where the old rules do not load any more, none is better
# than one that locks everybody out. $1: seconds, $2: the armed file, $3: its name from then on, $4: nft.
WAY_BACK = 'sleep "$1"; mv "$2" "$3" 2>/dev/null || exit 0; "$4" -f "$3" || "$4" delete table inet ' + TABLE
# Debian's own nftables.service begins with `flush ruleset`: whenever that runs, ours is to follow.
UNIT_TEXT = """[Unit]
Description=Firewall of BuildPro SaaS (nftables table inet {table})
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={nft} -f /{kept}
ExecReload={nft} -f /{kept}

[Install]
WantedBy=sysinit.target
"""


class Firewall:
	"""The table on this machine, or in the network namespace of this process. root: where etc/ and run/ are; another one for tests."""

	def __init__(self, root: Path = Path("/")):
		self.root = Path(root)
		self.state = self.root / STATE

	# -- looking ---------------------------------------------------------------------------------------------------

	def in_force(self) -> str:
		"""The table as nft lists it; empty where there is none. Raises AgentError for who is not root."""
		only_root()
		done = _nft("-s", "list", "table", "inet", TABLE, is_checked=False)
		return done.stdout if done.returncode == 0 else ""

	def waits(self) -> bool:
		"""Whether a change waits for its confirmation."""
		return self._armed() is not None

	def files(self) -> list[OwnFile]:
		"""What is kept once rules are confirmed, but the rules themselves."""
		text = UNIT_TEXT.format(table=TABLE, nft=nft(), kept=KEPT)
		return [OwnFile(UNIT, text)] if has_systemd(self.root) else []

	# -- changing --------------------------------------------------------------------------------------------------

	def apply(self, rules: Rules, seconds: float = SECONDS) -> float:
		"""Put the rules into force, and take them back after `seconds` unless `confirm` comes first. Returns when that is (epoch).

		Raises AgentError, and nothing has changed, for who is not root, for rules that would close the caller's own connection, or that nft
		refuses, and while another change waits.
		"""
		only_root()
		rules.check_keeps(ssh_origin.find())
		for path in (KEPT, UNIT):
			check_ours(self.root, path)
		proving, final = replacing(rendered(rules, is_proving=True)), replacing(rendered(rules))
		with self._alone():
			if self.waits():
				raise AgentError(
					"A change of the firewall waits for its confirmation.",
					"Confirm it (`saas setup-firewall --confirm`), or wait until it is taken back.",
				)
			# alone: while nft only tries out rules, a list of them may have a part of what is tried
			for text in (proving, final):
				_load(text, is_dry=True)
			# without a table, the way back is to have none again
			id, back = secrets.token_hex(4), replacing(self.in_force())
			self._arm(id, back, final, seconds)
			try:
				_load(proving)
			except AgentError:
				self._disarm(id)
				raise
			return time.time() + seconds

	def confirm(self, is_at_console: bool = False) -> list[str]:
		"""Let the rules stay, and keep them for the next start of the machine. Returns sentences about what was done.

		The caller's own SSH connection must have begun under the new rules: each of those passes a rule that notes it.
		is_at_console: the caller has no connection that could be cut. Raises AgentError otherwise, and where nothing waits.
		"""
		only_root()
		with self._alone():
			return self._confirm(is_at_console)

	def remove(self) -> None:
		"""Take our table and our files away; what was not confirmed goes, too. Repeatable."""
		only_root()
		with self._alone():
			self._disarm("*")
			_load(replacing(""))
			if has_systemd(self.root) and (self.root / UNIT).exists():
				_run(["systemctl", "disable", "--now", "--quiet", Path(UNIT).name])
			for path in (UNIT, KEPT):
				withdraw(self.root, path)

	# -- inside ----------------------------------------------------------------------------------------------------

	@contextmanager
	def _alone(self) -> Iterator[None]:
		"""One change at a time. Raises AgentError where another process is at one."""
		self.state.mkdir(mode=0o755, parents=True, exist_ok=True)
		try:
			with FileLock(self.state / "lock", timeout=QUICK):
				yield
		except Timeout:
			raise AgentError("Somebody else changes the firewall at this moment.", "Try again.") from None

	def _confirm(self, is_at_console: bool) -> list[str]:
		if not (armed := self._armed()):
			raise AgentError(self._why_none(), "Run `saas setup-firewall` again.")
		self._check_went_through(is_at_console)
		final = armed.with_name(FINAL + armed.name.removeprefix(ARMED))
		text = final.read_text()
		try:
			armed.rename(final.with_suffix(".old"))
		except FileNotFoundError:
			raise AgentError(self._why_none(), "Run `saas setup-firewall` again.") from None
		_load(text)
		said = self._keep(text)
		for path in self.state.glob("*.nft"):
			path.unlink()
		final.with_suffix(".old").unlink()
		return said

	def _armed(self) -> Path | None:
		return next(iter(sorted(self.state.glob(f"{ARMED}*.nft"))), None)

	def _arm(self, id: str, back: str, final: str, seconds: float) -> None:
		"""Start what takes the change back. It outlives this process, its terminal and its SSH connection."""
		(self.state / TAKEN).unlink(missing_ok=True)
		(self.state / f"{FINAL}{id}.nft").write_text(final)
		armed = self.state / f"{ARMED}{id}.nft"
		armed.write_text(back)
		words = ["/bin/sh", "-c", WAY_BACK, "buildpro-way-back", str(seconds)]
		words += [os.fspath(armed), os.fspath(self.state / TAKEN), nft()]
		subprocess.Popen(
			words,
			cwd="/",
			stdin=subprocess.DEVNULL,
			stdout=subprocess.DEVNULL,
			stderr=subprocess.DEVNULL,
			start_new_session=True,
		)
		if has_systemd(self.root):
			# the same as a service beside it, since logind may end all processes of a session that is over (KillUserProcesses); the first
			# of the two does it
			unit = f"--unit=buildpro-way-back-{id}"
			_run(["systemd-run", "--quiet", "--collect", unit, *words], is_checked=False)

	def _disarm(self, id: str) -> None:
		for path in (*self.state.glob(f"{ARMED}{id}.nft"), *self.state.glob(f"{FINAL}{id}.nft")):
			path.unlink(missing_ok=True)

	def _why_none(self) -> str:
		if (self.state / TAKEN).exists():
			return "Nobody confirmed in time: the rules are again what they were before."
		return "No change of the firewall waits for a confirmation."

	def _check_went_through(self, is_at_console: bool) -> None:
		origin = ssh_origin.find()
		if not origin:
			if is_at_console:
				return
			raise AgentError(
				"It cannot be told by which SSH connection you are here.",
				"Confirm in a new SSH connection, or with --at-console where you sit at the machine itself.",
			)
		name = "through4" if origin.address.version == 4 else "through6"
		element = f"{{ {origin.address} . {origin.port} }}"
		done = _nft("get", "element", "inet", TABLE, name, element, is_checked=False)
		if done.returncode:
			raise AgentError(
				f"Your connection from {origin} is older than the new rules: it would work whatever they say.",
				"Open another SSH connection to this machine, outside of tmux or screen, and confirm there.",
			)

	def _keep(self, text: str) -> list[str]:
		put(self.root, OwnFile(KEPT, text))
		files = self.files()
		for file in files:
			put(self.root, file)
		if not files:
			return [
				f"The rules stay. No systemd runs here: have `{nft()} -f /{KEPT}` run whenever the machine starts."
			]
		_run(["systemctl", "daemon-reload"])
		_run(["systemctl", "enable", "--quiet", Path(UNIT).name])
		_run(["systemctl", "start", Path(UNIT).name])
		return [f"The rules stay, also when the machine starts again ({Path(UNIT).name})."]


def replacing(table: str) -> str:
	"""What nft reads, as one transaction: our table goes, whether it is there or not, and this one comes. Empty for none."""
	return f"table inet {TABLE}\ndelete table inet {TABLE}\n{table}"


def nft() -> str:
	"""The path of nft. Raises AgentError that names the package."""
	if path := shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
		return path
	raise AgentError("There is no program nft on this machine.", "Install it: `apt-get install nftables`.")


def has_systemd(root: Path) -> bool:
	"""Whether the machine that root is of was started by systemd."""
	return (root / "run/systemd/system").is_dir()


def only_root() -> None:
	"""Raise AgentError unless root asks."""
	if os.geteuid() != 0:
		raise AgentError("Only root may look at the firewall or change it.", "Run it as root.")


def _load(text: str, is_dry: bool = False) -> None:
	_nft(*(["-c"] if is_dry else []), "-f", "-", stdin=text)


def _nft(*words: str, stdin: str = "", is_checked: bool = True) -> subprocess.CompletedProcess:
	return _run([nft(), *words], stdin, is_checked)


def _run(words: list[str], stdin: str = "", is_checked: bool = True) -> subprocess.CompletedProcess:
	done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=QUICK, check=False)
	if is_checked and done.returncode:
		said = " ".join(done.stderr.split())[:500]
		raise AgentError(f"{Path(words[0]).name} refused: {said or done.returncode}")
	return done
