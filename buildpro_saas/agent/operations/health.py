"""Operations that look at how a bench's sites answer, and when its machine may restart; they change nothing."""

import time
from pathlib import Path
from typing import Annotated

from pydantic import Field

from buildpro_saas.agent import asking, unattended_updates
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.health_facts import SiteAnswer
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.operations.sites import secret_of

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


@quick
def last_restart_windows(bench: Bench) -> list[float]:
	"""When each window in which the machine may restart by itself began last, in seconds since the epoch; [] where it never does."""
	return unattended_updates.last_restarts(Path("/"), time.time())


@in_thread
def ask_sites(
	bench: Bench,
	progress: Progress,
	sites: list[SiteName],
	port: Port,
	within: Seconds,
	address: str = asking.LOOPBACK,
	is_tls: bool = False,
	ca_file: str = "",
) -> dict[str, SiteAnswer]:
	"""Site → what it answers under its own name at that address, each asked as `ask_site` does. After `within` seconds nobody is asked any more.

	is_tls: over TLS, with its name, as a browser; ca_file: the CA that is trusted in place of the public ones.
	"""
	asked, found = [], {}
	for site in sites:
		try:
			secret = secret_of(bench.site(site))
		except AgentError as error:
			found[site] = asking.lost(str(error), error.hint)
		else:
			asked.append(asking.Asked(site, secret, site, address, port, ca_file if is_tls else None))
	return found | asking.ask(asked, within)
