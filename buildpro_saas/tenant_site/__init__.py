from buildpro_saas import snapshot_isolation
from buildpro_saas.tenant_site import (
	abandoned_jobs,
	fresh_config,
	installed_apps_guard,
	sandbox,
	strict_names,
)

installed_apps_guard.keep()
fresh_config.keep()
strict_names.keep()
abandoned_jobs.keep()
sandbox.install()
snapshot_isolation.keep_off()
