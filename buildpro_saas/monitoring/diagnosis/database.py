"""MariaDB as the site meets it. Pure."""

from buildpro_saas.agent import errors
from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts, span
from buildpro_saas.monitoring.diagnosis.layers import MARIADB
from buildpro_saas.monitoring.diagnosis.seen import Seen, ok, unknown, wrong

WAITS, OPEN, SLOW = 2, 60, 10  # seconds: a wait for a lock, a transaction that is open, a statement
NEARLY = 0.9  # of the connections that it allows
OFTEN = "Who waits gives up after `innodb_lock_wait_timeout` (50 s), and people see an error."
MEND = {
	faults.DATABASE_DOWN: "Start MariaDB (`systemctl start mariadb`); its error log says why it ended.",
	faults.NO_CONNECTIONS: "`show processlist` says whose they are; raise max_connections, or end what hangs: `saas slow TENANT`.",
	faults.PASSWORD_WRONG: (
		"db_name and db_password of site_config.json must be those of MariaDB: put back the site's own file, or give the database user that"
		" password as MariaDB's root."
	),
	faults.DATABASE_MISSING: (
		"Does site_config.json name another database than the site's own? Put back its own file. Else find out who took the database away:"
		" `saas drift`, `saas trash`; `saas restore-lost TENANT`."
	),
	faults.DATABASE_DISK_FULL: "Make room: `saas disk-usage` says what may go.",
}
OF_TROUBLE = {
	errors.AWAY: faults.DATABASE_DOWN,
	errors.LATE: faults.DATABASE_DOWN,
	errors.NO_CONNECTION: faults.NO_CONNECTIONS,
	errors.NO_DATABASE: faults.DATABASE_MISSING,
	errors.DENIED: faults.PASSWORD_WRONG,
	errors.FULL: faults.DATABASE_DISK_FULL,
}


def look(facts: Facts) -> list[Seen]:
	"""What was seen of MariaDB."""
	found = facts.look("mariadb")
	if found["fault"]:
		if found.get("is_late"):
			told = f"MariaDB gives no answer: {found['fault']}."
			return [wrong(MARIADB, faults.DATABASE_DOWN, told, MEND[faults.DATABASE_DOWN])]
		return [unknown(MARIADB, f"It was not asked: {found['fault']}")]
	server, site = found["server"], found["site"]
	kept_out = _kept_out(facts, server, site)
	told = [*kept_out, *_writes(server), *_locks(found["locks"]), *_slow(found), *_crowd(server)]
	if not any(each.state == "wrong" for each in told):
		seen = (
			f"{server['connections']} of {server['most_connections']} connections"
			if "most_connections" in server and "connections" in server
			else ""
		)
		says = f"It lets the site in{f'; {seen}' if seen else ''}."
		told = [ok(MARIADB, says, *filter(None, (server.get("version"),))), *told]
	return told


def _kept_out(facts: Facts, server: dict, site: dict) -> list[Seen]:
	trouble, says = site["trouble"], site["says"]
	if server["trouble"] in (errors.AWAY, errors.LATE, errors.NO_CONNECTION):
		trouble, says = server["trouble"], server["says"]
	elif trouble and site["has_database"] is False:
		trouble = errors.NO_DATABASE
	if not trouble:
		return []
	name = facts.look("folder").get("told", {}).get("db_name", "")
	told = {
		faults.DATABASE_DOWN: f"MariaDB does not answer: {says}.",
		faults.NO_CONNECTIONS: f"MariaDB takes no further connection: {says}.",
		faults.PASSWORD_WRONG: f"MariaDB does not let the site in: {says}.",
		faults.DATABASE_MISSING: f"The database {name} is not there.",
		faults.DATABASE_DISK_FULL: f"MariaDB cannot write: {says}.",
	}
	if not (fault := OF_TROUBLE.get(trouble)):
		return [unknown(MARIADB, f"MariaDB says: {says}.")]
	return [wrong(MARIADB, fault, told[fault], MEND[fault])]


