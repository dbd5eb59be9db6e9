"""Points of many metrics as a short text, and back.

A point is a moment with its numbers, {key: number}. Each metric's numbers are kept as what they differ by from one moment to the next:
most of them by nothing. That is compressed well. Numbers with a fraction are kept to a thousandth.
"""

import base64
import json
import zlib

Points = dict[int, dict[str, float]]
SCALE = 1000


def pack(points: Points) -> str:
	"""points: {seconds since the epoch: {key: number}}, in any order; a key may be missing at some moments."""
	moments = sorted(points)
	keys = sorted({key for numbers in points.values() for key in numbers})
	columns = {key: _column([points[at].get(key) for at in moments]) for key in keys}
	text = json.dumps([_steps(moments), columns], separators=(",", ":"))
	return base64.b85encode(zlib.compress(text.encode(), 6)).decode()


def unpack(text: str | None) -> Points:
	"""What `pack` made a text of; {} for none."""
	if not text:
		return {}
	steps, columns = json.loads(zlib.decompress(base64.b85decode(text)))
	moments = _sums(steps)
	points: Points = {at: {} for at in moments}
	for key, (scale, steps) in columns.items():
		for at, number in zip(moments, _sums(steps), strict=True):
			if number is not None:
				points[at][key] = number if scale == 1 else number / scale
	return points


def _column(numbers: list[float | None]) -> tuple[int, list[int | None]]:
	scale = 1 if all(number is None or number == int(number) for number in numbers) else SCALE
	return scale, _steps([None if number is None else round(number * scale) for number in numbers])


def _steps(numbers: list[int | None]) -> list[int | None]:
	"""What each number is more than the one before it; None stays None."""
	before, steps = 0, []
	for number in numbers:
		steps.append(None if number is None else number - before)
		before = before if number is None else number
	return steps


def _sums(steps: list[int | None]) -> list[int | None]:
	total, numbers = 0, []
	for step in steps:
		total += step or 0
		numbers.append(None if step is None else total)
	return numbers
