"""Checks of a bench, its machine and its servers."""

from collections.abc import Iterator

from buildpro_saas.monitoring.checks.check import (
	BENCH,
	CRITICAL,
	INFO,
	MACHINE,
	MARIADB,
	REDIS,
	SERVICE,
	WARNING,
	WORKERS,
	Check,
	Finding,
	benches_with,
	missed,
)

GB = 10**9
# Shares of a disk, of its inodes, of MariaDB's connections, of a Redis' memory.
DISK_LOW, DISK_OUT = 0.10, 0.04
NEARLY, ALMOST = 0.80, 0.95
MEMORY = 0.90
LONGEST_WAIT = 15 * 60  # seconds that the oldest job of a queue waits
SKEW = 120  # seconds between two clocks
SOON = 7  # days until a disk is full
CACHE = "redis_cache"
PARTS = {
	MACHINE: "its machine",
	REDIS: "its Redis servers",
	WORKERS: "its queues and workers",
	"sites": "its sites' schedulers and mail",
	"answers": "its sites' answers",
}
MARIADB_DOWN, REDIS_DOWN, UNSEEN = "mariadb.down", "redis.down", "bench.unseen"


def mariadb_of(bench: str) -> str:
	"""The subject of what is wrong with the MariaDB of a bench."""
	return f"MariaDB of {bench}"


def redis_of(bench: str, server: str) -> str:
	"""The subject of what is wrong with a Redis of a bench."""
	return f"{server} of {bench}"


def unseen(facts: dict) -> Iterator[Finding]:
	"""Benches that do not answer the admin site at all."""
	for name, bench in facts["benches"].items():
		if bench.get("missed"):
			yield Finding(
				*(UNSEEN, BENCH, name, f"Nothing is known of the bench {name}: {bench['missed']}"),
				bench.get("advice") or "See that its folder and its Python are there: `saas doctor` asks it.",
				severity=CRITICAL,
				bench=name,
			)


def blind(facts: dict) -> Iterator[Finding]:
	"""Parts of a bench that could not be looked at, for a reason that is no finding of its own."""
	for name, bench in facts["benches"].items():
		if bench.get("missed"):
			continue
		for part, words in PARTS.items():
			why = missed(bench, part)
			if why and not (bench.get(part) or {}).get("is_told"):
				yield Finding(
					*(
						"bench.blind",
						BENCH,
						f"{name}: {part}",
						f"Of the bench {name}, {words} were not seen: {why}",
					),
					"Nothing is done by itself on what is not known. See the sentence, and `saas doctor`.",
					bench=name,
				)


def mariadb_down(facts: dict) -> Iterator[Finding]:
	"""A MariaDB that does not let the bench in."""
	for name, bench in facts["benches"].items():
		why = (bench.get(MARIADB) or {}).get("missed")
		if why and not bench.get("missed"):
			yield Finding(
				*(
					MARIADB_DOWN,
					SERVICE,
					mariadb_of(name),
					f"The MariaDB of the bench {name} does not answer: {why}",
				),
				"Look at `systemctl status mariadb` and its log, and start it; a full disk or too little memory stops it.",
				severity=CRITICAL,
				bench=name,
			)


def mariadb_limits(facts: dict) -> Iterator[Finding]:
	"""Connections that run out, and a server that takes no writes."""
	for name, bench in benches_with(facts, MARIADB):
		seen = bench[MARIADB]
		share = seen["connections"] / max(seen["max_connections"], 1)
		if share >= NEARLY:
			yield Finding(
				*("mariadb.connections", SERVICE, mariadb_of(name)),
				f"{seen['connections']} of the {seen['max_connections']} connections of the MariaDB of {name} are taken.",
				"See `show processlist`; raise max_connections, or have fewer web processes and workers.",
				severity=CRITICAL if share >= ALMOST else WARNING,
				bench=name,
			)
		if seen["is_read_only"]:
			yield Finding(
				*(
					"mariadb.read_only",
					SERVICE,
					mariadb_of(name),
					f"The MariaDB of {name} is read-only: nobody can save.",
				),
				"Find out who set read_only; where it is no replica: `set global read_only = 0`.",
				severity=CRITICAL,
				bench=name,
			)


def redis_down(facts: dict) -> Iterator[Finding]:
	"""A Redis that does not answer."""
	for name, bench in benches_with(facts, REDIS):
		for server, seen in bench[REDIS].items():
			if seen.get("error"):
				yield Finding(
					*(REDIS_DOWN, SERVICE, redis_of(name, server)),
					f"{server} of the bench {name} does not answer: {seen['error']}",
					"Start it (`bench start`, or supervisor). Sites answer slowly or not at all meanwhile; jobs wait.",
					severity=CRITICAL,
					bench=name,
				)


