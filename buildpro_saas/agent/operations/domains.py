"""What a site shows its System Manager of its host names (tenant_site/own_domains.py reads it)."""

from typing import Any

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import quick

FILE = "domains.json"


@quick
def note_domains(bench: Bench, site: SiteName, told: dict[str, Any]) -> None:
	"""Have the site show it. Raises AgentError where there is no such site."""
	folder = bench.site(site)
	folder.config_in_place()
	site_config.write_json(folder.path / FILE, told)
