"""What staff do to a tenant, by Desk's buttons, from a shell and over HTTP. A part of the Tenant's controller."""

import frappe
from frappe import _

from buildpro_saas import tenant_status
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.doctype.tenant import validation
from buildpro_saas.datetimes import parse
from buildpro_saas.fleet import owner_link, site_standing
from buildpro_saas.refusal import refuse


class TenantActions:
	"""Each asks who it is, takes nothing from the browser's copy of the document, and commits nothing."""

	# why what an action has just put on record does not hold on the tenant's site; empty where it does
	warning = ""

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def provision(self) -> str:
		"""Make the site of a tenant that is Draft again because its job was cancelled; return the new job's name."""
		staff.only_for_manager()
		# the bench's row before the tenant's, as an insertion takes them: two requests never wait for each other
		validation.lock_bench(frappe.db.get_value("Tenant", self.name, "bench"))
		self._lock()
		if self.status != tenant_status.DRAFT:
			refuse(_("{0} is {1}: only a tenant that is Draft can be provisioned."), self.name, self.status)
		validation.check_links(self)
		validation.check_can_be_made(self)
		validation.check_names_free(self)
		self._save_facts()
		return self._start_provisioning()

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def owner_link(self) -> dict:
		"""A new single-use link with which the owner sets a password; shown once, kept nowhere. That it was made is kept."""
		staff.only_for_manager()
		self.reload()
		link = owner_link.login_link(self.name)
		self.add_comment("Info", _("made a link for the owner to set a password"))
		return {"link": link}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def set_plan(
		self, plan: str, at: str | None = None, trial_until: str | None = None, then: str | None = None
	) -> None:
		"""Give the tenant another plan: now, at a date, or on trial until a date and `then` another one; for SaaS Manager.

		Dates are in this site's time zone. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		self._lock()
		if at and (trial_until or then):
			refuse(
				_("A plan that begins at a date cannot begin with a trial: leave out either."),
				title=_("Plan"),
			)
		if at:
			self.update({"next_plan": plan, "next_plan_on": parse(at, _("Next Plan On"))})
		else:
			ends = parse(trial_until, _("Trial Ends On"))
			self.update({"plan": plan, "trial_ends_on": ends, "plan_after_trial": then or None})
			self.flags.has_new_trial = bool(ends)
		validation.check_links(self)
		self.save()
		if self.status in tenant_status.WITH_SITE:
			self._warn(
				_("The new plan of {0} is on record, and its site has not got it yet.").format(self.name)
			)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def suspend(self, reason: str) -> None:
		"""Close the tenant's site to its users; its data stays as it is. For SaaS Manager."""
		self._change_status(tenant_status.SUSPENDED, _("suspended the tenant"), reason)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def mark_past_due(self, reason: str) -> None:
		"""The tenant has not paid: its site says so, and works on. For SaaS Manager."""
		self._change_status(tenant_status.PAST_DUE, _("marked the tenant past due"), reason)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def resume(self, reason: str | None = None) -> None:
		"""Back to Active, from Past Due or Suspended: everything is as before at once. For SaaS Manager."""
		staff.only_for_manager()
		self._lock()  # the browser's copy may say anything
		if self.status not in (tenant_status.PAST_DUE, tenant_status.SUSPENDED):
			refuse(
				_("{0} is {1}: only a tenant that is Past Due or Suspended can be resumed."),
				self.name,
				self.status,
			)
		self._change_status(tenant_status.ACTIVE, _("resumed the tenant"), reason, needs_reason=False)

	def _change_status(self, new: str, what: str, reason: str | None, *, needs_reason: bool = True) -> None:
		staff.only_for_manager()
		reason = (reason or "").strip()
		if needs_reason and not reason:
			refuse(_("Enter the reason: it stays on record with the tenant."), title=_("Reason"))
		self.set_status(new)
		self.add_comment("Info", frappe.utils.escape_html(": ".join(filter(None, (what, reason)))))
		self._warn(_("{0} is {1} on record, and its site has not got that yet.").format(self.name, _(new)))

	def _warn(self, text: str) -> None:
		"""Say so where the tenant's site cannot be given what has just been put on record: why, what to do, and when it is tried again."""
		if fault := site_standing.of_record(self):
			again = _(
				"Its site is tried again by itself, in ten minutes and then at growing intervals of up to an hour."
			)
			self.warning = f"{text} {fault} {again}"
			frappe.msgprint(
				frappe.utils.escape_html(self.warning), title=_("Not on the site"), indicator="orange"
			)
