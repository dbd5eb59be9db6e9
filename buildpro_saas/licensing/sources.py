"""What statements are made of. It is read once for any number of tenants, and anew as soon as any of it has changed."""

import json
import time

import frappe

from buildpro_saas.entitlements import acceptance
from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.licensing.catalogue import catalogue_for_tenants
from buildpro_saas.licensing.entitlement_sources import Offer

# A change of one of these changes its `modified`. Their rows are saved with them.
DOCTYPES = ("Plan", "Plan Version", "Add-on", "Feature", "Kill Switch")
SETTINGS = "SaaS Settings"
# Seconds after which all is read anew in any case: statements leave out what has ended meanwhile.
LONGEST = 60


class Sources:
	"""Plans, versions, add-ons, kill switches, catalogue and settings as the database has them, at one moment.

	offer: an Offer of entitlement_sources. catalogue, catalogue_digest: as entitlements/catalogue.py has them. catalogue_text: the
	catalogue as JSON. packed_gates: as entitlements/acceptance.py packs them. valid_days, grace_days, contact: of SaaS Settings.
	"""

	def __init__(self):
		self._read(_fingerprint())

	def follow(self) -> None:
		"""Read all of it anew where any of it has changed since.

		Call it with the tenant's row held, in a transaction that read nothing before. Then of two statements the one with the higher sequence
		number also has the newer content.
		"""
		now = _fingerprint()
		# also where the clock was set back since
		if now != self._read_at or not 0 <= time.time() - self.offer.now <= LONGEST:
			self._read(now)

	def _read(self, fingerprint: tuple) -> None:
		self.offer = Offer()
		self.catalogue = catalogue_for_tenants()
		self.catalogue_digest = catalogues.digest(self.catalogue)
		self.catalogue_text = json.dumps(self.catalogue, sort_keys=True)
		self.packed_gates = acceptance.pack_gates(self.catalogue)
		settings = frappe.get_doc(SETTINGS)  # not what is cached: a delivery to many lasts
		self.valid_days, self.grace_days = settings.entitlement_valid_days, settings.entitlement_grace_days
		self.contact = settings.support_contact or ""
		self._read_at = fingerprint  # last: what was read by half is read again


def _fingerprint() -> tuple:
	"""A value that is another one after each committed change. It takes one query, some tenths of a millisecond.

	Changes may be committed in another order than they were made. The latest time alone would miss that, and the sum tells it. Count and
	latest time tell changes that a sum could miss.
	"""
	parts = [
		f"select count(*), max(modified), sum(crc32(concat(name, modified))) from `tab{doctype}`"
		for doctype in DOCTYPES
	]
	of_settings = """select count(*), null, sum(crc32(concat(field, ':', coalesce(value, ''))))
		from tabSingles where doctype = %s"""
	return frappe.db.sql(" union all ".join([*parts, of_settings]), SETTINGS)
