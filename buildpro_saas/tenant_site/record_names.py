"""The words by which ERPNext's set-up names the records that it makes. They are in the customer's language where possible.

ERPNext asks for the translations of "Bank Accounts" and "Bank Account", and names a group and an account by them. Some languages have
one word for both, or a word that no record can have as its name. Then the set-up would fail. So while it runs, a word names one
record only; the second text that would get the word stays English. Messages stay English, too: staff read them in a failed job.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import frappe
import frappe.translate

from buildpro_saas import framework
from buildpro_saas.company_name import ABBREVIATION_LENGTH, LONGEST_NAME, SEPARATOR

LONGEST_WORD = LONGEST_NAME - len(SEPARATOR) - ABBREVIATION_LENGTH
NOT_IN_NAMES = "<>"  # as frappe.model.naming.validate_name has it


class RecordNames(dict):
	"""Translations (English → other). No two of them are the same to the database.

	alike: gives two texts the same key exactly if the database takes them for one name.
	"""

	def __init__(self, translations: dict[str, str], alike: Callable[[str], str]):
		super().__init__(translations)
		self.alike = alike
		self.owners: dict[str, str] = {}  # key of a name → the English text that has it
		self.answers: dict[str, str | None] = {}

	def get(self, text: str, default: str | None = None) -> str | None:
		"""The translation, or `default`: that is how Frappe learns that there is none."""
		if text not in self.answers:
			self.answers[text] = self._decide(text)
		return self.answers[text] or default

	def _decide(self, text: str) -> str | None:
		word = super().get(text)
		if word and not _is_message(text) and _can_name(word):
			if self.owners.setdefault(self.alike(word), text) == text:
				return word
		# named in English: no other text may get this as its translation
		self.owners.setdefault(self.alike(text), text)
		return None


@contextmanager
def names_of_its_own() -> Iterator[None]:
	"""Within the block, Frappe translates so that each translation can name a record of its own.

	A framework that keeps its translations elsewhere is left as it is.
	"""
	translations_of = framework.translations_reader()
	if not translations_of:
		yield
		return
	by_language: dict[str, RecordNames] = {}

	def get_all_translations(lang: str) -> RecordNames:
		if lang not in by_language:
			by_language[lang] = RecordNames(translations_of(lang), as_database)
		return by_language[lang]

	frappe.translate.get_all_translations = get_all_translations
	try:
		yield
	finally:
		frappe.translate.get_all_translations = translations_of


def as_database(text: str) -> str:
	"""The key by which the database compares names: without case or accents, and Hiragana as Katakana."""
	weight = "select hex(weight_string(convert(%s using utf8mb4) collate utf8mb4_unicode_ci))"
	return frappe.db.sql(weight, text.strip())[0][0]


def _is_message(text: str) -> bool:
	"""Whether the text is a message, and not a name."""
	return "{" in text or text.endswith(".")


def _can_name(word: str) -> bool:
	return 0 < len(word.strip()) <= LONGEST_WORD and not set(word) & set(NOT_IN_NAMES)
