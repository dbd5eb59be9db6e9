"""What is on the bench. The admin site compares it with its records."""

from buildpro_saas.agent import account, actual_state, database_dump
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Inventory
from buildpro_saas.agent.operations.operation import quick
from buildpro_saas.agent.site_use import signs_of_use


@quick
def take_inventory(bench: Bench, prefix: str) -> Inventory:
	"""List what is on the bench and on its database server. prefix: how the marks begin that are wanted."""
	with server(account.read(bench)) as mariadb:
		return actual_state.take(bench, mariadb, prefix)


@quick
def find_filled_databases(bench: Bench, names: list[str]) -> list[str]:
	"""Which of these databases hold tables."""
	with server(account.read(bench)) as mariadb:
		return [name for name in names if mariadb.has_tables(name)]


@quick
def find_used_databases(bench: Bench, names: list[str]) -> dict[str, str]:
	"""{database: what shows that people have used it}, for those of these databases that show it."""
	with server(account.read(bench)) as mariadb:
		signs = {name: signs_of_use(mariadb, name) for name in sorted(names)}
	return {name: sign for name, sign in signs.items() if sign}


@quick
def drop_set_aside(bench: Bench, name: str) -> None:
	"""Drop a database in which a dump that was killed had set tables aside. Repeatable. Left alone where a dump is at work there."""
	with server(account.read(bench)) as mariadb:
		database_dump.drop_aside(mariadb, name)