def redis_limits(facts: dict) -> Iterator[Finding]:
	"""A Redis that is full and may forget nothing, or that cannot write to its disk."""
	for name, bench in benches_with(facts, REDIS):
		for server, seen in bench[REDIS].items():
			if seen.get("error"):
				continue
			# a cache forgets what is old
			if server != CACHE and seen["most"] and seen["used"] >= MEMORY * seen["most"]:
				yield Finding(
					*("redis.memory", SERVICE, redis_of(name, server)),
					f"{server} of {name} holds {seen['used'] / GB:.2f} of {seen['most'] / GB:.2f} GB that it may, and then refuses what is more.",
					"See which queue is long (`saas health`); raise maxmemory.",
					bench=name,
				)
			if not seen["is_saved"]:
				yield Finding(
					*("redis.persistence", SERVICE, redis_of(name, server)),
					f"{server} of {name} could not write its data to the disk.",
					"See its log and the room on its disk: a restart would lose what it holds.",
					bench=name,
				)


def workers(facts: dict) -> Iterator[Finding]:
	"""Queues without a worker, and workers whose process is gone."""
	for name, bench in benches_with(facts, WORKERS):
		for queue, seen in bench[WORKERS]["queues"].items():
			if not seen["workers"]:
				yield Finding(
					*("workers.missing", SERVICE, f"Queue {queue} of {name}"),
					f"No worker takes jobs of the queue {queue} of {name}; {seen['waiting']} wait.",
					"Start it (`bench start`, or `supervisorctl status` and `restart`), and see its log for why it ended.",
					severity=CRITICAL,
					bench=name,
				)
			elif (seen["oldest"] or 0) > LONGEST_WAIT:
				yield Finding(
					*("workers.waiting", SERVICE, f"Queue {queue} of {name}"),
					f"The oldest of {seen['waiting']} jobs in the queue {queue} of {name} has waited for {seen['oldest'] / 60:.0f} minutes.",
					"See RQ Job for what is at work; a job that takes all workers can be ended there. Or start more workers.",
					bench=name,
				)
		if dead := bench[WORKERS]["dead"]:
			yield Finding(
				*("workers.dead", BENCH, name),
				f"{len(dead)} of the workers of {name} died without a word: {', '.join(dead)}.",
				"Their queues have others, or an alert of their own. See the kernel's log for want of memory.",
				severity=INFO,
				bench=name,
			)


def disks(facts: dict) -> Iterator[Finding]:
	"""Room and inodes that run out, now or soon."""
	for name, bench in benches_with(facts, MACHINE):
		for disk in bench[MACHINE]["disks"]:
			for what, free, total, least in (
				("room", disk["free"], disk["total"], disk["least"]),
				("inodes", disk["inodes_free"], disk["inodes"], 0.0),
			):
				left = f"{free / GB:.1f} GB" if what == "room" else f"{free} inodes"
				if total and free < max(DISK_LOW * total, least):
					is_out = free < DISK_OUT * total
					yield _disk(
						name,
						disk,
						what,
						f"{left} ({free / total:.0%}) are left",
						CRITICAL if is_out else WARNING,
					)
				elif what == "room" and disk["full_in"] is not None and disk["full_in"] < SOON:
					yield _disk(
						name,
						disk,
						"forecast",
						f"{left} are left, for {disk['full_in']:.0f} days as it goes on,",
						WARNING,
					)


def _disk(bench: str, disk: dict, what: str, said: str, severity: str) -> Finding:
	return Finding(
		*(
			f"disk.{what}",
			BENCH,
			f"{bench}: {disk['place']}",
			f"{said} on the disk of {disk['place']} of {bench}.",
		),
		"Free some: `saas shadows`, `saas trash`, old logs; `saas full` takes away what is due. Or enlarge the disk.",
		severity=severity,
		bench=bench,
	)


def clocks(facts: dict) -> Iterator[Finding]:
	"""Clocks that disagree: entitlements, certificates and backups go by them."""
	for name, bench in benches_with(facts, MACHINE):
		if abs(skew := bench[MACHINE]["clock"]) > SKEW:
			way = "ahead of" if skew > 0 else "behind"
			yield Finding(
				*(
					"clock",
					BENCH,
					name,
					f"The clock of the machine of {name} is {abs(skew):.0f} s {way} this one's.",
				),
				"Switch time synchronisation on: `timedatectl set-ntp true`, or chrony.",
				bench=name,
			)


CHECKS = (
	Check("Benches answer", unseen, (UNSEEN,)),
	Check("Benches can be looked at", blind, ("bench.blind",), looks=3),
	Check("MariaDB answers", mariadb_down, (MARIADB_DOWN,)),
	Check("MariaDB's limits", mariadb_limits, ("mariadb.connections", "mariadb.read_only"), needs=MARIADB),
	Check("Redis answers", redis_down, (REDIS_DOWN,), needs=REDIS),
	Check("Redis' limits", redis_limits, ("redis.memory", "redis.persistence"), needs=REDIS),
	Check(
		"Workers and queues", workers, ("workers.missing", "workers.waiting", "workers.dead"), needs=WORKERS
	),
	Check(
		"Room on the disks",
		disks,
		("disk.room", "disk.inodes", "disk.forecast"),
		needs=MACHINE,
		stands_off=False,
	),
	Check("Clocks", clocks, ("clock",), needs=MACHINE),
)
