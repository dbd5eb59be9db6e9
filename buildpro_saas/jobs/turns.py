"""Whose turn it is: which of the jobs that wait for a bench may go now, and which batch's rows are next.

Plain data in and out; dispatcher.py and batch_rows.py read and write.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from buildpro_saas.jobs.playbook import BenchUse

# Seconds after which priorities alone do not decide any more. No other job passes a job that has waited so long: an image that is
# never built makes each tenant wait. A batch that began so long ago gets every second claim: its rows are many, and what is urgent
# must not wait for all of them.
PATIENCE = 900


class Batch(Protocol):
	"""What is asked of a batch. Of two the higher priority goes first."""

	name: str
	priority: int
	creation: datetime


B = TypeVar("B", bound=Batch)


def is_impatient(creation: datetime, now: datetime) -> bool:
	"""Whether what was made then has waited for PATIENCE."""
	return creation <= now - timedelta(seconds=PATIENCE)


def batches_in_order(batches: Iterable[B], now: datetime, *, is_for_old: bool) -> list[B]:
	"""The batches in the order in which a claim takes rows: by priority, then by age.

	is_for_old: this claim is for those that have waited for PATIENCE. They go first, by age. A runner makes every second claim so: then
	nobody starves behind batches with higher priorities, and one urgent tenant waits for one claim at most.
	"""

	def turn(batch: B) -> tuple:
		if is_for_old and is_impatient(batch.creation, now):
			return (0, 0, batch.creation, batch.name)
		return (1, -batch.priority, batch.creation, batch.name)

	return sorted(batches, key=turn)


@dataclass(frozen=True)
class Claim:
	"""What a job holds or asks for.

	site: the tenant whose site it needs to itself; None for none. is_heavy: it takes a slot of the bench while it runs. is_quiet: nobody
	waits for it, and one slot is left to others. holds: it has run before and not ended, and keeps its site and its use of the bench.
	memory: MB that it is expected to take. is_alone: no other heavy job may run beside it: it was ended once for want of memory.
	"""

	job: str
	site: str | None
	bench: BenchUse
	is_heavy: bool
	is_quiet: bool = False
	holds: bool = False
	memory: float = 0
	is_alone: bool = False


@dataclass
class Memory:
	"""What heavy jobs may still take. free: MB. running: how many heavy jobs run. is_alone: whether one of these must stay alone."""

	free: float = float("inf")
	running: int = 0
	is_alone: bool = False

	def has_room(self, claim: Claim) -> bool:
		"""Whether the heavy job may go. Where none runs one goes, whatever it takes: else it would wait for ever."""
		if claim.is_alone or not self.running:
			return not self.running
		return not self.is_alone and claim.memory <= self.free

	def take(self, claim: Claim) -> None:
		"""Note that the heavy job goes."""
		self.running += 1
		self.is_alone |= claim.is_alone
		self.free -= claim.memory

	def keep_for(self, claim: Claim) -> None:
		"""Note that the heavy job waits for memory: what is free is kept for it, and no later one passes."""
		self.free, self.running = 0, max(self.running, 1)
		self.is_alone |= claim.is_alone


def admitted(
	waiting: Iterable[Claim],
	holding: Iterable[Claim],
	slots: int,
	quiet_slots: int,
	memory: Memory | None = None,
) -> list[Claim]:
	"""Which of the waiting jobs may go beside what is held, in their order.

	slots: how many heavy jobs may still be sent. quiet_slots: how many of these may be quiet ones. memory: None for no bound.

	Nobody starves: what a job needs that cannot go yet is kept for it from those behind it. Otherwise jobs that share a bench would pass
	for ever one that wants the bench for itself, and later jobs for a site would pass an earlier one.
	"""
	holding, memory = list(holding), memory or Memory()
	sites = {claim.site for claim in holding if claim.site}
	is_shared = any(claim.bench is BenchUse.SHARED for claim in holding)
	is_alone = any(claim.bench is BenchUse.EXCLUSIVE for claim in holding)
	chosen = []
	for claim in waiting:
		has_slot = not claim.is_heavy or (slots > 0 and (not claim.is_quiet or quiet_slots > 0))
		if claim.holds:
			is_free = True  # what it needs is its own already
		else:
			is_free = claim.site not in sites and not (
				(is_alone and claim.bench is not BenchUse.NONE)
				or (is_shared and claim.bench is BenchUse.EXCLUSIVE)
			)
		if has_slot and is_free and claim.is_heavy and not memory.has_room(claim):
			memory.keep_for(claim)
			is_free = False
		if has_slot and is_free:
			if claim.is_heavy:
				memory.take(claim)
			chosen.append(claim)
			slots -= claim.is_heavy
			quiet_slots -= claim.is_heavy and claim.is_quiet
			is_shared |= claim.bench is BenchUse.SHARED
		# one that cannot go yet keeps its place, too
		sites |= {claim.site} - {None}
		is_alone |= claim.bench is BenchUse.EXCLUSIVE
	return chosen
