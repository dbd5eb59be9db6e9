"""A company set up where it is hardest: in languages that have one word for two of ERPNext's names, and in countries with rules of
their own. `make countries` does it everywhere (every_company.py)."""

import os
import sys
from pathlib import Path
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from company_attempt import faults

MINUTES = 60
# Country (ISO 3166) and language. Japanese, Indonesian, Khmer, Lao and Malay call Bank Account and Bank Accounts alike.
HARDEST = [
	*(("JP", "ja"), ("ID", "id"), ("KH", "km"), ("LA", "lo")),
	*(("MY", "ms"), ("BD", "bn"), ("IN", "mr"), ("TR", "tr")),
]


HAS_ERPNEXT = (Path(os.environ.get("BUILDPRO_BENCH", "")) / "apps/erpnext").is_dir()


class UnsetSites:
	"""Copies of a plan's image, in which nobody has gone through the set-up yet."""

	def __init__(self, bench, plan: str):
		self.bench, self.plan = bench, plan
		self.name = None

	def attempt(self, country: str, language: str) -> dict:
		"""What company_attempt.attempt says on such a site, with the country's currency and time zone."""
		from buildpro_saas import region

		code = region.code_of(country)
		answer = self.run(
			"company_attempt.attempt",
			country=country,
			currency=region.currency(code),
			time_zone=next(iter(region.choice(code)), "Etc/UTC"),
			language=language,
		)
		if answer["kept"]:
			self.discard()
		return answer

	def run(self, method: str, **arguments):
		return self._site().run(
			method,
			id=uuid4().hex,
			timeout=15 * MINUTES,
			log=print,
			checkpoint=lambda: None,
			**arguments,
		)

	def discard(self) -> None:
		if self.name:
			self.bench.discard_standby_sites({"name": self.name})
			self.name = None

	def _site(self):
		from buildpro_saas.agent import door

		self.name = self.name or self.bench.standby_site(self.plan)
		database = self.bench.frappe.db.get_value("Standby Site", self.name, "database")
		return door.here().standby(database)


@pytest.fixture(scope="module")
def unset_sites(module_bench):
	before = os.environ.get("PYTHONPATH", "")
	# the process on the site finds what is to be called there
	os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parent), before)))
	sites = UnsetSites(module_bench, "Growth" if HAS_ERPNEXT else "Core")
	yield sites
	sites.discard()
	os.environ["PYTHONPATH"] = before


# the framework's own wizard makes no records by language: two are enough of it
@pytest.mark.parametrize(("code", "language"), HARDEST if HAS_ERPNEXT else HARDEST[:2])
def test_a_company_is_set_up_where_it_is_hardest(unset_sites, code, language):
	country = unset_sites.bench.frappe.db.get_value("Country", {"code": code.lower()})
	answer = unset_sites.attempt(country, language)
	assert faults(answer) == []
