"""What runs beside a bench: for each service its command, its folder, its port and when it is ready."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dev import probes
from dev.home import REPO, Home
from dev.shell import clean_environment

# Frappe's DocTypes are a table each and a tenant has hundreds of them, so the caches hold a few dozen sites' tables.
# Flushing the log once a second instead of at each commit loses at most that second if the machine (not the server)
# dies, which is right for a bench that a make target builds again.
MARIADB_OPTIONS = (
	"--bind-address=127.0.0.1",
	"--character-set-server=utf8mb4",
	"--collation-server=utf8mb4_unicode_ci",
	"--skip-name-resolve",
	"--innodb-buffer-pool-size=256M",
	"--innodb-flush-log-at-trx-commit=2",
	"--max-allowed-packet=256M",
	"--max-connections=300",
	"--table-open-cache=20000",
	"--table-definition-cache=20000",
	"--open-files-limit=65536",
	# well below what the machine allows the process (ulimit -n, 20,000 on some): InnoDB closes the idlest
	"--innodb-open-files=8000",
)
# For tests: what is written is the system's to bring to the disk. All is kept when the server is killed; nothing is promised for
# a machine that dies. Statistics of tables are kept in memory: a quarter of the work of making a site's tables is to write them down.
UNSYNCED_OPTIONS = ("--debug-no-sync", "--innodb-flush-method=nosync", "--innodb-stats-persistent=0")
# For tests of restores to a moment.
LOGGED_OPTIONS = ("--log-bin=binlog", "--binlog-format=ROW", "--server-id=1")
TENANT_QUEUES = "short,default,long"
PROVISIONING_QUEUE = "provisioning"


@dataclass(frozen=True)
class Service:
	"""One process: `argv` run in `cwd`; `port` names its entry in ports.json; `is_ready(pid)` asks it."""

	name: str
	argv: tuple[str, ...]
	cwd: Path
	is_ready: Callable[[int], bool]
	port: str | None = None
	stop_seconds: float = 20
	is_spare: bool = False  # started only when it is named


def services_of(home: Home, bench: Path) -> list[Service]:
	"""The services for this bench in starting order.

	Our own bench (`home.bench`) has all. One that was there before us has its own MariaDB, and gets two Redis servers
	from us: its own workers then never see our sites' jobs, nor ours theirs.
	"""
	is_ours = bench == home.bench
	services = [redis(home, "redis_cache"), redis(home, "redis_queue")]
	if is_ours:
		services.append(mariadb(home))
	services += [
		web(home, bench),
		worker(home, bench, "worker", TENANT_QUEUES),
		worker(home, bench, "provisioning", PROVISIONING_QUEUE),
		# For tests of several jobs at once.
		worker(home, bench, "provisioning_2", PROVISIONING_QUEUE, is_spare=True),
		scheduler(bench, None if is_ours else home.path / "state.json"),
	]
	if is_ours and (bench / "apps/frappe/socketio.js").exists():
		services.append(socketio(home, bench))
	return services


def bench_environment(home: Home, bench: Path) -> dict[str, str]:
	"""The environment of every process of this bench, and of every `bench` command on it."""
	environment = clean_environment(home.tools / "bin", home.bin)
	if bench != home.bench:
		ports = home.ports()
		# Frappe lets these two override common_site_config.json (frappe.get_site_config).
		environment["FRAPPE_REDIS_CACHE"] = f"redis://127.0.0.1:{ports['redis_cache']}"
		environment["FRAPPE_REDIS_QUEUE"] = f"redis://127.0.0.1:{ports['redis_queue']}"
	return environment


def mariadb(home: Home) -> Service:
	port = home.ports()["mariadb"]
	if home.mariadb.exists():
		home.mariadb_temporary.mkdir(exist_ok=True)
	argv = [
		"mariadbd",
		"--no-defaults",
		f"--datadir={home.mariadb}",
		f"--tmpdir={home.mariadb_temporary}",
		# Relative to the data folder: a socket's path may have 107 characters only, and a clone may lie deeper.
		"--socket=mariadb.sock",
		"--pid-file=mariadb.pid",
		f"--port={port}",
		*MARIADB_OPTIONS,
		*(UNSYNCED_OPTIONS if home.unsynced.exists() else ()),
		*(LOGGED_OPTIONS if home.logged.exists() else ()),
	]
	if os.geteuid() == 0:
		argv.append("--user=root")
	return Service(
		"mariadb",
		tuple(argv),
		home.mariadb,
		lambda _: probes.mariadb_answers(port),
		"mariadb",
		stop_seconds=60,
	)


def redis(home: Home, name: str) -> Service:
	"""`redis_cache` keeps nothing over a restart; `redis_queue` saves its data as the bench's own template does."""
	port = home.ports()[name]
	# Debian's redis-tools has the server's program under the name redis-check-rdb; it goes by the name it is called by.
	server = home.bin / "redis-server"
	options = [
		"--bind",
		"127.0.0.1",
		"--port",
		str(port),
		"--dir",
		str(home.redis),
		"--dbfilename",
		f"{name}.rdb",
	]
	if name == "redis_cache":
		options += [
			"--save",
			"",
			"--appendonly",
			"no",
			"--maxmemory",
			"256mb",
			"--maxmemory-policy",
			"allkeys-lru",
		]
	return Service(name, (str(server), *options), home.redis, lambda _: probes.redis_answers(port), name)


def web(home: Home, bench: Path) -> Service:
	port = home.ports()["web"]
	argv = (
		str(bench / "env/bin/gunicorn"),
		*("--bind", f"127.0.0.1:{port}", "--workers", "2", "--worker-class", "gthread", "--threads", "8"),
		*("--timeout", "120", "--graceful-timeout", "10", "--preload"),
		*("--pythonpath", str(REPO / "dev/in_bench"), "wsgi:application"),
	)
	return Service("web", argv, bench / "sites", lambda _: probes.http_answers(port) is not None, "web")


def worker(home: Home, bench: Path, name: str, queues: str, *, is_spare: bool = False) -> Service:
	return Service(
		name,
		(*frappe_command(bench), "worker", "--queue", queues),
		bench / "sites",
		lambda pid: probes.worker_is_registered(home.ports()["redis_queue"], pid),
		stop_seconds=30,
		is_spare=is_spare,
	)


def scheduler(bench: Path, state: Path | None = None) -> Service:
	"""Frappe's scheduler; with the `state` of an existing bench one that looks at our sites on it only."""
	argv = (*frappe_command(bench), "schedule")
	if state:
		argv = (str(bench / "env/bin/python"), str(REPO / "dev/in_bench/schedule_sites.py"), str(state))
	return Service("scheduler", argv, bench / "sites", lambda pid: _has_become(pid, argv[0]))


def socketio(home: Home, bench: Path) -> Service:
	port = home.ports()["socketio"]
	argv = ("node", str(bench / "apps/frappe/socketio.js"))
	return Service("socketio", argv, bench, lambda _: probes.port_answers(port), "socketio")


def frappe_command(bench: Path) -> tuple[str, ...]:
	"""What the `bench` command itself executes for a command of Frappe's, without its second of start-up."""
	return (str(bench / "env/bin/python"), "-m", "frappe.utils.bench_helper", "frappe")


def _has_become(pid: int, program: str) -> bool:
	"""True once the starting process has executed `program`: the scheduler gives no other sign of life."""
	try:
		return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode() == program
	except FileNotFoundError:
		return False
