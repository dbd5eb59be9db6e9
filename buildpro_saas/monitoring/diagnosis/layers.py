"""The layers in their order, and which of them a layer needs: where one of those is wrong, the layer is wrong behind it. Pure."""

from dataclasses import replace

from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.seen import WRONG, Seen

DNS, TCP, TLS, PROXY = "DNS", "TCP", "TLS", "Proxy"
WEB, SITE, MARIADB = "Web workers", "Site", "MariaDB"
REDIS_CACHE, REDIS_QUEUE, REDIS_SOCKETIO = "Redis cache", "Redis queue", "Redis socketio"
SCHEDULER, WORKERS, MAIL = "Scheduler", "Workers", "Mail"
DISK, MEMORY, CLOCK = "Disk", "Memory", "Clock"
ENTITLEMENT, LIMITS, JOBS, ANSWER = "Entitlement", "Limits", "Jobs", "Answer"
ORDER = (
	*(DNS, TCP, TLS, PROXY, WEB, SITE, MARIADB, REDIS_CACHE, REDIS_QUEUE, REDIS_SOCKETIO),
	*(SCHEDULER, WORKERS, MAIL, DISK, MEMORY, CLOCK, ENTITLEMENT, LIMITS, JOBS, ANSWER),
)
NEEDS = {
	TCP: (DNS, PROXY),
	TLS: (DNS, TCP, PROXY),
	MARIADB: (DISK,),
	REDIS_CACHE: (DISK,),
	REDIS_QUEUE: (DISK,),
	SCHEDULER: (SITE, MARIADB, REDIS_QUEUE),
	WORKERS: (REDIS_QUEUE, MARIADB),
	MAIL: (SITE, MARIADB, REDIS_QUEUE, SCHEDULER, WORKERS),
	ENTITLEMENT: (SITE, CLOCK),
	LIMITS: (SITE, MARIADB),
	ANSWER: (WEB, SITE, MARIADB, REDIS_CACHE, REDIS_QUEUE, DISK, ENTITLEMENT, JOBS),
}
# These have a cause of their own, whatever else is wrong.
BY_THEMSELVES = {
	each.name
	for each in (
		*(
			faults.NO_WORKER,
			faults.JOB_LOST,
			faults.SCHEDULER_DOWN,
			faults.SCHEDULER_PAUSED,
			faults.MAIL_BROKEN,
		),
		faults.SUSPENDED,
	)
}


def in_order(seen: list[Seen]) -> list[Seen]:
	"""What was seen, layer by layer, each that is wrong since another one is with that in `behind`.

	A layer is behind one that it needs only where that one stops it: a Migrate that is pending makes no database wrong.
	"""
	causes = {each.layer for each in seen if each.state == WRONG and each.stops}
	told = [replace(each, behind=_behind(each, causes)) if each.state == WRONG else each for each in seen]
	return sorted(told, key=lambda each: ORDER.index(each.layer))


def _behind(each: Seen, causes: set[str]) -> str:
	"""The layer at the root of this one's fault; "" for none."""
	if each.fault in BY_THEMSELVES:
		return ""
	layer, passed = each.layer, {each.layer}
	while found := next((need for need in NEEDS.get(layer, ()) if need in causes - passed), None):
		passed.add(found)
		layer = found
	return "" if layer == each.layer else layer
