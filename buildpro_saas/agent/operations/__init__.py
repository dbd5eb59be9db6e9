"""What may be asked of a bench: named operations, in a file each by their subject."""

from buildpro_saas.agent.operations import bench, databases, drift, site_copies, sites, trash  # noqa: F401 - they register
