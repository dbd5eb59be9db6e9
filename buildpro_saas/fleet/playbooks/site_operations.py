"""Light work on many sites: cache, maintenance, scheduler, a function."""

from buildpro_saas.fleet import site_operations
from buildpro_saas.fleet.site_works import ClearCache, RunFunction, SetMaintenance, SetScheduler
from buildpro_saas.jobs.batch_runner import for_many
from buildpro_saas.jobs.playbook import BenchUse, Needs

# light work of moments, which must not wait behind heavy jobs
_QUICK = {"is_heavy": False, "queue": "short", "needs": Needs(bench=BenchUse.SHARED)}
CLEAR_CACHE = for_many(site_operations.CLEAR_CACHE, "Clear cache", ClearCache(), **_QUICK)
SET_MAINTENANCE = for_many(site_operations.MAINTENANCE, "Maintenance", SetMaintenance(), **_QUICK)
SET_SCHEDULER = for_many(site_operations.SCHEDULER, "Scheduler", SetScheduler(), **_QUICK)

# any work, as long as it takes
RUN_FUNCTION = for_many(site_operations.FUNCTION, "Run function", RunFunction())
