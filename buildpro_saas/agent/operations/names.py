"""Types of what a specification names. They keep a site's folder where sites are."""

from typing import Annotated, Literal

from pydantic import Field

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.facts import IMAGES, PLACES, SHADOWS, SITE_NAME, STANDBY
from buildpro_saas.agent.site import Site

SiteName = Annotated[str, Field(pattern=f"^{SITE_NAME}$")]
Place = Literal[PLACES]
# How a function is called by name, as Frappe does: package.module.function.
Method = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
Mark = Annotated[str, Field(min_length=1)]


def site_at(bench: Bench, site: str, place: str = "") -> Site:
	"""The site of that name among the bench's sites (place ""), its images, its standby sites or its shadows."""
	of_place = {"": bench.site, IMAGES: bench.image, STANDBY: bench.standby, SHADOWS: bench.shadow}
	return of_place[place](site)
