"""What a company may be called, so that Frappe and ERPNext can make its records, and how it is abbreviated."""

from frappe import _
from frappe.utils import escape_html

ABBREVIATION_LENGTH = 10  # as ERPNext's wizard has it
LONGEST_NAME = 140  # of any record of Frappe's
SEPARATOR = " - "  # ERPNext appends the abbreviation with it to the names of a company's records
NAMED_AFTER_COMPANY = ("Company", "Cost Center")  # whose records ERPNext gives the company's name


def abbreviation(company: str) -> str:
	"""The first letters of the company's words, in capitals, as ERPNext's wizard proposes."""
	letters = [next((letter for letter in word if letter.isalnum()), "") for word in company.split()]
	return "".join(letters)[:ABBREVIATION_LENGTH].upper() or "C"


def fault(company: str) -> str | None:
	"""The sentence that says why no site could have a company of this name, and what to change; None for a good one."""
	shown = escape_html(company)
	for doctype in NAMED_AFTER_COMPANY:
		if company == doctype or company.startswith(f"New {doctype}"):
			return _("{0} is a name that the framework keeps for itself: add a word before it.").format(shown)
	abbr = abbreviation(company)
	longest = LONGEST_NAME - len(SEPARATOR) - len(abbr)
	if len(company) > longest:
		return _(
			"The company's name has {0} characters: use at most {1}, since its records get it with the abbreviation {2}."
		).format(len(company), longest, escape_html(abbr))
	_head, separator, tail = company.rpartition(SEPARATOR)
	if separator and tail.upper() == abbr:
		return _(
			"{0} ends in its own abbreviation {1}, which its records' names end in: leave that out."
		).format(shown, escape_html(abbr))
	return None
