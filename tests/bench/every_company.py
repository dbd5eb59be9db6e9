"""`make countries`: a company in each country that has a chart of accounts, and in each language that ERPNext ships. Takes about an hour.

Not a part of the suite. On a bench with ERPNext only; the results go to docs/countries.md. A run that was stopped is gone on with: what
the page has of the same versions is kept. Delete the page to begin anew.
"""

import time
from pathlib import Path

from company_attempt import COMPANY, faults
from test_companies import UnsetSites, unset_sites  # noqa: F401 - the fixture

RESULTS = Path(__file__).parents[2] / "docs/countries.md"
HEAD = """# Companies by country and language

What `make countries BENCH=…` found on {date}: ERPNext's set-up of a company ({company}), through the
product, on a copy of a site image, in each country that has a chart of accounts of its own (in English) and in each
language that ERPNext ships (in {plain}, which has the standard chart). Frappe {versions}.

{good} of {all} were set up whole.

| country | language | currency | accounts | seconds | result |
| --- | --- | --- | --- | --- | --- |
"""


def test_a_company_everywhere(unset_sites):  # noqa: F811 - the fixture's name
	cases = unset_sites.run("company_attempt.cases")
	pairs = [(country, "en") for country in cases["countries"]]
	pairs += [(cases["plain"], language) for language in cases["languages"]]
	versions = _versions(unset_sites)
	rows = [row for row in _kept(versions) if tuple(row[:2]) in pairs]
	for country, language in pairs:
		if (country, language) in {tuple(row[:2]) for row in rows}:
			continue
		rows.append(_row(unset_sites, country, language))
		print(" | ".join(map(str, rows[-1])), flush=True)
		_write(unset_sites, rows, cases["plain"], versions)
	assert [row for row in rows if row[-1] != "whole"] == []


def _kept(versions: str) -> list[tuple]:
	"""The rows of companies that a run with the same versions has set up whole."""
	text = RESULTS.read_text() if RESULTS.exists() else ""
	if f"Frappe {versions}." not in text:
		return []
	cells = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| "))
	return [tuple(row) for row in cells if row[-1] == "whole"]


def _row(sites: UnsetSites, country: str, language: str) -> tuple:
	from buildpro_saas import region

	began = time.monotonic()
	answer = sites.attempt(country, language)
	wrong = "; ".join(faults(answer)).replace("|", "/").replace("\n", " ") or "whole"
	currency = region.currency(region.code_of(country))
	accounts = answer["records"].get("Account", 0)
	return (country, language, currency, accounts, round(time.monotonic() - began), wrong)


def _write(sites: UnsetSites, rows: list[tuple], plain: str, versions: str) -> None:
	head = HEAD.format(
		date=sites.bench.frappe.utils.nowdate(),
		company=COMPANY,
		plain=plain,
		versions=versions,
		good=sum(row[-1] == "whole" for row in rows),
		all=len(rows),
	)
	RESULTS.write_text(head + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows))


def _versions(sites: UnsetSites) -> str:
	frappe = sites.bench.frappe
	apps = (f"{row.app} {row.version}" for row in frappe.get_last_doc("Bench").apps if row.app == "erpnext")
	return ", ".join((frappe.__version__, *apps))
