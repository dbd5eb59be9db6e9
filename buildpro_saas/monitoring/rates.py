"""What follows from points: how fast a counter grows, how long requests take, when a disk is full. Plain data in and out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

Points = Sequence[tuple[float, float]]
A_DAY = 24 * 3600
LEAST_POINTS, LEAST_SECONDS = 6, 3600  # from which a trend is told
LONGEST_DAYS = 400  # what is further away is no forecast
WITHIN = "requests_within"
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def growth(points: Points) -> float:
	"""By how much a counter grew from the first point to the last. Where it became smaller, it had begun again at 0."""
	return sum(
		later - before if later >= before else later for (_at, before), (_later_at, later) in pairwise(points)
	)


def rates(points: Points) -> list[tuple[float, float]]:
	"""[(when, growth a second since the point before)] of a counter."""
	return [
		(second[0], growth([first, second]) / (second[0] - first[0]))
		for first, second in pairwise(points)
		if second[0] > first[0]
	]


def latency(points: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
	"""{"p50", "p95", "p99": seconds} of the requests between the first and the last of these points; {} where there were none.

	points: [(when, {key: number})] with the counters `requests_within.SECONDS`. A quantile is told as the end of its class, reckoned with
	evenly spread requests within it; beyond the last class as that class's end.
	"""
	keys = {key for _at, numbers in points for key in numbers if key.startswith(f"{WITHIN}.")}
	tops = sorted(float(key.partition(".")[2]) for key in keys)
	counts = [
		growth([(at, of[f"{WITHIN}.{top:g}"]) for at, of in points if f"{WITHIN}.{top:g}" in of])
		for top in tops
	]
	total = growth([(at, of["requests"]) for at, of in points if "requests" in of])
	if not tops or total <= 0:
		return {}
	return {name: round(_quantile(share * total, tops, counts), 3) for name, share in QUANTILES.items()}


def _quantile(rank: float, tops: list[float], counts: list[float]) -> float:
	low, before = 0.0, 0.0
	for top, count in zip(tops, counts, strict=True):
		if count >= rank:
			return low + (top - low) * (rank - before) / max(count - before, 1e-9)
		low, before = top, count
	return tops[-1]


def days_until_empty(points: Points) -> float | None:
	"""In how many days what is left (free bytes, say) is used up, if it goes on as between these points. None where it does not shrink.

	The trend is the median of the slopes between points that are half of the time apart: one large file that came or went does not decide.
	None also for fewer than LEAST_POINTS points, less than LEAST_SECONDS, and more than LONGEST_DAYS.
	"""
	if len(points) < LEAST_POINTS or points[-1][0] - points[0][0] < LEAST_SECONDS:
		return None
	half = len(points) // 2
	slopes = sorted(
		(later - before) / (later_at - at)
		for (at, before), (later_at, later) in zip(points, points[half:], strict=False)
		if later_at > at
	)
	slope = slopes[len(slopes) // 2]
	if slope >= 0:
		return None
	days = points[-1][1] / -slope / A_DAY
	return days if days <= LONGEST_DAYS else None
