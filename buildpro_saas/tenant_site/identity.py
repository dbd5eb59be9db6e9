"""Proves to the admin site that it is this site that answers. Nobody else learns anything here."""

import frappe
from frappe import _

from buildpro_saas.agent import proof


@frappe.whitelist(allow_guest=True, methods=["GET"])
def prove(nonce: str = "", question: str = "") -> dict:
	"""Answer the nonce as only this site can: {"answer"}.

	question: the caller's proof that it knows the site's secret (agent/proof.py). Works on suspended and expired sites, too. Raises
	frappe.DoesNotExistError (HTTP 404) for a caller that does not know the secret.
	"""
	secret, site = frappe.conf.get(proof.SECRET), frappe.local.site
	if (
		not isinstance(secret, str)
		or not secret
		or not proof.is_right(question, proof.question(secret, site, str(nonce)))
	):
		raise frappe.DoesNotExistError(_("Not found"))
	return {"answer": proof.answer(secret, site, str(nonce))}
