"""What takes long on texts of HTML and Markdown, because it goes back and forth."""

import re
from typing import Any

from buildpro_saas.tenant_site.sandbox.sizes.bounds import (
	BACK_AND_FORTH,
	LONGEST_BLANK,
	LONGEST_MARKDOWN,
	MOST_BARS,
	PRODUCT,
	require,
)


def tags(text: Any) -> None:
	"""Judge a text in which a regex or a parser looks for tags: those that nothing closes are searched for again and again."""
	if not isinstance(text, str):
		return
	for opening, closing in (("<", ">"), ("<!--", "-->")):
		rest = text[text.rfind(closing) + 1 :]
		require(rest.count(opening) * len(rest) <= BACK_AND_FORTH, "HTML")
	require(text.count("<") * len(text) <= PRODUCT * 20, "HTML")


def of_tags(text: Any = "", *rest, **more) -> None:
	tags(text)


def markdown(text: Any = "", *rest, **more) -> None:
	if not isinstance(text, str):
		return
	require(len(text) <= LONGEST_MARKDOWN, "markdown")
	for mark in "`[_<\\":
		require(text.count(mark) * len(text) <= 3 * BACK_AND_FORTH, "markdown")
	require(all(line.count("|") <= MOST_BARS for line in text.splitlines()), "markdown")
	require(all(len(blank) <= LONGEST_BLANK for blank in re.findall(r"\s+", text)), "markdown")


def urls(text: Any = "", *rest, **more) -> None:
	if isinstance(text, str):
		require(text.count("url(") * len(text) <= BACK_AND_FORTH, "url(")
