"""How nginx is run on the bench's machine. `saas setup-proxy` writes it, in a file of the bench, once.

own: an nginx of the bench alone, which runs as the bench's user and reads nothing but our files. included: the machine's nginx reads
our files beside others'. none: nginx is not ours to write, or there is none.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.proxy_facts import MODES, NOT_MANAGED, OWN

FOLDER = "config/buildpro/proxy"
FILE = "settings.json"
CERTIFICATES = "config/buildpro/certificates"  # the store (certificate_store.py)
CHALLENGES = "config/buildpro/acme-challenges"
SETUP = "`bench --site <admin site> saas setup-proxy`"


@dataclass(frozen=True)
class Settings:
	"""test, reload: commands, in words; empty: the agent runs the program itself, and signals it. pid_file: of nginx's master.

	is_default: whether names that nobody serves are ours to refuse. left_out: directives that others' files have already. version: of nginx.
	"""

	mode: str = NOT_MANAGED
	nginx: str = ""
	pid_file: str = ""
	test: list[str] = field(default_factory=list)
	reload: list[str] = field(default_factory=list)
	is_default: bool = True
	left_out: list[str] = field(default_factory=list)
	version: tuple[int, ...] = ()


@dataclass(frozen=True)
class Places:
	"""Where the proxy's files lie on a bench."""

	bench: Path

	@property
	def root(self) -> Path:
		return self.bench / FOLDER

	@property
	def settings(self) -> Path:
		return self.root / FILE

	@property
	def releases(self) -> Path:
		return self.root / "releases"

	@property
	def current(self) -> Path:
		"""The link to the release that nginx reads."""
		return self.root / "current"

	@property
	def main(self) -> Path:
		"""The configuration of an nginx of our own."""
		return self.root / "nginx.conf"

	@property
	def live(self) -> Path:
		"""Marks that nginx looks for at each request: they count without a reload."""
		return self.root / "live"

	@property
	def certificates(self) -> Path:
		"""What nginx presents: a link for each certificate to the last version that was whole."""
		return self.root / "certificates"

	@property
	def store(self) -> Path:
		return self.bench / CERTIFICATES

	@property
	def challenges(self) -> Path:
		return self.bench / CHALLENGES

	@property
	def pages(self) -> Path:
		return Path(__file__).parent / "proxy_pages"

	@property
	def run(self) -> Path:
		return self.root / "run"

	@property
	def logs(self) -> Path:
		return self.bench / "logs"

	@property
	def sites(self) -> Path:
		return self.bench / "sites"


def places(bench: Bench) -> Places:
	"""Where the proxy's files lie; the bench's folder in its one spelling, which nginx's file paths have too."""
	return Places(Path(os.path.realpath(bench.path)))


def read(bench: Bench) -> Settings:
	"""What `saas setup-proxy` wrote; mode "none" where nobody ran it. Raises AgentError for a damaged file."""
	path = places(bench).settings
	try:
		plain = json.loads(path.read_text())
		found = Settings(**{**plain, "version": tuple(plain.get("version", ()))})
	except FileNotFoundError:
		return Settings()
	except (ValueError, TypeError):
		raise AgentError(f"{path} is not what `saas setup-proxy` wrote.", f"Run {SETUP} again.") from None
	if found.mode not in MODES:
		raise AgentError(f"{path} names the mode {found.mode!r}.", f"Run {SETUP} again.")
	return found


def write(bench: Bench, settings: Settings) -> None:
	"""Keep the settings, 0600, in a folder that only the bench's user may enter."""
	root = places(bench).root
	root.mkdir(parents=True, exist_ok=True)
	site_config.write_json(root / FILE, asdict(settings))


def own(bench: Bench, nginx: str = "") -> Settings:
	"""Settings of an nginx of the bench's own. nginx: its program; found where it is left out. Raises AgentError where there is none."""
	program = nginx or shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
	if not program:
		raise AgentError("There is no nginx on this machine.", "Install it: `apt-get install nginx`.")
	pid_file = str(places(bench).run / "nginx.pid")
	return Settings(mode=OWN, nginx=program, pid_file=pid_file, version=version_of(program))


def version_of(program: str) -> tuple[int, ...]:
	"""The version of an nginx. Raises AgentError for another program."""
	done = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=60, check=False)
	found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", done.stderr + done.stdout)
	if not found:
		raise AgentError(f"{program} does not say which nginx it is.", "Give the path of nginx.")
	return tuple(map(int, found.groups()))
