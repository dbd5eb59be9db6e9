"""Which tenants are migrated before all others: few, and together like the whole fleet. Plain data in and out."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST = 5
# Bytes of a database below which a site is small, and below which it is of middling size.
SMALL, MIDDLING = 200 * 10**6, 2 * 10**9
FEW = 20  # customisations up to which a site has a few


@dataclass(frozen=True)
class Shape:
	"""What is particular about a tenant's site. apps: the names of its apps. size: bytes of its database. customisations: how many it has."""

	tenant: str
	apps: frozenset[str]
	size: int
	customisations: int

	@property
	def traits(self) -> frozenset[tuple]:
		"""What a canary stands for: its set of apps, its class of size, how much it is customised; and all three together."""
		size = "small" if self.size < SMALL else "middling" if self.size < MIDDLING else "large"
		custom = "none" if not self.customisations else "few" if self.customisations <= FEW else "many"
		apps = tuple(sorted(self.apps))
		return frozenset(
			{("apps", apps), ("size", size), ("customised", custom), ("all", apps, size, custom)}
		)

	@property
	def kind(self) -> tuple:
		"""The trait that is all three together."""
		return next(trait for trait in self.traits if trait[0] == "all")


def choose(shapes: Sequence[Shape], most: int = MOST) -> list[str]:
	"""The canaries' names, in the order of their turns, `most` at most: one of each kind of site, where that many may be.

	Where the kinds are more, those are taken that together stand for the most: each set of apps, class of size and degree of customisation
	first, and the kinds that most tenants are of. Of one kind it is the smallest site: it is done soonest.
	"""
	of_kind: dict[tuple, list[Shape]] = {}
	for shape in shapes:
		of_kind.setdefault(shape.kind, []).append(shape)
	candidates = [min(same, key=lambda shape: (shape.size, shape.tenant)) for same in of_kind.values()]
	chosen: list[Shape] = []
	open_traits = frozenset().union(*(shape.traits for shape in candidates)) if candidates else frozenset()
	while candidates and len(chosen) < most:
		best = max(
			candidates,
			key=lambda shape: (
				len({trait for trait in shape.traits & open_traits if trait[0] != "all"}),
				len(of_kind[shape.kind]),
				-shape.size,
				shape.tenant,
			),
		)
		chosen.append(best)
		candidates.remove(best)
		open_traits -= best.traits
	return [shape.tenant for shape in sorted(chosen, key=lambda shape: (shape.size, shape.tenant))]


def not_covered(shapes: Sequence[Shape], chosen: Sequence[str]) -> int:
	"""How many of the tenants are of a kind that no canary is of."""
	kinds = {shape.kind for shape in shapes if shape.tenant in chosen}
	return sum(shape.kind not in kinds for shape in shapes)
