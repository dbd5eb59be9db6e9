"""Whose turn it is: which of the jobs that wait for a bench may go now. Plain data in and out; the dispatcher reads and sends."""

from collections.abc import Iterable
from dataclasses import dataclass

from buildpro_saas.jobs.playbook import BenchUse


@dataclass(frozen=True)
class Claim:
	"""What a job holds, or asks for.

	site: the tenant whose site it has to itself, None for none. is_heavy: it takes one of the bench's slots while it runs. is_quiet: nobody
	waits for it, and one slot is left to others. holds: it has run before and not ended, and keeps its site and its use of the bench.
	"""

	job: str
	site: str | None
	bench: BenchUse
	is_heavy: bool
	is_quiet: bool = False
	holds: bool = False


def admitted(waiting: Iterable[Claim], holding: Iterable[Claim], slots: int, quiet_slots: int) -> list[Claim]:
	"""Those of the waiting jobs, in their order, that may go beside what is held already.

	Nobody starves: what a job needs that cannot go yet is kept for it from those behind it. So a job that wants the bench for itself is
	not passed for ever by those that share it, nor a job for a site by later ones for the same.

	slots: how many heavy jobs may still be sent; quiet_slots: how many of these may be quiet ones.
	"""
	holding = list(holding)
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
		if has_slot and is_free:
			chosen.append(claim)
			slots -= claim.is_heavy
			quiet_slots -= claim.is_heavy and claim.is_quiet
			is_shared |= claim.bench is BenchUse.SHARED
		# one that cannot go yet keeps its place, too
		sites |= {claim.site} - {None}
		is_alone |= claim.bench is BenchUse.EXCLUSIVE
	return chosen