def _writes(server: dict) -> list[Seen]:
	found = []
	if server.get("is_read_only"):
		how = (
			"As MariaDB's root: `set global read_only = 0`, unless it is a replica; look in its my.cnf, too."
		)
		found.append(wrong(MARIADB, faults.READ_ONLY, "MariaDB is read-only: nobody can save anything.", how))
	disk = server.get("disk") or {}
	if disk and disk["free_bytes"] < 100 * 10**6:
		told = f"The disk of MariaDB has {disk['free_bytes'] // 10**6} MB free."
		found.append(wrong(MARIADB, faults.DATABASE_DISK_FULL, told, MEND[faults.DATABASE_DISK_FULL]))
	return found


def _locks(locks: dict) -> list[Seen]:
	if locks["says"]:
		return [unknown(MARIADB, f"Locks were not seen: {locks['says']}.")]
	waits = [each for each in locks["waits"] if each["seconds"] >= WAITS]
	tables = [each for each in locks["tables"] if each["seconds"] >= WAITS]
	old = [each for each in locks["open"] if each["seconds"] >= OPEN]
	if waits:
		return [_lock(waits)]
	if tables:
		evidence = [f"{each['state']} for {span(each['seconds'])}: {each['statement']}" for each in tables]
		holders = [_open(each) for each in locks["open"]]
		told = f"{len(tables)} statements of the site wait for a table that somebody holds."
		return [wrong(MARIADB, faults.LOCK_HELD, told, _how(locks["open"]), *evidence, *holders)]
	if old:
		told = f"A transaction of the site has held its rows for {span(old[0]['seconds'])}."
		return [wrong(MARIADB, faults.LOCK_HELD, told, _how(old), *map(_open, old), stops=False)]
	return []


def _lock(waits: list[dict]) -> Seen:
	by = waits[0]["by"]
	whose = "the site's own" if by["is_own"] else "another account's"
	idle = ", which does nothing meanwhile" if by["is_idle"] else f", which is at: {by['statement']}"
	told = f"{len(waits)} statements of the site wait for rows that {whose} connection {by['id']} has held for {span(by['seconds'])}{idle}."
	evidence = [f"waits for {span(each['seconds'])}: {each['statement']}" for each in waits]
	return wrong(MARIADB, faults.LOCK_HELD, told, _how([by]), *evidence, OFTEN)


def _open(each: dict) -> str:
	state = "idle" if each["command"] == "Sleep" else each["statement"]
	return (
		f"connection {each['id']}: open for {span(each['seconds'])}, {each['changed']} rows changed, {state}"
	)


def _how(holders: list[dict]) -> str:
	if not holders:
		return "`show processlist` as MariaDB's root says who holds the table."
	return f"Wait for it; or `saas end-statement TENANT {holders[0]['id']} --whole --why …` ends that connection and takes its changes back."


def _slow(found: dict) -> list[Seen]:
	slow = [each for each in found["statements"] if each["seconds"] >= SLOW]
	waiting = {each["statement"] for each in found["locks"]["waits"]}
	if slow := [each for each in slow if each["statement"] not in waiting]:
		told = f"{len(slow)} statements of the site are at work, the longest for {span(slow[0]['seconds'])}."
		evidence = [f"{each['id']}, {span(each['seconds'])}: {each['statement']}" for each in slow[:5]]
		how = f"`saas slow TENANT` says more; `saas end-statement TENANT {slow[0]['id']} --why …` ends it."
		return [wrong(MARIADB, faults.STATEMENT_SLOW, told, how, *evidence)]
	return []


def _crowd(server: dict) -> list[Seen]:
	most, now = server.get("most_connections"), server.get("connections")
	if not most or now < most * NEARLY:
		return []
	told = f"MariaDB has {now} of {most} connections: others are soon refused."
	return [wrong(MARIADB, faults.NO_CONNECTIONS, told, MEND[faults.NO_CONNECTIONS], stops=False)]
