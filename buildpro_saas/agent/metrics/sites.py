"""Which sites a bench has, and where the database of each is."""

from dataclasses import dataclass

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError, sentence


@dataclass(frozen=True)
class Found:
	"""A site's database and its user. error: a sentence where its configuration says neither."""

	database: str = ""
	user: str = ""
	error: str = ""


def found_on(bench: Bench, names: list[str]) -> dict[str, Found]:
	"""{site: what is known of it} of these sites, whether they are there or not."""
	return {name: _of(bench, name) for name in names}


def _of(bench: Bench, name: str) -> Found:
	try:
		config = bench.site(name).config_in_place()
	except AgentError as error:
		return Found(error=sentence(error))
	database = str(config["db_name"])
	return Found(database, str(config.get("db_user") or database))
