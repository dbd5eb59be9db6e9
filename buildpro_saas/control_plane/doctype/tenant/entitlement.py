"""What a tenant may use, as Desk and programs ask its document. The work is licensing's. A part of the Tenant's controller."""

from buildpro_saas.control_plane.doctype.tenant import commercial
from buildpro_saas.licensing import signing
from buildpro_saas.licensing.entitlement_sources import Offer
from buildpro_saas.licensing.sources import Sources


class TenantEntitlement:
	"""The tenant's layers, its plans in words, and its statement."""

	def layers(self) -> dict:
		"""What the tenant may use, as entitlements/layers.py describes it, with every date."""
		return Offer().layers(self)

	def describe_plan(self) -> str:
		"""The plans of the tenant, with their dates, such as "Growth on trial until 2026-12-31 00:00, Core from 2026-12-31 00:00"."""
		return commercial.describe(self)

	def follow_terms(self) -> bool:
		"""Once an agreed date has come, change the record to what the tenant's site already does. Returns whether it changed."""
		self._lock()
		if not (text := commercial.settle(self)):
			return False
		self._save_facts()
		self.add_comment("Info", text)
		return True

	def sign_entitlement(self, above: int = 0, sources: Sources | None = None) -> dict:
		"""A new statement and the catalogue, as signing.sign returns them. above: the newest statement's number on the site."""
		return signing.sign(self, above, sources)

	def is_entitlement_current(self, sources: Sources | None = None) -> bool:
		"""Whether the newest statement says the same as one made now would, and at least half of its time is left."""
		return signing.is_current(self, sources)
