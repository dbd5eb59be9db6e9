from buildpro_saas import framework, snapshot_isolation
from buildpro_saas.tenant_site import (
	abandoned_jobs,
	fresh_config,
	installed_apps_guard,
	sandbox,
	strict_names,
	swapped_away,
	unchanged_defaults,
)

installed_apps_guard.keep()
fresh_config.keep()
strict_names.keep()
swapped_away.keep()
abandoned_jobs.keep()
unchanged_defaults.keep()
sandbox.install()
snapshot_isolation.keep_off()
framework.ask_hooks_of_all_doctypes()
