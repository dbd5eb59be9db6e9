"""What an app's code on disk says of the sites it makes: two equal fingerprints make equal sites."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import frappe

from buildpro_saas.agent.bench import Bench

# What Frappe brings from files into a site's database when it installs or migrates an app: records of modules (doctypes,
# reports, workspaces, …: <module>/<kind>/<name>/<name>.json), customisations, fixtures, patches, and the app's hooks.
SOURCES = ("patches.txt", "modules.txt", "hooks.py", "fixtures/*.json", "*/custom/*.json", "*/*/*/*.json")


@dataclass(frozen=True)
class Fingerprint:
	"""One app as it is on disk. `schema` is a digest of SOURCES."""

	app: str
	version: str
	commit: str
	schema: str

	@classmethod
	def of(cls, bench: Bench, app: str) -> "Fingerprint":
		"""Read from the bench's disk."""
		facts = bench.app(app)
		return cls(
			app, facts.version, facts.commit, schema_digest(Path(frappe.get_module(app).__file__).parent)
		)


def fingerprints(bench: Bench, apps: list[str]) -> list[dict]:
	"""One {"app", "version", "commit", "schema"} for each app, in the given order."""
	return [asdict(Fingerprint.of(bench, app)) for app in apps]


def schema_digest(package: Path) -> str:
	"""Digest of the files that SOURCES names in an app's Python package: their paths and contents."""
	digest = hashlib.sha256()
	for file in sorted({file for pattern in SOURCES for file in package.glob(pattern)}):
		digest.update(f"{file.relative_to(package)}\0".encode())
		digest.update(hashlib.sha256(file.read_bytes()).digest())
	return digest.hexdigest()[:32]
