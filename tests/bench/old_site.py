"""A site that is no tenant's, with the framework alone, as an operator's first customer has one; made in seconds."""

import json
import os
import shutil

from cryptography.fernet import Fernet

MARK = "test/old-site"


class OldSite:
	"""A site of the bench that no job of ours has made: it carries no mark."""

	def __init__(self, bench, name: str, sql):
		"""sql: a dump of a site with the framework alone."""
		self.bench, self.name, self.database = bench, name, f"_old_{os.urandom(6).hex()}"
		self.sql = sql

	@property
	def folder(self):
		return self.bench.path / "sites" / self.name

	def make(self) -> "OldSite":
		"""Make it of the dump, and let people work there."""
		from buildpro_saas.agent import door

		here = door.here()
		dump = self.bench.path / "sites" / f".{self.database}"
		dump.mkdir()
		os.link(self.sql, dump / "database.sql")
		of = {"database": self.database, "mark": MARK}
		followed = {"id": self.database, "timeout": 300, "log": print, "checkpoint": lambda: None}
		here.run("load_into_shadow", folder=str(dump), **of, **followed)
		shutil.rmtree(dump)
		here.do("take_place", site=self.name, **of)
		config = self.config()
		own = {key: config[key] for key in ("db_name", "db_password", "db_type")}
		self.write(
			{**own, "encryption_key": Fernet.generate_key().decode(), "host_name": f"http://{self.name}"}
		)
		with self.bench.its_root() as cursor:
			cursor.execute(f"alter database `{self.database}` comment ''")
		self.call("on_old_site.live")
		return self

	def config(self) -> dict:
		return json.loads((self.folder / "site_config.json").read_text())

	def write(self, config: dict) -> None:
		(self.folder / "site_config.json").write_text(json.dumps(config))

	def call(self, method: str):
		from buildpro_saas.agent.bench import Bench

		return Bench(self.bench.path).site(self.name).call(method)

	def state(self) -> dict:
		"""All that must be the same before and after: tables with their rows and checksums, configuration, files, the mark."""
		from buildpro_saas.agent import door

		manifest = door.here().do("site_manifest", site=self.name)
		files = {
			str(path.relative_to(self.folder)): path.read_bytes()
			for path in sorted(self.folder.rglob("*"))
			if path.is_file() and path.parts[-2] not in ("logs", "locks") and path.name != "site_config.json"
		}
		return {
			"tables": manifest.tables,
			"config": self.config(),
			"files": files,
			"mark": door.here().do("database_mark", name=self.database),
		}

	def remove(self) -> None:
		shutil.rmtree(self.folder, ignore_errors=True)
		with self.bench.its_root() as cursor:
			cursor.execute("select Host from mysql.user where User = %s", (self.database,))
			for (host,) in cursor.fetchall():
				cursor.execute(f"drop user `{self.database}`@`{host}`")
			cursor.execute(f"drop database if exists `{self.database}`")
