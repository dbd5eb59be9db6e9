"""What is on the bench, to be held against the admin site's records."""

from buildpro_saas.agent import account, actual_state
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Inventory
from buildpro_saas.agent.operations.operation import quick
from buildpro_saas.agent.site_use import signs_of_use


@quick
def take_inventory(bench: Bench, prefix: str) -> Inventory:
	"""Look at the bench and at its database server; prefix: how the marks begin that are to be told from others."""
	with server(account.read(bench)) as mariadb:
		return actual_state.take(bench, mariadb, prefix)


@quick
def find_filled_databases(bench: Bench, names: list[str]) -> list[str]:
	"""Those of these databases that hold tables."""
	with server(account.read(bench)) as mariadb:
		return [name for name in names if mariadb.has_tables(name)]


@quick
def find_used_databases(bench: Bench, names: list[str]) -> dict[str, str]:
	"""{database: what shows that people have used it} of those of these databases of which something does."""
	with server(account.read(bench)) as mariadb:
		signs = {name: signs_of_use(mariadb, name) for name in sorted(names)}
	return {name: sign for name, sign in signs.items() if sign}
