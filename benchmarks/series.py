"""Repeated measurements of one thing, and the text about them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass
class Series:
	"""Measurements of one thing in one unit: seconds, unless another is given."""

	values: list[float] = field(default_factory=list)

	def add(self, value: float) -> None:
		self.values.append(value)

	@property
	def median(self) -> float:
		return statistics.median(self.values)

	def facts(self) -> dict:
		"""As benchmarks.json keeps it."""
		return {
			"median": round(self.median, 4),
			"min": round(min(self.values), 4),
			"max": round(max(self.values), 4),
			"rounds": len(self.values),
		}

	def __str__(self) -> str:
		return f"{self.median:.2f} ({min(self.values):.2f}–{max(self.values):.2f})"


def ratio(slow: Series, fast: Series) -> float:
	"""How many times as long the slow side takes, median against median."""
	return round(slow.median / fast.median, 1)
