"""Makes a clone of a tenant: a tenant of its own that is a copy, for staging or support."""

import frappe
from frappe import _

from buildpro_saas import tenant_status
from buildpro_saas.fleet import benches, clones
from buildpro_saas.refusal import refuse

# What a clone has of its original: the same people see the same site, with the same plan.
SAME = (
	*("company", "owner_name", "owner_email", "country", "currency", "time_zone", "language"),
	*("plan", "plan_version", "bench"),
)
ROWS = {
	"addons": ("addon", "quantity", "starts_on", "ends_on", "reason"),
	"overrides": (
		*("kind", "feature", "access", "limit_key", "value", "is_hard", "starts_on", "ends_on", "reason"),
	),
}


def clone(original, subdomain: str, days: float | None, is_silenced: bool):
	"""Make the clone of the tenant (document), and start its job; returns the new document. The caller commits.

	days: after which it is suspended; None: as SaaS Settings say. Raises frappe.ValidationError with what to change; nothing is begun then.
	"""
	if original.status not in tenant_status.WITH_SITE:
		refuse(
			_("{0} is {1}, and has no site to clone."), original.name, _(original.status), title=_("Clone")
		)
	benches.only_reached(original.bench)
	new = frappe.get_doc(
		{"doctype": "Tenant", "subdomain": subdomain, **{field: original.get(field) for field in SAME}}
	)
	for table, fields in ROWS.items():
		for row in original.get(table) or ():
			new.append(table, {field: row.get(field) for field in fields if row.meta.has_field(field)})
	given = {"playbook": clones.PLAYBOOK, "cloned_from": original.name, "is_silenced": is_silenced}
	new.flags.made_from = {
		"origin": frappe.as_json(given),
		"cloned_from": original.name,
		"expires_on": clones.until(days),
		"is_silenced": int(is_silenced),
	}
	new.insert()
	original.add_comment("Info", frappe.utils.escape_html(_("was cloned as {0}").format(new.name)))
	return new
