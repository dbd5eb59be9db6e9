"""The faults that a diagnosis names. docs/site-is-down.md lists them with what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
	"""A fault by its name. stops: people cannot work with the site while it lasts."""

	name: str
	stops: bool = True


NAME_NOT_RESOLVED = Fault("Name not resolved")
WRONG_ADDRESS = Fault("Wrong address")
PORT_CLOSED = Fault("Port does not answer")
CERTIFICATE_WRONG = Fault("Wrong certificate")
CERTIFICATE_EXPIRED = Fault("Certificate expired")
PROXY_DOWN = Fault("Proxy down")
NAME_NOT_SERVED = Fault("Name not served by the proxy")
WEB_DOWN = Fault("Web workers dead")
WEB_BUSY = Fault("Web workers busy")

FOLDER_MISSING = Fault("Site's folder missing")
CONFIG_MISSING = Fault("site_config.json missing")
CONFIG_BROKEN = Fault("site_config.json broken")
IN_MAINTENANCE = Fault("Maintenance left on")
HELD = Fault("Site held by a job")
APP_MISSING = Fault("App missing")
ASSETS_MISSING = Fault("Assets missing")
MIGRATE_PENDING = Fault("Migrate pending", stops=False)

DATABASE_DOWN = Fault("MariaDB down")
NO_CONNECTIONS = Fault("MariaDB out of connections")
PASSWORD_WRONG = Fault("Wrong database password")
DATABASE_MISSING = Fault("Database missing")
READ_ONLY = Fault("MariaDB read-only")
DATABASE_DISK_FULL = Fault("MariaDB's disk full")
LOCK_HELD = Fault("Lock held")
STATEMENT_SLOW = Fault("Slow statement", stops=False)

REDIS_DOWN = Fault("Redis down")
REDIS_FULL = Fault("Redis full")
REDIS_CANNOT_SAVE = Fault("Redis cannot save")

SCHEDULER_DOWN = Fault("Scheduler dead", stops=False)
SCHEDULER_OFF = Fault("Scheduler off", stops=False)
SCHEDULER_PAUSED = Fault("Scheduler paused", stops=False)
SCHEDULER_DORMANT = Fault("Scheduler dormant", stops=False)
SCHEDULER_STUCK = Fault("Scheduler stuck", stops=False)
NO_WORKER = Fault("Worker missing", stops=False)
QUEUE_STUCK = Fault("Queue held up", stops=False)
JOB_LOST = Fault("Job of a dead worker", stops=False)
MAIL_BROKEN = Fault("Mail account broken", stops=False)
MAIL_FAILED = Fault("Mails failed", stops=False)
MAIL_WAITS = Fault("Mails wait", stops=False)

DISK_FULL = Fault("Disk full", stops=False)
INODES_GONE = Fault("Inodes gone", stops=False)
MEMORY_LOW = Fault("Memory low", stops=False)
CLOCK_OFF = Fault("Clock off", stops=False)

ENTITLEMENT_EXPIRED = Fault("Entitlement expired")
ENTITLEMENT_IN_GRACE = Fault("Entitlement in its grace", stops=False)
ENTITLEMENT_INVALID = Fault("Entitlement does not count")
NOT_DELIVERED = Fault("Entitlement not delivered", stops=False)
SUSPENDED = Fault("Suspended")
LIMIT_REACHED = Fault("Limit reached", stops=False)
NO_SITE = Fault("Tenant without a site in use")
JOB_FAILED = Fault("Job failed", stops=False)
ANSWERS_WRONG = Fault("Site answers wrongly")
