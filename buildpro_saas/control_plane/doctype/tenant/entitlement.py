"""What a tenant may use, and how its site is told. A part of the Tenant's controller."""

import frappe

from buildpro_saas import tenant_status
from buildpro_saas.control_plane.doctype.tenant import commercial
from buildpro_saas.licensing import signing, sync_tokens
from buildpro_saas.licensing.entitlement_sources import Offer
from buildpro_saas.licensing.sources import Sources


class TenantEntitlement:
	"""Its layers, its statement, the keys that its site trusts, and the token with which it asks."""

	def layers(self) -> dict:
		"""What the tenant may use, as entitlements/layers.py has it; every date is in it."""
		return Offer().layers(self)

	def describe_plan(self) -> str:
		"""The plans that the tenant has and will have, with their dates, such as "Growth on trial until 2026-12-31, then Core"."""
		return commercial.describe(self)

	def follow_terms(self) -> bool:
		"""Once an agreed date has come, move the record to what the tenant's site has been doing since; True if it did."""
		self._lock()
		if not (text := commercial.settle(self)):
			return False
		self._save_facts()
		self.add_comment("Info", text)
		return True

	def statement_data(self, sources: Sources | None = None) -> dict:
		"""What a statement for the tenant says now, as entitlements.statement.issue takes it; sources: where they were read already."""
		sources = sources or Sources()
		return {
			"tenant": self.name,
			"site": self.site_name,
			"layers": sources.offer.layers(self),
			"contact": sources.contact,
			"status": tenant_status.IN_STATEMENT.get(self.status),
		}

	def sign_entitlement(self, above: int = 0, sources: Sources | None = None) -> dict:
		"""A new statement for the tenant's site, and the catalogue, as signing.sign has them; above: the highest number there."""
		return signing.sign(self, above, sources)

	def is_entitlement_current(self, sources: Sources | None = None) -> bool:
		"""Whether the newest statement says what one made now would, and half of its time is not over."""
		return signing.is_current(self, sources)

	def trust(self, key_ids: list[str]) -> None:
		"""Keep which signing keys the tenant's site trusts."""
		known = "\n".join(sorted(key_ids))
		if known != (self.trusted_keys or ""):
			self.trusted_keys = known
			frappe.db.set_value("Tenant", self.name, "trusted_keys", known, update_modified=False)

	def sync_token(self, known: str = "") -> str:
		"""The token with which the tenant's site asks for its entitlement: `known`, where that is good still, else the current one."""
		return known if sync_tokens.is_known(self.name, known) else sync_tokens.ensure(self.name)
