"""Safe maintenance of the admin site and its benches, all at once: what is due anyway, done now, and told in sentences."""

from collections.abc import Callable

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import bench_trash, clones, drills, exports, renames, shadows
from buildpro_saas.jobs.bench_door import reached

LEAST_ROWS = 1000  # smaller tables are quick however MariaDB reads them
FACTOR = 2  # by which MariaDB's estimate of a table's rows is wrong, before the table is analysed
FULL_TABLES = 200_000  # rows: a larger table is not counted for that


def run(*, with_drill: bool = True) -> list[str]:
	"""Do it, and return a sentence for each piece of work. One that fails is told, and keeps no other. Commits."""
	works: list[tuple[str, Callable[[], str]]] = [
		("What is due to go", _expire),
		("Logs", _prune_logs),
		("Tables", _analyse),
	]
	if with_drill:
		works.append(("Drill", _drill))
	return [f"{title}: {_done(work)}" for title, work in works]


def _done(work: Callable[[], str]) -> str:
	try:
		told = work()
		frappe.db.commit()
		return told
	except Exception as error:
		frappe.db.rollback()
		frappe.log_error(title="saas full")
		frappe.db.commit()
		return f"it failed, and is in the Error Log: {error}"


def _expire() -> str:
	"""What the scheduler removes every ten minutes."""
	shadows.drop_old_shadows()
	exports.remove_expired()
	renames.free_former_names()
	clones.suspend_expired_clones()
	bench_trash.look_into(reached())
	return "old shadows, exports, former names, clones and trash were looked at; what was due has gone."


def _prune_logs() -> str:
	"""Frappe's own pruning, by its Log Settings."""
	settings = frappe.get_doc("Log Settings")
	settings.clear_logs()
	return f"pruned as Log Settings say ({len(settings.logs_to_clear)} kinds)."


def _analyse() -> str:
	"""Have MariaDB count anew the tables of this site of which it has a wrong idea."""
	wrong = [table for table, estimate in _estimates() if _is_wrong(table, estimate)]
	for table in wrong:
		frappe.db.commit()  # the statement ends the transaction
		frappe.db.sql(f"analyze table `{table}`")
	return (
		f"{len(wrong)} were analysed ({', '.join(wrong)})." if wrong else "MariaDB knows how large they are."
	)


def _estimates() -> list[tuple[str, int]]:
	"""(table, rows as MariaDB believes) of this site's own database; of large ones MariaDB's idea is good enough."""
	return frappe.db.sql(
		"select table_name, table_rows from information_schema.tables where table_schema = database()"
		" and engine = 'InnoDB' and table_rows < %s",
		(FULL_TABLES,),
	)


def _is_wrong(table: str, estimate: int) -> bool:
	if "`" in table:
		return False
	((rows,),) = frappe.db.sql(f"select count(*) from `{table}`")
	larger, smaller = max(rows, estimate or 0), min(rows, estimate or 0)
	return larger >= LEAST_ROWS and larger > FACTOR * max(smaller, 1)


def _drill() -> str:
	"""Start the drill of the tenant whose last one is the oldest."""
	name = drills.next_in_line()
	if not name:
		return "no tenant has a backup that could be tried."
	try:
		job = drills.start(name)
	except (AgentError, frappe.ValidationError) as error:
		return f"that of {name} was not started: {error}"
	return f"{job} tries the newest backup of {name}."
