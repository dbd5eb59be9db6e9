"""Backs a site up in three ways, by turns, and over thirty days in which people work there. Runs in the bench's env, in sites/.

Usage: backup_stores.py ADMIN-SITE SITE FOLDER ROUNDS BENCH-COMMAND…. Prints JSON: {"tables", "dump", "files" (bytes), "sides": {side:
{"first_s", "seconds" [of later ones], "read_back" [seconds], "added" [bytes of each], "all" (bytes)}}}. "Read back" is until the SQL and
the files lie on the disk, uncompressed. SIDES in the environment: which sides, separated by commas.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import frappe

from buildpro_saas.agent import account, door
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_dump import dumping
from buildpro_saas.agent.databases import server

DAYS = 30
RECORDS, FILES, FILE_SIZE = 20_000, 60, 500_000  # that the tenant has on the first day
NEW = {"Version": 60, "Comment": 40, "ToDo": 20}
CHANGED, NEW_FILES = 50, 2
WORDS = (
	"beam column slab rebar footing truss joist girder purlin pour cure inspect approve reject delay".split()
)
KEY = "the-key-of-a-benchmark"

chance = random.Random(30)


class Tenant:
	"""The site, and the work of its people: rows and files as the framework writes them."""

	def __init__(self, site: str):
		self.folder = Path(site)
		self.config = json.loads((self.folder / "site_config.json").read_text())

	def begin(self, cursor) -> None:
		for doctype in NEW:
			self._insert(cursor, doctype, RECORDS // len(NEW))
		for number in range(FILES):
			self._file(f"begin{number}", FILE_SIZE)

	def work(self, cursor, day: int) -> None:
		for doctype, count in NEW.items():
			self._insert(cursor, doctype, count)
		cursor.execute(
			"update tabToDo set description = concat(description, %s), modified = now() order by rand(%s) limit %s",
			(_text(6), day, CHANGED),
		)
		cursor.execute("update tabUser set last_active = now()")
		for number in range(NEW_FILES):
			self._file(f"day{day}_{number}", FILE_SIZE // 2)

	def _insert(self, cursor, doctype: str, count: int) -> None:
		field = {"Version": "data", "Comment": "content", "ToDo": "description"}[doctype]
		rows = [(f"{chance.getrandbits(40):010x}", _text(60)) for _n in range(count)]
		cursor.executemany(
			f"insert ignore into `tab{doctype}` (name, creation, modified, owner, `{field}`) values (%s, now(), now(), 'Administrator', %s)",
			rows,
		)

	def _file(self, name: str, size: int) -> None:
		# pictures and PDFs: they do not compress
		(self.folder / "private/files" / f"{name}.jpg").write_bytes(chance.randbytes(size))


class Frappe:
	"""Frappe's own files."""

	def __init__(self, site: str, folder: Path, command: list[str]):
		self.site, self.folder, self.command = site, folder / "frappe", command
		self.number = 0

	def back_up(self) -> None:
		self.number += 1
		target = self.folder / str(self.number)
		words = ["--site", self.site, "backup", "--with-files", "--backup-path", target.resolve()]
		_run([*self.command, *words])

	def read_back(self, target: Path) -> None:
		found = self.folder / str(self.number)
		(database,) = found.glob("*-database.sql.gz")
		with (target / "database.sql").open("wb") as written:
			_run(["gzip", "-dc", database], stdout=written)
		for archive in found.glob("*files.tar"):
			_run(["tar", "xf", archive, "-C", target])


class Ours:
	"""As a job of ours has it done."""

	def __init__(self, site: str, folder: Path):
		self.site, self.folder = site, folder / "ours"
		self.number = 0
		self.store = {"folder": str(self.folder.resolve()), "store": "ab" * 8, "key": KEY}

	def back_up(self) -> None:
		self.number += 1
		self._do("take_backup", site=self.site, backup=f"{self.number:08x}", wrapped_key="")

	def read_back(self, target: Path) -> None:
		self._do("fetch_backup", backup=f"{self.number:08x}", to=str(target.resolve() / "fetched"))

	def _do(self, name: str, **spec) -> None:
		id = str(time.monotonic_ns())
		door.here().run(name, id=id, timeout=3600, log=print, checkpoint=lambda: None, **self.store, **spec)


