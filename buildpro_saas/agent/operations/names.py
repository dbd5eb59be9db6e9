"""Types of what specifications name: a site's folder is never anywhere but where sites are."""

from typing import Annotated, Literal

from pydantic import Field

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.facts import IMAGES, PLACES, SITE_NAME, STANDBY
from buildpro_saas.agent.site import Site

SiteName = Annotated[str, Field(pattern=f"^{SITE_NAME}$")]
Place = Literal[PLACES]
# How a function is called by name, as Frappe does: package.module.function.
Method = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
Mark = Annotated[str, Field(min_length=1)]


def site_at(bench: Bench, site: str, place: str = "") -> Site:
	"""The site of that name among the bench's sites, or among what is kept below them."""
	return {"": bench.site, IMAGES: bench.image, STANDBY: bench.standby}[place](site)
