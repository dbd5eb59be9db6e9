"""What a tenant has of its own about backups: how many, how long they are kept, and when."""

import re

from frappe import _

from buildpro_saas.refusal import refuse

MOST_BACKUPS = {"backups_per_day": 24, "keep_daily": 3650, "keep_weekly": 520, "keep_monthly": 120}


def check(tenant) -> None:
	"""Raise frappe.ValidationError for numbers out of bounds, and for what is no time of day."""
	at = (tenant.backup_at or "").strip()
	# a Time field would not do: Desk fills an empty one with the time of day
	if at and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", at):
		refuse(
			_("{0} must be a time of day such as 01:30."),
			_(tenant.meta.get_label("backup_at")),
			title=_("Backups"),
		)
	tenant.backup_at = at or None
	for field, most in MOST_BACKUPS.items():
		if not -1 <= (tenant.get(field) or 0) <= most:
			label = _(tenant.meta.get_label(field))
			refuse(_("{0} must be between -1 and {1}."), label, most, title=_("Backups"))
