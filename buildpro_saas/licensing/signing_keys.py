"""The keys that sign entitlements: one; or, during a rotation, the one in use and the next.

They are in the admin site's site_config.json: `buildpro_signing_key` and `buildpro_next_signing_key` ({"kid", "private"}), and
`buildpro_public_keys` ({kid: public}). The database has no private key. The keys are read from the file each time: frappe.conf is what
it was when a job began, and a delivery to many tenants may outlast a whole rotation.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import frappe

from buildpro_saas.agent import door
from buildpro_saas.entitlements import keys

CURRENT = "buildpro_signing_key"
NEXT = "buildpro_next_signing_key"
PUBLIC = "buildpro_public_keys"


@dataclass(frozen=True)
class SigningKeys:
	"""The keys at one moment.

	current, following: {"kid", "private"}; following is None outside of a rotation. public: {kid: public key} of all keys in use.
	"""

	current: dict = field(repr=False)  # a traceback that shows variables shows no private key
	following: dict | None = field(repr=False)
	public: dict[str, str]

	def for_tenant(self, trusted: Collection[str]) -> tuple[dict, dict[str, str]]:
		"""The key to sign with for a site that trusts the keys of these ids, and the public keys that the statement brings along.

		The next key signs only once the site is known to trust it. Until then the old one signs, and brings the next one along.
		"""
		if not self.following:
			return self.current, {}
		kid = self.following["kid"]
		return (self.following, {}) if kid in trusted else (self.current, {kid: self.public[kid]})


def read() -> SigningKeys:
	"""The keys as they are now. Raises frappe.ValidationError when this site has none."""
	config = door.own_site().config
	if not config.get(CURRENT):
		frappe.throw(
			f"This site has no {CURRENT} in its site_config.json: put back the one of a backup, or run `bench migrate` to have a new one"
			" made.",
			title="No signing key",
		)
	return SigningKeys(config[CURRENT], config.get(NEXT), dict(config.get(PUBLIC) or {}))


def public_keys() -> dict[str, str]:
	"""{kid: public key} of the keys that are in use."""
	return read().public


def begin() -> str:
	"""Make the next key, and return its id. Raises frappe.ValidationError during a rotation."""
	now = read()
	if now.following:
		frappe.throw(
			"A rotation is under way: end it with `saas rotate-key --finish` before you begin another.",
			title="Rotation under way",
		)
	key = keys.generate()
	door.update_own_config(
		{
			NEXT: {"kid": key["kid"], "private": key["private"]},
			PUBLIC: {**now.public, key["kid"]: key["public"]},
		}
	)
	return key["kid"]


def unconfirmed(statuses: Collection[str]) -> list[str]:
	"""Tenants of these statuses whose sites are not known to trust the next key. Raises frappe.ValidationError outside of a rotation."""
	kid = _read_while_rotating().following["kid"]
	rows = frappe.get_all("Tenant", {"status": ("in", statuses)}, ["name", "trusted_keys"], order_by="name")
	return [row.name for row in rows if kid not in (row.trusted_keys or "").split()]


def finish() -> str:
	"""Sign with the next key alone from now on, and withdraw the one before; returns the withdrawn one's id.

	Raises frappe.ValidationError outside of a rotation.
	"""
	before = _read_while_rotating()
	kid = before.following["kid"]
	door.update_own_config({CURRENT: before.following, NEXT: None, PUBLIC: {kid: before.public[kid]}})
	return before.current["kid"]


def _read_while_rotating() -> SigningKeys:
	found = read()
	if not found.following:
		frappe.throw("No rotation is under way: begin one with `saas rotate-key`.", title="No rotation")
	return found
