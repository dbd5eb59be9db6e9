"""All looks at a site of this bench, side by side: however much of it is dead, they end in time."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from buildpro_saas import side_by_side
from buildpro_saas.agent import errors, proxy_upkeep
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.diagnosis import (
	connection,
	folder,
	machine,
	mariadb,
	queues,
	redis_servers,
	site_tables,
	web,
)
from buildpro_saas.agent.diagnosis.connection import connected

PENDING = "buildpro_saas.agent.pending_migration.reasons"


def look(
	bench: Bench, conf: Mapping, site: str, web_port: int, has_proxy: bool, seconds: float
) -> dict[str, dict]:
	"""{look: what it found, with "fault": "", or else why there is nothing to tell}. conf: the bench's configuration.

	has_proxy: whether its proxy is to be looked at. seconds: for all of it.
	"""
	work = {
		"folder": lambda: folder.look(bench, site),
		"web": lambda: web.look(site, web_port),
		"mariadb": lambda: mariadb.look(bench, site),
		"tables": lambda: site_tables.look(bench, site),
		"migrate": lambda: {"reasons": _pending(bench, site)},
		"redis": lambda: {"servers": redis_servers.look(conf)},
		"queues": lambda: queues.look(conf, site),
		"machine": lambda: machine.look(bench),
	}
	if has_proxy:
		work["proxy"] = lambda: asdict(proxy_upkeep.state_of(bench))
	return {name: _plain(outcome) for name, outcome in side_by_side.do(work, seconds).items()}


def _pending(bench: Bench, site: str) -> list[str]:
	"""What a migrate has to do. The framework's own connection knows no time limit, so a short one tries first whether there is anybody."""
	config = bench.site(site).config_in_place()
	with connected(connection.of_site(config), str(config["db_name"])):
		return bench.site(site).call(PENDING)


def _plain(outcome: side_by_side.Outcome) -> dict[str, Any]:
	if outcome.fault:
		return {
			"fault": errors.sentence_of_mariadb(outcome.fault),
			"is_late": isinstance(outcome.fault, TimeoutError),
		}
	return {"fault": "", **outcome.value}
