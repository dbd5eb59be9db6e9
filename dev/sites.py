"""Sites of the bench that dev/ itself needs: the admin sites of the demo and of the tests."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from dev import databases
from dev.bench import OUR_APPS, Bench
from dev.home import read_json

BASE_DOMAIN = "localhost"  # every browser takes *.localhost for this machine (RFC 6761), so no DNS is needed
MIGRATED = ("hooks.py", "patches.txt", "modules.txt")


class AdminSite:
	"""An admin site: a site with buildpro_saas, set up with `saas setup`. Making it goes on where it was interrupted."""

	def __init__(self, bench: Bench, name: str, framework_sql: Path | None = None):
		"""framework_sql: a site with the framework alone, whose Administrator has the same password, to begin with: it takes 2 s, not 18."""
		self.framework_sql = framework_sql
		self.bench = bench
		self.name = name
		self.folder = bench.sites / name

	def make_framework(self) -> None:
		"""The first part of make(): a site with the framework alone, which is also dumped to `framework.sql` of our own bench's home."""
		if not self.folder.exists():
			self.forget()
		self.bench.home.stage(f"site-{self.name}", f"Making the admin site {self.name}", self._make_site)

	def make(self) -> None:
		self.make_framework()
		home = self.bench.home
		stage = f"site-{self.name}"
		schema = app_schema()
		if home.stage(f"{stage}-app", f"Installing buildpro_saas on {self.name}", self._install_app):
			home.mark_done(f"{stage}-schema", schema)
		home.stage(
			f"{stage}-schema", f"Migrating {self.name}: the app's doctypes changed", self._migrate, schema
		)
		# Set up again when the web server's port moved: the Bench doctype has it.
		wanted = [home.ports()["web"], "host_name"]
		home.stage(f"{stage}-setup", f"Setting {self.name} up as the admin site", self._set_up, wanted)

	def _make_site(self) -> None:
		self.drop()
		begun_with = self.framework_sql and self.framework_sql.exists()
		self.bench.secret_command(
			"new-site",
			self.name,
			*("--db-root-password", self.bench.db_root_password()),
			*("--admin-password", self.bench.home.secret("administrator_password")),
			"--no-mariadb-socket",
			*(("--source-sql", str(self.framework_sql)) if begun_with else ()),
		)
		if begun_with:
			shutil.copy(self.framework_sql, self.bench.home.framework_sql)
		elif self.bench.is_ours:
			database = read_json(self.folder / "site_config.json")["db_name"]
			databases.dump(self.bench.home, database, self.bench.home.framework_sql)

	def _install_app(self) -> None:
		# Said beforehand: of several sites on a bench, only the first to get the app would become an admin site.
		self.command("set-config", "buildpro_role", "admin")
		self.command("install-app", "buildpro_saas")
		self.bench.script("quiet_desk.py", self.name)

	def _migrate(self) -> None:
		self.command("migrate", "--skip-search-index")

	def _set_up(self) -> None:
		for key, value in self.bench.site_config().items():
			self.command("set-config", "--parse", key, str(value))
		self.command(
			"saas",
			"setup",
			*("--base-domain", BASE_DOMAIN, "--root-password-stdin"),
			text=self.bench.db_root_password() + "\n",
		)

	def command(self, *arguments: str, text: str | None = None) -> str:
		"""Run a `bench --site NAME …` command and return what it prints."""
		return self.bench.command("--site", self.name, *arguments, text=text)

	def drop(self) -> None:
		"""Remove the site with its database; one that was half made too."""
		drop_site(self.bench, self.name)
		self.forget()

	def forget(self) -> None:
		for stage in ("", "-app", "-schema", "-setup", "-plans"):
			self.bench.home.undo_stage(f"site-{self.name}{stage}")


def app_schema() -> str:
	"""Changes whenever what `bench migrate` brings to a site does: doctypes, fixtures, patches, hooks."""
	folder = OUR_APPS["buildpro_saas"] / "buildpro_saas"
	sources = sorted(path for path in folder.rglob("*") if path.suffix == ".json" or path.name in MIGRATED)
	return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def drop_site(bench: Bench, site: str) -> None:
	"""Remove a site made by dev/ or by the demo: Frappe's own drop-site, without backup and archive."""
	folder = bench.sites / site
	if (folder / "site_config.json").exists():
		options = ("--db-root-password", bench.db_root_password(), "--no-backup", "--force")
		bench.secret_command(
			"drop-site", site, *options, "--archived-sites-path", str(bench.home.path / "dropped")
		)
	shutil.rmtree(folder, ignore_errors=True)
	shutil.rmtree(bench.home.path / "dropped", ignore_errors=True)
