"""The spans in which points are kept: hours with each reading, days with a point for five minutes, months with a point for an hour.

Plain data in and out. All times are seconds since the epoch; days and months are those of UTC.
"""

from datetime import datetime, timezone

from buildpro_saas.monitoring.metric_names import counters_of
from buildpro_saas.monitoring.packing import Points

HOUR, DAY, MONTH = "Hour", "Day", "Month"
MINUTES_5, AN_HOUR, A_DAY = 300, 3600, 24 * 3600
# How far apart the points of a span are, and for how long after its beginning it is kept (a month: a year, and what it lasts itself).
STEP = {HOUR: 0, DAY: MINUTES_5, MONTH: AN_HOUR}
KEPT_FOR = {HOUR: 7 * AN_HOUR, DAY: 8 * A_DAY, MONTH: 397 * A_DAY}


def begin_of(span: str, at: float) -> int:
	"""When the span that has the moment begins."""
	moment = datetime.fromtimestamp(at, timezone.utc).replace(minute=0, second=0, microsecond=0)
	if span in (DAY, MONTH):
		moment = moment.replace(hour=0)
	if span == MONTH:
		moment = moment.replace(day=1)
	return int(moment.timestamp())


def spans_since(since: float, now: float) -> list[str]:
	"""Those spans that have points from `since` to `now`: while all readings are there, nobody needs a mean of them."""
	found = [HOUR]
	if now - since > KEPT_FOR[HOUR] - AN_HOUR:
		found.append(DAY)
	if now - since > KEPT_FOR[DAY] - A_DAY:
		found.append(MONTH)
	return found


def thinned(points: Points, step: int) -> Points:
	"""One point for each `step` seconds, at the moment of the last one: a counter's last number, and the mean of others."""
	grouped: dict[int, list[int]] = {}
	for at in sorted(points):
		grouped.setdefault(at // step, []).append(at)
	return {moments[-1]: _mean([points[at] for at in moments]) for moments in grouped.values()}


def _mean(numbers: list[dict[str, float]]) -> dict[str, float]:
	keys = {key for each in numbers for key in each}
	counters = counters_of(keys)
	found = {}
	for key in keys:
		values = [each[key] for each in numbers if key in each]
		found[key] = values[-1] if key in counters else _short(sum(values) / len(values))
	return found


def _short(number: float) -> float:
	"""Without digits that no chart shows, and that would take room."""
	return round(number) if abs(number) >= 1000 or number == int(number) else round(number, 3)


def finest(by_span: dict[str, Points]) -> Points:
	"""All points, where an hour has points of several spans those of the shortest."""
	hours: dict[int, Points] = {}
	for span in (MONTH, DAY, HOUR):
		grouped: dict[int, Points] = {}
		for at, numbers in by_span.get(span, {}).items():
			grouped.setdefault(at // AN_HOUR, {})[at] = numbers
		hours.update(grouped)
	return {at: hours[hour][at] for hour in sorted(hours) for at in sorted(hours[hour])}
