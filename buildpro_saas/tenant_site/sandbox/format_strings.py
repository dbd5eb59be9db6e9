"""Users write texts that Frappe fills in with str.format. On tenants' sites such a text may name values alone.

str.format reads attributes. `{e.__traceback__…}` in a translation, or `{rows[0].copy.__globals__…}` in a title's template, would
lead to everything in the process.

Translations are judged as they are read, for rows can be written without being validated. Merged translations are cached under a
name of our own: a process without this module may have cached unjudged ones under Frappe's name.
"""

import re
import string
import sys
from collections.abc import Callable
from functools import wraps
from html import escape
from types import ModuleType
from typing import Any, NamedTuple

import frappe
import frappe.translate
from frappe import _
from frappe.model.document import Document

from buildpro_saas import framework, site_role
from buildpro_saas.tenant_site.sandbox import wrapping
from buildpro_saas.tenant_site.sandbox.refusal import SandboxError

# A name, perhaps with a part of a date. Such a part is a number, and apps document it (`{date_of_birth.year}`).
NAME = re.compile(r"\w*(\.(year|month|day|hour|minute|second))?")
NESTED_OR_WIDE = re.compile(r"[{}]|\d{4}")  # a width of some billions would fill the machine's memory
LANGUAGE = re.compile(r"[\w-]+")
# HRMS fills in its password policy with an employee's whole record.
SALARY_SLIP, OF_PASSWORD = "hrms.payroll.doctype.salary_slip.salary_slip", "generate_password_for_pdf"
MERGED_KEY = "MERGED_TRANSLATION_KEY"
MERGED_BEFORE, MERGED = "merged_translations", "merged_translations_judged"


class Field(NamedTuple):
	"""`{name!conversion:spec}` of a text."""

	name: str
	conversion: str
	spec: str

	def reads_a_value_alone(self) -> bool:
		"""Whether the field only puts a value in.

		Its name has no bracket, and no dot but before a part of a date. Its format is not nested or wide.
		"""
		return bool(NAME.fullmatch(self.name)) and not NESTED_OR_WIDE.search(self.spec)

	def as_written(self) -> str:
		"""The field as its author wrote it, with the braces."""
		conversion = f"!{self.conversion}" if self.conversion else ""
		return f"{{{self.name}{conversion}{self.spec and ':' + self.spec}}}"


def fields(text: str) -> list[Field]:
	"""The fields that str.format would fill in. `{}` gets its number as its name. Raises ValueError for a text that cannot be formatted."""
	found: list[Field] = []
	counted = 0
	for _literal, name, spec, conversion in string.Formatter().parse(text):
		if name is None:
			continue
		if not name:
			name, counted = str(counted), counted + 1
		found.append(Field(name, conversion or "", spec or ""))
	return found


def require_plain(text: str | None, what: str) -> None:
	"""Raise SandboxError for a text that would read more than values when it is formatted. what: where the text stands, for the user."""
	if not text or "{" not in text:
		return
	try:
		wrong = next((each for each in fields(text) if not each.reads_a_value_alone()), None)
	except ValueError:
		_refuse(text, what)
	if wrong:
		_refuse(wrong.as_written(), what)


def _refuse(shown: str, what: str) -> None:
	sentence = _("{0} in {1} is not allowed: name a field alone, as in {2}, without dots or brackets.")
	frappe.throw(
		sentence.format(f"<b>{escape(shown)}</b>", escape(what), "{customer_name}"),
		SandboxError,
		title=_("Not allowed in a text"),
	)


# -- translations ----------------------------------------------------------------------------------------------------


def foreign_field(source: str, text: str | None) -> str | None:
	"""The first field of a translation that its source does not have, as it is written; None where there is none.

	A translation may leave a conversion or a format out, and add none. Of a text that cannot be formatted it is the whole text.
	"""
	if not text or "{" not in text:
		return None
	try:
		known, used = fields(source), fields(text)
	except ValueError:
		return text
	for each in used:
		of_name = [other for other in known if other.name == each.name]
		conversions = {"", *(other.conversion for other in of_name)}
		specs = {"", *(other.spec for other in of_name)}
		is_of_source = of_name and each.conversion in conversions and each.spec in specs
		if not (is_of_source and each.reads_a_value_alone()):
			return each.as_written()
	return None


