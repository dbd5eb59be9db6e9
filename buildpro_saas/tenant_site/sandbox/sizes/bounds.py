"""How much a user's text may make at once, and what its calls are given in place of endless things."""

import re
from collections.abc import Callable
from typing import Any

from buildpro_saas.tenant_site.sandbox import budget
from buildpro_saas.tenant_site.sandbox.budget import made
from buildpro_saas.tenant_site.sandbox.refusal import refuse_large

# Functions that are kept wrapped: those of a request's own making must not fill the process.
MOST_JUDGED = 1024
HIGHEST = 1000  # the highest power of `**`, and the most digits to round to
# What takes time by the product of two lengths may have this one; a regex that goes back and forth, that one.
PRODUCT, BACK_AND_FORTH = 100_000_000, 10_000_000
LONGEST_MARKDOWN, MOST_BARS, LONGEST_BLANK = 100_000, 500, 500
LONGEST_WORD, LONGEST_FORMAT, LONGEST_NUMBER, LONGEST_HASH, INDENT = 5000, 1000, 400, 10_000, 100
# Python's other codecs of texts take time by the square of the length.
CODECS = frozenset(
	{"utf8", "utf16", "utf32", "utf8sig", "utf16le", "utf16be", "latin1", "iso88591", "ascii", "cp1252"}
)
LONGEST_OF_ANOTHER_CODEC = 1000
FLOAT_DIGITS = 330  # of the longest float that `%f` writes
WIDE = re.compile(r"\*|\d{3}")  # what may be a large width or precision
NUMBERS = re.compile(r"\d+")


def require(is_small: bool, what: str) -> None:
	"""Raise SandboxSizeError unless it is small. what: the name of what would make it, for the user."""
	if not is_small:
		refuse_large(what)


def changed(found: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
	"""The arguments, as a rule has changed them: a tuple stands for the first ones, a dict for those of its names."""
	if isinstance(found, tuple):
		return found + args[len(found) :], kwargs
	return args, {**kwargs, **(found or {})}


def ticking_call(function: Callable) -> Callable:
	def called(*args) -> Any:
		budget.tick()
		return made(function(*args), "key")

	return called
