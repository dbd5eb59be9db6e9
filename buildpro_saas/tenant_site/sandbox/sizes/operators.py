"""What operators and formats would make."""

from collections.abc import Iterator
from typing import Any

from buildpro_saas.tenant_site.sandbox.budget import BITS, ENTRIES, LONGEST, require_light, weigh
from buildpro_saas.tenant_site.sandbox.sizes.bounds import (
	FLOAT_DIGITS,
	HIGHEST,
	LONGEST_FORMAT,
	NUMBERS,
	WIDE,
	require,
)


def before_operator(operator: str, left: Any, right: Any) -> None:
	"""Raise SandboxSizeError for an operator whose result would fill the memory or take hours."""
	if operator == "**":
		_power(left, right)
	elif operator == "*":
		if type(left) is float or type(right) is float:
			return
		for one, other in ((left, right), (right, left)):
			if isinstance(other, int):
				if hasattr(one, "__len__"):
					require(len(one) * other <= (LONGEST if isinstance(one, str | bytes) else ENTRIES), "*")
				elif isinstance(one, int):
					require(one.bit_length() + other.bit_length() <= BITS, "*")
	elif operator == "<<" and isinstance(left, int) and isinstance(right, int):
		require(left.bit_length() + right <= BITS, "<<")
	elif operator == "%" and isinstance(left, str | bytes):
		percent(left, right)


def _power(left: Any, right: Any) -> None:
	if isinstance(right, int | float):
		bits = left.bit_length() if isinstance(left, int) else 1
		require(abs(right) <= HIGHEST and bits * abs(right) <= BITS, "**")


def percent(text: str | bytes, values: Any) -> None:
	"""Raise SandboxSizeError for `text % values` with a width that is too large, or with a long value put in many times."""
	text = text if isinstance(text, str) else text.decode("latin-1")
	if not WIDE.search(text) and all(
		type(each) is float for each in (values if type(values) is tuple else (values,))
	):
		require(len(text) * FLOAT_DIGITS <= LONGEST, "%")
		return
	fields = widths = stars = 0
	for start in _percents(text):
		fields += 1
		for number in _width_and_precision(text, start):
			stars += number == "*"
			widths += LONGEST if len(number) > 8 else int(number) if number.isdigit() else 0
	if stars:
		given = values if isinstance(values, tuple) else (values,)
		widths += sum(abs(each) for each in given if isinstance(each, int))
	weight = weigh(values, "%")
	if not isinstance(values, tuple):
		weight *= max(fields, 1)
	require(len(text) + widths + weight + fields * FLOAT_DIGITS <= LONGEST, "%")


def _percents(text: str) -> Iterator[int]:
	"""Where each conversion begins, behind its `%`."""
	at = text.find("%")
	while at >= 0:
		at += 1
		if text[at : at + 1] != "%":
			yield at
		else:
			at += 1
		at = text.find("%", at)


def _width_and_precision(text: str, at: int) -> Iterator[str]:
	"""The numbers of the conversion, each as its digits or `*`."""
	depth = 0
	while at < len(text) and (depth or text[at] == "("):  # the key, in which brackets are counted
		depth += {"(": 1, ")": -1}.get(text[at], 0)
		at += 1
	while text[at : at + 1] in ("#", "0", "-", "+", " "):
		at += 1
	for _part in range(2):
		if text[at : at + 1] == ".":
			at += 1
		if text[at : at + 1] == "*":
			yield "*"
			at += 1
		elif number := NUMBERS.match(text, at):
			yield number.group()
			at = number.end()


def format_spec(value: Any, spec: str) -> None:
	"""Raise SandboxSizeError for a format with a width or precision that is too large: of str.format and of an f-string."""
	require_light((value,), "format")
	require(len(spec) <= LONGEST_FORMAT, "format")
	require(
		sum(LONGEST if len(each) > 8 else int(each) for each in NUMBERS.findall(spec)) < LONGEST, "format"
	)
