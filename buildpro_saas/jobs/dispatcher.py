"""Sends the jobs that wait for a bench to its queue, as many as there are slots. It runs after commits, and never raises."""

import frappe
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas.agent.errors import AgentError, hint_for
from buildpro_saas.jobs import after_commit, memory, queue, registry
from buildpro_saas.jobs.ending import ACTIVE, UNFINISHED, change, end, end_without_playbook
from buildpro_saas.jobs.named_locks import named_lock
from buildpro_saas.jobs.playbook import Needs
from buildpro_saas.jobs.turns import Claim, Memory, admitted, is_impatient

WAIT = 10  # seconds for another dispatch of the same bench to finish
FIELDS = (
	"name",
	"tenant",
	"playbook",
	"status",
	"holds",
	"priority",
	"creation",
	"run_after",
	"cancel_requested",
	"alone",
	"enqueued_at",
)


def dispatch(bench: str) -> None:
	"""Send the bench's waiting jobs to their queue, as many as there are slots: the highest priority first, then the oldest.

	Called after every commit that makes or ends a job, and every minute. It never raises: what its caller did is committed, and the
	next minute tries again. While Redis is away, jobs go on waiting. A job that cannot be sent ends with a sentence, and the others
	go.
	"""
	with (
		after_commit.never_raising(f"Sending the jobs of {bench}"),
		named_lock("dispatch", bench, wait=WAIT) as is_ours,
	):
		if is_ours:
			frappe.db.commit()  # a fresh snapshot, taken under the lock
			_send_all(bench)


def _send_all(bench: str) -> None:
	tried: set[str] = set()
	if not frappe.db.exists("Bench", bench):
		waiting = {"bench": bench, "status": "Waiting"}
		for job in frappe.get_all("Provisioning Job", waiting, FIELDS):
			_fail(job, AgentError(f"There is no bench {bench} on record any more.", "Cancel the job."))
		return
	doc = frappe.get_doc("Bench", bench)
	slots = queue.slots(doc)
	# a job that could not go leaves its slot to the next
	while jobs := [job for job in _next_jobs(bench, slots, tried) if job.name not in tried]:
		for job in jobs:
			tried.add(job.name)
			try:
				_try(job, doc)
			except Exception as error:
				if queue.is_away(error):
					raise
				frappe.db.rollback()
				frappe.log_error(title=f"Sending {job.name}")
				frappe.db.commit()


def _try(job, bench) -> None:
	"""Send the job, or end it with the reason. Raises where Redis is away: then no job can go."""
	try:
		if not bench.is_reachable:
			raise AgentError(
				f"The bench {bench.name} cannot be reached from this site.",
				"Register it with `saas add-bench PATH`, then press Retry.",
			)
		_send(job, queue.name_for(bench, registry.get(job.playbook)))
	except Exception as error:
		frappe.db.rollback()
		if queue.is_of_redis(error):
			raise  # it says nothing about the job, which goes on waiting
		_fail(job, error)


def _send(job, queue_name: str) -> None:
	"""Mark the job Queued, commit, and wake a worker. Set it back to Waiting when Redis does not take it."""
	is_waiting = change(job.name, ("Waiting",), status="Queued", enqueued_at=now_datetime())
	frappe.db.commit()
	if not is_waiting:
		return
	try:
		queue.forget(job.name)
		queue.put(job.name, queue_name, registry.get(job.playbook).timeout)
	except Exception:
		# where only Redis's answer was lost, a worker may be at it, or done with it, by now
		change(job.name, ("Queued",), status="Waiting")
		frappe.db.commit()
		raise


def _fail(job, error: Exception) -> None:
	"""End a waiting job (row) that no worker can take. Commits."""
	playbook = registry.find(job.playbook)
	end(
		job.name,
		playbook,
		"Failed",
		tenant_status=playbook and playbook.tenant_when_failed,
		error=str(error) if isinstance(error, AgentError) else f"{type(error).__name__}: {error}",
		hint=hint_for(error) or "Mend the cause, then press Retry.",
	)


