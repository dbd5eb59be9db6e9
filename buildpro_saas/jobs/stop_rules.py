"""When a batch stops by itself: after so many failures, or once so many per cent of its turns have failed."""

import frappe
from frappe import _

from buildpro_saas.jobs import batch_rows

DOCTYPE = "Batch"
LEAST_FOR_RATE = 10  # turns that must have ended before `stop_rate` counts


def apply(batch: str) -> None:
	"""After a failure: stop the batch where its rules say so. The caller commits.

	What had failed when staff pressed Resume (`forgiven`) is counted by neither rule.
	"""
	fields = ["status", "stop_after", "stop_rate", "forgiven"]
	rules = frappe.db.get_value(DOCTYPE, batch, fields, as_dict=True, for_update=True)
	found = batch_rows.counts(batch)
	failed = found[batch_rows.FAILED] - rules.forgiven
	ended = failed + found[batch_rows.COMPLETED]
	rate = 100 * failed / ended if ended >= LEAST_FOR_RATE else 0
	if rules.stop_after and failed >= rules.stop_after:
		reason = _("It went wrong with {0} tenants.").format(failed)
	elif rules.stop_rate and rate >= rules.stop_rate:
		reason = _("It went wrong with {0} of {1} tenants.").format(failed, ended)
	else:
		return
	if rules.status in batch_rows.OPEN:
		hint = _("Look at what it says of them, mend the cause, then press Resume, Retry Failed, or Cancel.")
		frappe.db.set_value(DOCTYPE, batch, {"status": "Stopped", "reason": f"{reason} {hint}"})
		batch_rows.let_go_on(batch)
