"""Asks all that there is to ask of a tenant's site, side by side: on the way that visitors come, and on its bench."""

import time

import frappe

from buildpro_saas import side_by_side
from buildpro_saas.agent import door
from buildpro_saas.agent.door import Door
from buildpro_saas.agent.errors import AgentError, sentence
from buildpro_saas.domains import seeing, settings
from buildpro_saas.domains.walk import STAGES, Stage, walk
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.monitoring.diagnosis.facts import Facts, Target

# Seconds: for all looks at a bench, for everything, and what another bench's helper may take to start. Before these, finding out that the
# records cannot be read may take a second and a half (agent.diagnosis): five in all.
LOOKS, ALL, HELPER = 3.0, 3.4, 1.3


def begin_without_hung_cache() -> None:
	"""Have the framework of this process do without a cache that hangs. For a command, before frappe.init."""
	door.do_without_hung_cache()


def own_fault() -> str:
	"""Why this admin site's records cannot be read now, as a sentence, within two seconds; "" where they can. Nothing is connected to."""
	return door.here().do("servers_fault", site=frappe.local.site)


def target_without_records(tenant: str) -> Target:
	"""The tenant's site as this bench's own disk tells. Raises AgentError where it has none."""
	here = door.here()
	if not (site := here.do("site_of_tenant", tenant=tenant)):
		raise AgentError(
			f"The records cannot be read, and no site of this bench is of the tenant {tenant}.",
			"Start what the admin site needs first; or name the site as it is.",
		)
	is_asked = not site.endswith(".localhost")
	port = int(frappe.conf.get("webserver_port") or 8000)
	return Target(tenant, site, "", site, port, is_asked=is_asked)


def gather(target: Target, records: dict, records_fault: str = "") -> Facts:
	"""What is to be seen of the target, within five seconds. records: as records.read has them; {} where records_fault says why."""
	stages: list[Stage] = []
	at_proxy: list[Stage] = []
	work = {}
	if target.is_asked:
		work["way"] = _walking(target, stages, None)
	if target.is_managed:
		work["proxy"] = _walking(target, at_proxy, target.connect_to)
	bench_fault = ""
	try:
		there = door_of(target.bench) if target.bench else door.here()
		work["bench"] = _looking(there, target)
	except AgentError as error:
		bench_fault = _whole(error)
	began = time.time()
	found = side_by_side.do(work, ALL if target.is_local else ALL + HELPER)
	asked = found.get("bench")
	if asked and asked.fault:
		bench_fault = f"The bench did not answer ({sentence(asked.fault)})."
	bench = asked.value if asked and asked.value else {}
	now = bench.get("machine", {}).get("now") or (began if bench else 0.0)
	return Facts(
		target,
		way=_as_far_as_it_came(stages, found.get("way")),
		at_proxy=_as_far_as_it_came(at_proxy, found.get("proxy")),
		bench=bench,
		bench_fault=bench_fault,
		records={**records, "offset": _offset(now, began)} if records else {},
		records_fault=records_fault,
		now=now,
	)


def _walking(target: Target, stages: list[Stage], connect_to: str | None):
	"""A walk to the target's host, whose stages come into the list one by one. What it needs of this site is read now."""
	lookup, ca_file = settings.lookup(), frappe.conf.get(seeing.ISSUER_FILE) or None
	return lambda: walk(
		target.host,
		lookup,
		port=target.https_port,
		http_port=target.http_port,
		ca_file=ca_file,
		connect_to=connect_to,
		redirects_to=target.leads_to,
		told=stages.append,
	)


def _looking(there: Door, target: Target):
	return lambda: there.do(
		"look_at_site",
		site=target.site,
		web_port=target.web_port,
		has_proxy=target.is_managed,
		seconds=LOOKS,
	)


def _as_far_as_it_came(stages: list[Stage], outcome: side_by_side.Outcome | None) -> list[dict]:
	"""The stages as plain data; the one that was under way as the time was over is not well."""
	found = list(stages)
	if outcome and outcome.fault and len(found) < len(STAGES):
		found.append(
			Stage(STAGES[len(found)], False, f"No answer in {outcome.seconds:.0f} s.", outcome.seconds)
		)
	return [vars(stage) for stage in found]


def _offset(now: float, began: float) -> float:
	"""Seconds that the bench's clock is ahead of ours, beyond what the asking itself may have taken."""
	if not now or began <= now <= time.time():
		return 0.0
	return now - (began if now < began else time.time())


def _whole(error: AgentError) -> str:
	return " ".join(filter(None, (str(error), error.hint)))
