"""What may be asked of a bench: named operations, in a file each by their subject."""

from buildpro_saas.agent.operations import (  # noqa: F401 - they register
	backups,
	bench,
	binary_logs,
	code,
	databases,
	drift,
	exports,
	in_place,
	intake,
	migrations,
	offsite,
	proxy,
	recovery,
	removals,
	renames,
	restores,
	shadows,
	site_copies,
	sites,
	trash,
)
