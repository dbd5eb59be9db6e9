"""Shows the admin site that it is this site that answers, and nobody else anything."""

import frappe
from frappe import _

from buildpro_saas.agent import proof


@frappe.whitelist(allow_guest=True, methods=["GET"])
def prove(nonce: str = "", question: str = "") -> dict:
	"""{"answer"}: what only this site can answer to the nonce, for whoever shows by `question` (agent/proof.py) that he knows its secret.

	On suspended and on expired sites, too. Raises frappe.DoesNotExistError (HTTP 404) for all others.
	"""
	secret, site = frappe.conf.get(proof.SECRET), frappe.local.site
	if not secret or not proof.is_right(question, proof.question(secret, site, str(nonce))):
		raise frappe.DoesNotExistError(_("Not found"))
	return {"answer": proof.answer(secret, site, str(nonce))}