class Borg:
	"""The same dump and the same files into borg, without a manifest and without reading anything again."""

	def __init__(self, site: str, folder: Path):
		self.site, self.folder = site, folder / "borg"
		self.number = 0
		self.environment = {
			**os.environ,
			"BORG_PASSPHRASE": KEY,
			"BORG_REPO": str(self.folder.resolve()),
			"BORG_BASE_DIR": str(folder.resolve() / "borg-own"),
		}

	def back_up(self) -> None:
		self.number += 1
		if not self.folder.exists():
			self._run(["borg", "init", "--encryption", "repokey"])
		database = Tenant(self.site).config["db_name"]
		with server(account.read(Bench.here())) as mariadb, dumping(mariadb, database, lambda: None) as dump:
			line = ["borg", "create", "--compression", "zstd", f"::{self.number}-database", "-"]
			with subprocess.Popen(line, stdin=subprocess.PIPE, env=self.environment) as process:
				for block in dump.blocks(lambda: None):
					process.stdin.write(block)
		assert process.returncode == 0
		parts = [f"{self.site}/public/files", f"{self.site}/private/files"]
		self._run(["borg", "create", "--compression", "zstd", f"::{self.number}-files", *parts])

	def read_back(self, target: Path) -> None:
		for part in ("database", "files"):
			self._run(["borg", "extract", f"::{self.number}-{part}"], cwd=target)

	def _run(self, command: list[str], **options) -> None:
		_run(command, env=self.environment, **options)


def _run(command: list, **options) -> None:
	subprocess.run(command, check=True, **{"stdout": subprocess.DEVNULL, **options})


def _text(count: int) -> str:
	return " ".join(chance.choices(WORDS, k=count)) + f" {chance.getrandbits(64):x}"


def size_of(folder: Path) -> int:
	return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(work, *arguments) -> float:
	began = time.monotonic()
	work(*arguments)
	return time.monotonic() - began


def measured(sides: dict, told: dict, folder: Path, rounds: int) -> None:
	"""The first one, then by turns `rounds` of each side, each with its reading back."""
	for name, side in sides.items():
		told[name]["first_s"] = timed(side.back_up)
		told[name]["added"].append(size_of(side.folder))
	for number in range(rounds):
		for name, side in sides.items():
			told[name]["seconds"].append(timed(side.back_up))
			target = folder / f"back-{name}-{number}"
			target.mkdir()
			told[name]["read_back"].append(timed(side.read_back, target))
			shutil.rmtree(target)


def main() -> dict:
	admin, site, folder, rounds, *command = sys.argv[1:]
	frappe.init(site=admin)
	frappe.connect()
	folder, tenant = Path(folder), Tenant(site)
	sides = {"frappe": Frappe(site, folder, command), "ours": Ours(site, folder), "borg": Borg(site, folder)}
	sides = {name: side for name, side in sides.items() if name in os.environ["SIDES"].split(",")}
	told = {name: {"seconds": [], "read_back": [], "added": []} for name in sides}
	with server(account.read(Bench.here())) as mariadb, mariadb.connections(1) as (connection,):
		cursor = connection.cursor()
		cursor.execute(f"use `{tenant.config['db_name']}`")
		tenant.begin(cursor)
		connection.commit()
		measured(sides, told, folder, int(rounds))
		for day in range(1, DAYS):
			tenant.work(cursor, day)
			connection.commit()
			for name, side in sides.items():
				before = size_of(side.folder)
				side.back_up()
				told[name]["added"].append(size_of(side.folder) - before)
		with dumping(mariadb, tenant.config["db_name"], lambda: None) as dump:
			length = sum(map(len, dump.blocks(lambda: None)))
			tables = len(dump.manifest().tables)
	for name in sides:
		told[name]["all"] = sum(told[name]["added"])
	files = sum(path.stat().st_size for path in (tenant.folder / "private/files").iterdir())
	return {"tables": tables, "dump": length, "files": files, "sides": told}


print(json.dumps(main()))
