"""Our own jobs on the site, and what was changed last: what was done just before is often the reason. Pure."""

from buildpro_saas.monitoring.diagnosis import faults
from buildpro_saas.monitoring.diagnosis.facts import Facts, span
from buildpro_saas.monitoring.diagnosis.layers import JOBS
from buildpro_saas.monitoring.diagnosis.seen import Seen, ok, unknown, wrong


def look(facts: Facts) -> list[Seen]:
	"""What was seen of jobs and changes."""
	records = facts.records
	if not records:
		return [unknown(JOBS, f"The records were not read: {facts.records_fault}")]
	changes = [f"{span(each['ago'])} ago: {each['what']}" for each in records["changes"]]
	at_work = [
		f"{job['name']} {job['title']}: {job['status']} for {span(job['ago'])}" for job in records["at_work"]
	]
	if failed := records["failed"]:
		told = f"The last job of the tenant failed {span(failed['ago'])} ago: {failed['title']} ({failed['name']})."
		how = f"`saas job {failed['name']}` says why; then `saas retry {failed['name']}`, or `saas cancel {failed['name']}`."
		return [wrong(JOBS, faults.JOB_FAILED, told, how, *at_work, *changes)]
	if at_work:
		return [ok(JOBS, f"{len(at_work)} of our jobs are at the site.", *at_work, *changes)]
	return [
		ok(JOBS, f"Changed last: {changes[0]}" if changes else "Nothing was changed on record.", *changes[1:])
	]
