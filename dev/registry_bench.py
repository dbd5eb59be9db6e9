"""A bench from package registries alone, for machines that reach PyPI and the npm registry but no git host.

Frappe is in no registry under its own name. PyPI has `criscostack` 1.0.0 (August 2023, MIT): Frappe 15.0.0-dev of that
month with its name replaced throughout. This module downloads it, checks its hash, puts the names back and makes it a
git repository, so that `bench init` takes it like any other. ERPNext, HRMS and CRM are not to be had this way.

The wheel has the sources of Desk's assets but neither `package.json` nor the `esbuild/` folder, so `bench build` cannot
run: `assets/build_assets.mjs` builds them from packages of the npm registry, with the versions of that time. There is
no socket.io server, so whatever is live in Desk must work by polling too.

Everything that is particular to this way is here and in `assets/`; the rest of `dev/` knows only `make_frappe_source`,
`build_assets` and `PYTHONS`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from pathlib import Path

from dev.home import REPO, Home
from dev.shell import DevError, clean_environment, run

PACKAGE = "criscostack"
VERSION = "1.0.0"
SHA256 = "dc58aaf29c59b7666edc953596e5b31f77d7286b2ed6b14c6a205b217c210349"
# The wheel pins packages of 2023 (pydantic 2.0, Pillow 9.5) that have no wheels for newer Pythons.
PYTHONS = ((3, 10), (3, 11))
BRANCH = "version-15"

# In this order: each rule may only see what the earlier ones left.
RENAMES = (
	("criscostack", "frappe"),
	("Criscostack", "Frappe"),
	("CRISCOSTACK", "FRAPPE"),
	("criscoerp", "erpnext"),
	("Criscoerp", "ERPNext"),
	("Crisco", "Frappe"),
	("crisco", "frappe"),
	("CRISCO", "FRAPPE"),
)
RENAMED_FILES = {"frappe/utils/brik_helper.py": "frappe/utils/bench_helper.py"}
ASSETS_SOURCE = REPO / "dev/assets"


def make_frappe_source(home: Home) -> Path:
	"""Make a git repository of Frappe in the home, on branch version-15, and return its path."""
	work = home.path / "registry"
	shutil.rmtree(work, ignore_errors=True)
	work.mkdir(parents=True)
	wheel = _download(home, work)
	source = work / "frappe"
	_unpack(wheel, source)
	_write_project_files(wheel, source)
	_commit(home, source)
	wheel.unlink()
	return source


def _download(home: Home, folder: Path) -> Path:
	pip = home.tools / "bin/python"
	run(
		[
			pip,
			"-m",
			"pip",
			"download",
			"-q",
			"--no-deps",
			"--no-binary",
			":none:",
			"-d",
			folder,
			f"{PACKAGE}=={VERSION}",
		],
		env=clean_environment(),
		log=home.logs / "build.log",
	)
	wheel = next(folder.glob("*.whl"))
	found = hashlib.sha256(wheel.read_bytes()).hexdigest()
	if found != SHA256:
		raise DevError(f"{wheel.name} has the hash {found}, not the pinned {SHA256}; it is not used.")
	return wheel


def with_names_back(text: str) -> str:
	for old, new in RENAMES:
		text = text.replace(old, new)
	return text


def _unpack(wheel: Path, source: Path) -> None:
	with zipfile.ZipFile(wheel) as archive:
		for name in archive.namelist():
			if ".dist-info/" in name or name.endswith("/"):
				continue
			target = with_names_back(name)
			target = source / RENAMED_FILES.get(target, target)
			target.parent.mkdir(parents=True, exist_ok=True)
			target.write_bytes(_renamed(archive.read(name)))


def _renamed(data: bytes) -> bytes:
	try:
		return with_names_back(data.decode()).encode()
	except UnicodeDecodeError:  # a picture or a font
		return data


def _write_project_files(wheel: Path, source: Path) -> None:
	"""The wheel lacks pyproject.toml: write one with the wheel's own requirements."""
	with zipfile.ZipFile(wheel) as archive:
		metadata = archive.read(f"{PACKAGE}-{VERSION}.dist-info/METADATA").decode()
	requirements = re.findall(r"^Requires-Dist: (.+)$", metadata, re.MULTILINE)
	requirements.append("setuptools<81")  # for pkg_resources
	requirements.append("pydyf<0.11")  # WeasyPrint 59 makes no PDF with a newer one
	lines = "".join(f"\t{requirement!r},\n" for requirement in requirements)
	(source / "pyproject.toml").write_text(
		"[project]\n"
		'name = "frappe"\n'
		'description = "Frappe Framework, from package registries (see dev/registry_bench.py)"\n'
		'readme = "README.md"\n'
		'requires-python = ">=3.10"\n'
		'dynamic = ["version"]\n'
		f"dependencies = [\n{lines}]\n\n"
		"[build-system]\n"
		'requires = ["flit_core >=3.4,<4"]\n'
		'build-backend = "flit_core.buildapi"\n\n'
		"[tool.bench.dev-dependencies]\n"
	)
	(source / "README.md").write_text("Frappe 15.0.0-dev of August 2023, from package registries.\n")
	(source / ".gitignore").write_text("node_modules\n__pycache__/\n*.pyc\nfrappe/public/dist/\n")


def _commit(home: Home, source: Path) -> None:
	who = {"NAME": "BuildPro", "EMAIL": "dev@localhost", "DATE": "2023-08-31T00:00:00Z"}
	identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
	environment = clean_environment(**identity, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
	for arguments in (
		["init", "-q", "-b", BRANCH],
		["add", "-A"],
		["commit", "-q", "-m", f"Frappe 15.0.0-dev, from {PACKAGE} {VERSION}"],
	):
		run(["git", *arguments], env=environment, cwd=source, log=home.logs / "build.log")


def assets_key() -> str:
	"""Changes whenever the build of the assets does."""
	files = ("package.json", "package-lock.json", "build_assets.mjs")
	return hashlib.sha256(b"".join((ASSETS_SOURCE / name).read_bytes() for name in files)).hexdigest()[:16]


def build_assets(home: Home) -> None:
	"""Build Desk's assets into the bench. Redis may be down: the copy it keeps is then not there to be stale."""
	work = home.path / "assets"
	work.mkdir(parents=True, exist_ok=True)
	for name in ("package.json", "package-lock.json", "build_assets.mjs"):
		shutil.copy(ASSETS_SOURCE / name, work / name)
	environment = clean_environment(BENCH=str(home.bench))
	log = home.logs / "build.log"
	run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], env=environment, cwd=work, log=log)
	run(["node", "build_assets.mjs"], env=environment, cwd=work, log=log)
