"""What staff do to a tenant, by Desk's buttons, from a shell and over HTTP. A part of the Tenant's controller."""

import frappe
from frappe import _

from buildpro_saas import tenant_status
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.doctype.tenant import cloning, free_names, validation
from buildpro_saas.datetimes import parse
from buildpro_saas.fleet import (
	backup_requests,
	benches,
	clones,
	owner_link,
	restores,
	shadow_requests,
	site_standing,
	taking_in,
)
from buildpro_saas.refusal import refuse


class TenantActions:
	"""Each action checks who asks. None uses the browser's copy of the document, and none commits."""

	# the reason why the tenant's site does not have what an action has just recorded; empty where it has
	warning = ""

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def provision(self) -> str:
		"""Make the site of a tenant that is Draft again, after its job was cancelled. Returns the new job's name."""
		staff.only_for_manager()
		# lock the bench's row before the tenant's, in the order of an insertion: so two requests never wait for each other
		validation.lock_bench(frappe.db.get_value("Tenant", self.name, "bench"))
		self._lock()
		if self.status != tenant_status.DRAFT:
			refuse(_("{0} is {1}: only a tenant that is Draft can be provisioned."), self.name, self.status)
		validation.check_links(self)
		validation.check_can_be_made(self)
		free_names.check(self)
		self._save_facts()
		return self._start_provisioning()

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def owner_link(self) -> dict:
		"""A new single-use link with which the owner sets a password. It is shown once and kept nowhere; a comment says that it was made."""
		staff.only_for_manager()
		self.reload()
		link = owner_link.login_link(self.name)
		self.add_comment("Info", _("made a link for the owner to set a password"))
		return {"link": link}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def copy_site(self, why: str | None = None, hours: float | int | None = None) -> dict:
		"""Start the job that copies the tenant's site into a shadow, to which it can be put back. For SaaS Manager.

		hours: for which the copy is kept. Returns {"shadow", "job"}. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		self.reload()
		shadow, job = shadow_requests.start_copy(self, why or "", hours)
		return {"shadow": shadow, "job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def swap_back(self, confirm: str, shadow: str | None = None) -> dict:
		"""Start the job that puts a shadow of the tenant in its site's place. For SaaS Manager.

		confirm: the tenant's subdomain. shadow: where it is left out, the newest: the site as it was before the last swap, or its last copy.
		Returns {"shadow", "job"}. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		shadow = shadow_requests.of_tenant(self.name, shadow)
		return {"shadow": shadow, "job": shadow_requests.start_swap(shadow, confirm)}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def back_up(self, why: str | None = None) -> dict:
		"""Start the job that takes a backup of the tenant's site. For SaaS Manager.

		Returns {"backup", "job"}. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		self.reload()
		backup, job = backup_requests.start(self, why=why or "")
		return {"backup": backup, "job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def restore(
		self,
		files: str | None = None,
		confirm: str = "",
		from_tenant: str | None = None,
		without_key: int = 0,
		backup: str | None = None,
		to: str | None = None,
	) -> dict:
		"""Start the job that restores the tenant's site: from a backup by its name, or in a folder (files), or to a moment. For SaaS Manager.

		to: such as 2027-01-31 14:05, in this site's time zone. confirm: the tenant's subdomain. from_tenant: whose backup it is, where it is another tenant's. without_key: 1 to give up
		passwords that the backup's key does not decrypt. Returns {"shadow", "job"}. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		self.reload()
		shadow, job = restores.start(self, files, confirm, from_tenant, bool(without_key), backup, to)
		return {"shadow": shadow, "job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def clone(self, subdomain: str, days: float | int | None = None, is_silenced: int = 1) -> dict:
		"""Make a tenant of its own that is a copy of this one, for staging or support. For SaaS Manager.

		days: after which it is suspended; left out: as SaaS Settings say. is_silenced: 0 where it is to send mails and to reach other systems
		as this one does. Returns {"tenant", "job"}. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		self.reload()
		new = cloning.clone(self, subdomain, days, bool(is_silenced))
		return {"tenant": new.name, "job": new.latest_job()["name"]}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def keep_clone(self, days: float | int) -> None:
		"""Let a clone end so many days from now. For SaaS Manager. Raises frappe.ValidationError for a tenant that is no clone."""
		staff.only_for_manager()
		self.reload()
		clones.keep_longer(self, days)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def list_customisations(self) -> str:
		"""Look which fields, settings, scripts and doctypes of its own the tenant's site has, and keep that on record. For SaaS Manager."""
		staff.only_for_manager()
		self.reload()
		return taking_in.list_customisations(self)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def set_plan(
		self, plan: str, at: str | None = None, trial_until: str | None = None, then: str | None = None
	) -> None:
		"""Give the tenant another plan: now, at a date, or on trial until a date and `then` another one. For SaaS Manager.

		Dates are in this site's time zone. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		self._lock_to_tell_its_site()
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
		"""Close the tenant's site to its users. Its data stays. For SaaS Manager."""
		self._change_status(tenant_status.SUSPENDED, _("suspended the tenant"), reason)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def mark_past_due(self, reason: str) -> None:
		"""Note that the tenant has not paid: its site says so, and works on. For SaaS Manager."""
		self._change_status(tenant_status.PAST_DUE, _("marked the tenant past due"), reason)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def resume(self, reason: str | None = None) -> None:
		"""Make a tenant that is Past Due or Suspended Active again. Everything works as before at once. For SaaS Manager."""
		self._change_status(tenant_status.ACTIVE, _("resumed the tenant"), reason, needs_reason=False)

	def _change_status(self, new: str, what: str, reason: str | None, *, needs_reason: bool = True) -> None:
		staff.only_for_manager()
		reason = (reason or "").strip()
		if needs_reason and not reason:
			refuse(_("Enter the reason: it stays on record with the tenant."), title=_("Reason"))
		self._lock_to_tell_its_site()  # the browser's copy may say anything
		if new == tenant_status.ACTIVE and self.status not in (
			tenant_status.PAST_DUE,
			tenant_status.SUSPENDED,
		):
			refuse(
				_("{0} is {1}: only a tenant that is Past Due or Suspended can be resumed."),
				self.name,
				self.status,
			)
		self.set_status(new)
		self.add_comment("Info", frappe.utils.escape_html(": ".join(filter(None, (what, reason)))))
		self._warn(_("{0} is {1} on record, and its site has not got that yet.").format(self.name, _(new)))

	def _lock_to_tell_its_site(self) -> None:
		"""Lock the row and read it. Before that, have its bench ready for `_warn`, which looks at the site while the row is held."""
		benches.prepare(frappe.db.get_value("Tenant", self.name, "bench"))
		self._lock()

	def _warn(self, text: str) -> None:
		"""Warn where the tenant's site could not be given what was just recorded: why, what to do, and when it is tried again."""
		if fault := site_standing.of_record(self):
			again = _(
				"Its site is tried again by itself, in ten minutes and then at growing intervals of up to an hour."
			)
			self.warning = f"{text} {fault} {again}"
			frappe.msgprint(
				frappe.utils.escape_html(self.warning), title=_("Not on the site"), indicator="orange"
			)
