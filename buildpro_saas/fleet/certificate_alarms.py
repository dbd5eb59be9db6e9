"""Staff are told of certificates that run out, by what benches serve."""

import frappe
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.domains import records, served
from buildpro_saas.fleet import alerts
from buildpro_saas.jobs import lifecycle


def look_at_served() -> None:
	"""Each hour, on the admin site: ask each bench whose proxy is ours for its names, and alert staff 20, 7 and 1 days before an end."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		lifecycle.shielded(_look, bench)


def _look(bench: str) -> None:
	for told in served.alarms(bench):
		alerts.tell(
			_("{0}: the certificate of {1}").format(_(told.level), told.host),
			told.sentence,
			_(
				"It is tried again by itself. Its record says why it did not succeed, and when it is tried next."
			),
			records.CERTIFICATE,
			told.certificate,
		)
		served.note_told(told)
	frappe.db.commit()