# -- whose turn it is ----------------------------------------------------------------------------------------------


def _next_jobs(bench: str, slots: int, unsendable: frozenset | set = frozenset()) -> list:
	"""The waiting jobs that may go now (turns.admitted): what they need is free, and heavy ones have a slot.

	A quiet job (nobody waits for it, its priority is negative) takes an idle slot. One slot is always left to other jobs. With one slot
	only, it goes when no tenant's job is at work or waits, or once it has waited for turns.PATIENCE.
	"""
	unfinished = frappe.get_all("Provisioning Job", {"bench": bench, "status": ("in", UNFINISHED)}, FIELDS)
	active = [job for job in unfinished if job.status in ACTIVE]
	waiting = [job for job in _in_order(unfinished) if job.name not in unsendable and _has_playbook(job)]
	heavy = [job for job in active if _is_heavy(job.playbook) or job.alone]
	of_tenants = any(job.tenant for job in [*active, *waiting])
	quiet = (slots - 1 if slots > 1 else int(not of_tenants)) - sum(job.priority < 0 for job in heavy)
	holding = [_claim(job) for job in unfinished if job.status in ACTIVE or job.holds]
	wanted = {job.playbook for job in [*heavy, *waiting] if _is_heavy(job.playbook) or job.alone}
	takes = {playbook: memory.expected_mb(bench, playbook) for playbook in wanted}
	claims = [_claim(job, takes.get(job.playbook, 0)) for job in waiting]
	room = _memory(heavy, takes) if any(claim.is_heavy for claim in claims) else None
	chosen = admitted(claims, holding, slots - len(heavy), quiet, room)
	names = {claim.job for claim in chosen}
	return [job for job in waiting if job.name in names]


def _memory(heavy: list, takes: dict[str, float]) -> Memory:
	"""What the heavy jobs that wait may take beside those that run: of one that has just begun, all that it is expected to take is to come."""
	since = add_to_date(now_datetime(), seconds=-memory.GROWING)
	growing = [job for job in heavy if job.enqueued_at and get_datetime(job.enqueued_at) > since]
	to_come = sum(takes[job.playbook] for job in growing)
	return Memory(memory.free_mb() - to_come, len(heavy), any(job.alone for job in heavy))


def _claim(job, takes: float = 0) -> Claim:
	playbook = registry.find(job.playbook)
	needs = playbook.needs if playbook else Needs()
	return Claim(
		job=job.name,
		site=job.tenant if needs.site else None,
		bench=needs.bench,
		is_heavy=_is_heavy(job.playbook) or bool(job.alone),
		is_quiet=_is_quiet(job),
		holds=bool(job.holds),
		memory=takes,
		is_alone=bool(job.alone),
	)


def _has_playbook(job) -> bool:
	"""Whether the job's playbook is there. Otherwise end the job: it must not keep the others from being sent."""
	if registry.find(job.playbook):
		return True
	end_without_playbook(job.name, job.playbook)
	return False


def _is_heavy(playbook: str) -> bool:
	found = registry.find(playbook)
	return found.is_heavy if found else True


def _is_quiet(job) -> bool:
	return job.priority < 0 and not is_impatient(get_datetime(job.creation), now_datetime())


def _in_order(jobs: list) -> list:
	"""The bench's jobs that wait and whose time has come: first those that have waited for turns.PATIENCE, by age; then by priority."""
	now = now_datetime()
	ready = [
		job
		for job in jobs
		if job.status == "Waiting" and (not job.run_after or job.run_after <= now or job.cancel_requested)
	]
	return sorted(ready, key=_turn)


def _turn(job) -> tuple:
	if is_impatient(get_datetime(job.creation), now_datetime()):
		return (0, 0, job.creation, job.name)
	return (1, -job.priority, job.creation, job.name)
