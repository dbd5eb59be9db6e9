"""What rehearsals let expect of a batch of migrates: in which order its tenants have their turns, and how many at once.

Plain data in and out; rehearsals.py reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

PASSES, FAILS, NOTHING = "Passes", "Fails", "Nothing To Do"
UNKNOWN = 30.0  # seconds for a tenant of whom nothing is known, where nothing is known of any
WITHIN = 3600.0  # seconds in which a batch should be done


@dataclass(frozen=True)
class Expected:
	"""A tenant's next migrate. verdict: of its last rehearsal; empty for none. seconds: that it takes with its copy; None for unknown."""

	tenant: str
	verdict: str
	seconds: float | None


def in_order(expected: Sequence[Expected], first: Sequence[str] = ()) -> list[str]:
	"""The tenants' names in the order of their turns: `first` (the canaries), then the longest first, then those that would fail.

	Long ones begin early, so that none is left alone at the end. One that fails stops a batch: so it has its turn when all else is done.
	"""
	usual = _usual(expected)
	known = {each.tenant: each for each in expected}

	def turn(each: Expected) -> tuple:
		return (each.verdict == FAILS, -(usual if each.seconds is None else each.seconds), each.tenant)

	ahead = [name for name in first if name in known]
	return ahead + [each.tenant for each in sorted(expected, key=turn) if each.tenant not in ahead]


def width(expected: Sequence[Expected], most: int, within: float = WITHIN) -> int:
	"""How many at once: as few as it takes to be done in `within` seconds, and `most` at most. One at least.

	Each that is migrated takes processor and disk from who works there: wider than needed is no gain.
	"""
	usual = _usual(expected)
	total = sum(usual if each.seconds is None else each.seconds for each in expected)
	return max(1, min(most, len(expected), -(-int(total) // int(within))))


def seconds(expected: Sequence[Expected], width: int) -> float:
	"""How long the batch is reckoned to take with that width."""
	usual = _usual(expected)
	each = [usual if one.seconds is None else one.seconds for one in expected]
	return max([sum(each) / max(width, 1), *each], default=0.0)


def _usual(expected: Sequence[Expected]) -> float:
	known = [each.seconds for each in expected if each.seconds]
	return median(known) if known else UNKNOWN
