"""The keys that sign entitlements: one, or, during a rotation, the one in use and the next.

They are in the admin site's site_config.json: `buildpro_signing_key` and `buildpro_next_signing_key` ({"kid", "private"}), and
`buildpro_public_keys` ({kid: public}). Of a private key nothing is in the database.
"""

from collections.abc import Collection

import frappe

from buildpro_saas.agent import site_config
from buildpro_saas.entitlements import keys

CURRENT = "buildpro_signing_key"
NEXT = "buildpro_next_signing_key"
PUBLIC = "buildpro_public_keys"


def public_keys() -> dict[str, str]:
	"""{kid: public key} of the keys that are in use."""
	return dict(frappe.conf.get(PUBLIC) or {})


def for_tenant(trusted: Collection[str]) -> tuple[dict, dict[str, str]]:
	"""The key to sign with for a site that trusts the keys of these ids, and the public keys that it is to trust from then on.

	The next one only once the site is known to trust it; until then the old one, which brings the next one along.
	"""
	following = frappe.conf.get(NEXT)
	if not following:
		return frappe.conf[CURRENT], {}
	if following["kid"] in trusted:
		return following, {}
	return frappe.conf[CURRENT], {following["kid"]: public_keys()[following["kid"]]}


def is_rotating() -> bool:
	"""True between the making of the next key and the withdrawal of the one before."""
	return bool(frappe.conf.get(NEXT))


def begin() -> str:
	"""Make the next key; returns its id. Raises frappe.ValidationError during a rotation."""
	if is_rotating():
		frappe.throw(
			"A rotation is under way: end it with `saas rotate-key --finish` before you begin another.",
			title="Rotation under way",
		)
	key = keys.generate()
	site_config.update_own(
		{
			NEXT: {"kid": key["kid"], "private": key["private"]},
			PUBLIC: {**public_keys(), key["kid"]: key["public"]},
		}
	)
	return key["kid"]


def unconfirmed(statuses: Collection[str]) -> list[str]:
	"""Tenants of these statuses whose sites are not known to trust the next key yet. Raises frappe.ValidationError outside of a rotation."""
	_only_while_rotating()
	kid = frappe.conf[NEXT]["kid"]
	rows = frappe.get_all("Tenant", {"status": ("in", statuses)}, ["name", "trusted_keys"], order_by="name")
	return [row.name for row in rows if kid not in (row.trusted_keys or "").split()]


def finish() -> str:
	"""Sign with the next key alone, and withdraw the one before; returns its id. Raises frappe.ValidationError outside of a rotation."""
	_only_while_rotating()
	old, following = frappe.conf[CURRENT], frappe.conf[NEXT]
	site_config.update_own(
		{CURRENT: following, NEXT: None, PUBLIC: {following["kid"]: public_keys()[following["kid"]]}}
	)
	return old["kid"]


def _only_while_rotating() -> None:
	if not is_rotating():
		frappe.throw("No rotation is under way: begin one with `saas rotate-key`.", title="No rotation")