def check_translation(doc: Document, event: str) -> None:
	"""Hook on Translation: raise SandboxError for a translation that `judged_translations` would leave out."""
	source = f"{doc.source_text}:{doc.context}" if doc.context else doc.source_text
	foreign = foreign_field(source or "", doc.translated_text)
	if foreign and site_role.is_tenant_site():
		frappe.throw(
			_(
				"The translation has {0}, which its source does not have so. Use the source's placeholders as they are there."
			).format(f"<b>{escape(foreign)}</b>"),
			SandboxError,
			title=_("Not allowed in a translation"),
		)


def judged_translations(original: Callable) -> Callable:
	"""`frappe.translate.get_user_translations`, without translations that have a foreign field."""

	@wraps(original)
	def get_user_translations(*args, **kwargs) -> dict[str, str]:
		found = original(*args, **kwargs)
		if not site_role.is_tenant_site():
			return found
		return {source: text for source, text in found.items() if foreign_field(source, text) is None}

	return get_user_translations


def of_apps_alone(original: Callable) -> Callable:
	"""`frappe.translate.get_translations_from_apps`, which makes a path of the language's name.

	On tenants' sites it answers a name that could lead to a user's file with no translations.
	"""

	@wraps(original)
	def get_translations_from_apps(lang: str, *args, **kwargs) -> dict[str, str]:
		if site_role.is_tenant_site() and not LANGUAGE.fullmatch(lang):
			return {}
		return original(lang, *args, **kwargs)

	return get_translations_from_apps


def keep_apart() -> None:
	"""Have this process cache merged translations in Redis under another name. Under Frappe's own there may be unjudged ones."""
	for module in list(sys.modules.values()):
		names = vars(module) if isinstance(module, ModuleType) else {}
		if names.get(MERGED_KEY) == MERGED_BEFORE:
			setattr(module, MERGED_KEY, MERGED)


def forget_unjudged() -> None:
	"""Hook `clear_cache`: remove what is cached under Frappe's own name. No process with this module reads it."""
	frappe.cache.delete_value(MERGED_BEFORE)


# -- documents -------------------------------------------------------------------------------------------------------


def judging_title(original: Callable) -> Callable:
	"""`Document.set_title_field`, which refuses a template that reads more than the document's values."""

	@wraps(original)
	def set_title_field(doc: Document) -> Any:
		if site_role.is_tenant_site() and doc.meta.get("title_field") == "title":
			field = doc.meta.get_field("title")
			for template in (field.options, field.default) if field else ():
				require_plain(template, _("the template of the title of {0}").format(_(doc.doctype)))
		return original(doc)

	return set_title_field


def check_payroll_settings(doc: Document, event: str) -> None:
	"""Hook on HRMS' Payroll Settings: raise SandboxError for a policy that would not be used (`judging_password`)."""
	if site_role.is_tenant_site():
		require_plain(doc.get("password_policy"), _("Password Policy"))


def judging_password(original: Callable) -> Callable:
	"""HRMS' function that makes a salary slip's password. It refuses a policy that reads more than values."""

	@wraps(original)
	def generate_password_for_pdf(policy_template: str, *args, **kwargs) -> str:
		if site_role.is_tenant_site():
			require_plain(policy_template, _("Password Policy"))
		return original(policy_template, *args, **kwargs)

	return generate_password_for_pdf


def judging_salary_slips(original: Callable) -> Callable:
	"""`frappe.get_module`, which wraps HRMS' function once its module is loaded. Importing it ahead would slow each job."""

	@wraps(original)
	def get_module(modulename: str) -> ModuleType:
		module = original(modulename)
		if modulename == SALARY_SLIP:
			for function in framework.found(module, OF_PASSWORD):
				wrapping.replace(function, judging_password)
		return module

	return get_module


def install() -> None:
	"""Wrap these functions of Frappe's in this process."""
	for reader in framework.found(frappe.translate, "get_user_translations"):
		wrapping.replace(reader, judged_translations)
	for reader in framework.found(frappe.translate, "get_translations_from_apps"):
		wrapping.replace(reader, of_apps_alone)
	keep_apart()
	wrapping.replace(frappe.get_module, judging_salary_slips)
	wrapping.replace_method(Document, "set_title_field", judging_title)
