import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas import tenant_status
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.doctype.tenant import (
	commercial,
	company_name,
	fixed_fields,
	free_names,
	tenant_region,
	validation,
)
from buildpro_saas.control_plane.doctype.tenant.actions import TenantActions
from buildpro_saas.control_plane.doctype.tenant.domains import TenantDomains
from buildpro_saas.control_plane.doctype.tenant.entitlement import TenantEntitlement
from buildpro_saas.control_plane.doctype.tenant.life import TenantLife
from buildpro_saas.control_plane.host_names import check_subdomain
from buildpro_saas.fleet import backup_keys, removals, site_state
from buildpro_saas.jobs import lifecycle
from buildpro_saas.licensing import delivery, signing
from buildpro_saas.refusal import refuse


class Tenant(TenantActions, TenantLife, TenantDomains, TenantEntitlement, AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.tenant_add_on.tenant_add_on import TenantAddon
		from buildpro_saas.control_plane.doctype.tenant_app.tenant_app import TenantApp
		from buildpro_saas.control_plane.doctype.tenant_override.tenant_override import TenantOverride

		active_since: DF.Datetime | None
		addons: DF.Table[TenantAddon]
		apps: DF.Table[TenantApp]
		backup_at: DF.Data | None
		backup_kept_until: DF.Date | None
		backups_per_day: DF.Int
		bench: DF.Link | None
		cloned_from: DF.Link | None
		company: DF.Data
		country: DF.Link | None
		created_in: DF.Float
		currency: DF.Link | None
		customisations: DF.TextEditor | None
		customisations_found: DF.LongText | None
		customisations_found_on: DF.Datetime | None
		database: DF.Data | None
		database_history: DF.LongText | None
		database_name: DF.Data | None
		delivery_failing_since: DF.Datetime | None
		delivery_next_try: DF.Datetime | None
		drill_error: DF.SmallText | None
		drill_failed_at: DF.Datetime | None
		drill_status: DF.Literal["", "Passed", "Failed"]
		drilled_at: DF.Datetime | None
		entitlement_digest: DF.Data | None
		entitlement_renew_at: DF.Datetime | None
		entitlement_sequence: DF.Data | None
		expires_on: DF.Datetime | None
		is_silenced: DF.Check
		keep_daily: DF.Int
		keep_monthly: DF.Int
		keep_weekly: DF.Int
		key_destroyed_on: DF.Datetime | None
		language: DF.Link | None
		last_backup: DF.Link | None
		next_plan: DF.Link | None
		next_plan_on: DF.Datetime | None
		origin: DF.LongText | None
		overrides: DF.Table[TenantOverride]
		owner_email: DF.Data
		owner_name: DF.Data
		plan: DF.Link
		plan_after_trial: DF.Link | None
		plan_version: DF.Link | None
		recover_seconds: DF.Float
		rehearsal: DF.Literal["", "Passes", "Fails", "Nothing To Do"]
		rehearsal_facts: DF.LongText | None
		rehearsal_says: DF.SmallText | None
		rehearsed_at: DF.Datetime | None
		removal_job: DF.Data | None
		removal_note: DF.SmallText | None
		removed_by: DF.Data | None
		removed_on: DF.Datetime | None
		site: DF.Data | None
		status: DF.Literal[
			"Draft", "Provisioning", "Active", "Past Due", "Suspended", "Archived", "Removed", "Failed"
		]
		subdomain: DF.Data
		taken_in_from: DF.Data | None
		time_zone: DF.Autocomplete | None
		token_since: DF.Datetime | None
		trusted_keys: DF.SmallText | None
		trial_ends_on: DF.Datetime | None
	# end: auto-generated types

	def __init__(self, *args, **kwargs):
		super().__init__(*args, **kwargs)
		# the framework's REST API makes a new record with this site's currency, whatever country is given later
		if self.get("__unsaved") and not self.get("company"):
			self.currency = None

	def onload(self) -> None:
		"""Give the form the tenant's latest job and its site's address."""
		self.set_onload("job", self.latest_job())
		if self.trial_ends_on or self.next_plan_on:
			self.set_onload("plans", commercial.describe(self))
		if self.status in tenant_status.WITH_SITE:
			self.show_addresses()
			if site_state.is_here(self.bench):  # another bench's helper takes a second to start
				self.set_onload("site_state", site_state.of_tenant(self))

	# -- inserting -------------------------------------------------------------------------------------------------

	def insert(self, *args, **kwargs) -> "Tenant":
		"""Insert as Document.insert does, with our own sentences for a wrong choice, and for a name taken in the same second."""
		if not (self.flags.ignore_permissions or kwargs.get("ignore_permissions")):
			self.check_permission("create")
		validation.check_links(self)
		if not self.flags.is_adopted:
			tenant_region.fill(self)
		try:
			return super().insert(*args, **kwargs)
		except frappe.UniqueValidationError as error:
			frappe.clear_last_message()
			if "database_name" in str(error):
				free_names.refuse_database_taken(self.database_name)
			raise

	def db_insert(self, *args, **kwargs) -> None:
		"""Of two requests in the same second, the primary key decides. The loser gets our sentence, too."""
		try:
			super().db_insert(*args, **kwargs)
		except frappe.DuplicateEntryError:
			frappe.clear_last_message()
			if self.flags.is_adopted:
				free_names.refuse_on_record(self)
			free_names.refuse_taken(self)

	def before_insert(self) -> None:
		"""Check the subdomain before it becomes the record's name, and fill what staff left empty.

		For a tenant that is adopted, its site has said all of that (adoption.py).
		"""
		if self.flags.is_adopted:
			return
		settings = frappe.get_single("SaaS Settings")
		self.subdomain = check_subdomain(self.subdomain, settings.reserved())
		self.update(dict.fromkeys(fixed_fields.FACTS))
		self.update(self.flags.made_from or {})  # of the server alone: what a caller gives is gone by now
		self.status = tenant_status.DRAFT
		self.set("apps", [])
		validation.fill_defaults(self)

	def validate(self) -> None:
		"""Refuse bad input with a sentence that says what to change, before anything is made."""
		if not self.is_new():
			fixed_fields.keep(self)
			tenant_region.follow_country(self, self.get_doc_before_save())
		validation.check_details(self)
		if self.flags.is_adopted:
			return
		commercial.check(self)
		if self.is_new():
			validation.lock_bench(self.bench)
			validation.check_can_be_made(self)
			free_names.check(self)
			if not self.cloned_from:
				validation.warn_of_same_company(self)
		elif (
			self.status == tenant_status.DRAFT
			and self.database_name
			and self.has_value_changed("database_name")
		):
			free_names.check(self)

	def after_insert(self) -> None:
		"""Inserting a tenant is all that staff do: the job makes its site."""
		if not self.flags.is_adopted:
			self._start_provisioning()

	def on_update(self) -> None:
		"""Send the tenant's site what changed of what it may use.

		A site that is being made gets its entitlement from its job. What changed while the job ran is sent when the tenant becomes Active.
		"""
		before = self.get_doc_before_save()
		self.follow_in_proxy(before)
		if not before or self.status not in tenant_status.WITH_SITE:
			return
		if before.status not in tenant_status.WITH_SITE:
			if not signing.is_current(self):
				delivery.send([self.name], _("changed meanwhile"))
			return
		if before.company != self.company:
			company_name.tell(self, before.company)
		if before.status != self.status or commercial.are_terms_changed(self):
			delivery.send([self.name], _("its terms") if before.status == self.status else _(self.status))

	def after_delete(self) -> None:
		"""Delete its usage: the next tenant with this name begins without any. Nobody can read its backups any more."""
		backup_keys.destroy(self.name)
		for doctype in ("Tenant Usage", "Tenant Limit Level"):
			frappe.db.delete(doctype, {"tenant": self.name})

	def on_trash(self) -> None:
		"""Refuse to delete the record while anything of the tenant is on a bench. What its jobs did stays on record (hooks.py)."""
		if self.status not in tenant_status.WITHOUT_SITE:
			refuse(
				_("{0} is {1}: only a tenant that is Draft or Removed can be deleted."),
				self.name,
				self.status,
			)
		removals.check_deletable(self)

	# -- what jobs write -------------------------------------------------------------------------------------------

	@property
	def site_name(self) -> str:
		"""Host name, site name and folder name in one. It is kept from the tenant's insertion, because a bench's domain may change."""
		return self.site or f"{self.subdomain}.{frappe.get_cached_doc('Bench', self.bench).domain}"

	def latest_job(self) -> dict | None:
		"""name, status and title of the tenant's newest Provisioning Job; None when it never had one."""
		fields = ["name", "status", "title"]
		jobs_of_tenant = frappe.get_all(
			"Provisioning Job", {"tenant": self.name}, fields, order_by="creation desc", limit=1
		)
		return jobs_of_tenant[0] if jobs_of_tenant else None

	def can_become(self, new: str) -> bool:
		"""Whether the tenant may go to that status from the one that it has, or has it already."""
		return new == self.status or new in tenant_status.TRANSITIONS.get(self.status, ())

	def set_status(self, new: str, facts: dict | None = None) -> None:
		"""Go to another status and record what a job found (as record_facts takes it), as one change of the document.

		Raises frappe.ValidationError for a transition that is not allowed.
		"""
		self._lock()
		self._take(facts or {})
		tenant_status.check_transition(self.name, self.status, new)
		self.status = new
		if new == tenant_status.ACTIVE and not self.active_since:
			self.active_since = now_datetime()
		self._save_facts()

	def record_facts(self, facts: dict) -> None:
		"""Record what a job found: {"database": name, "apps": [{"app", "version", "commit"}], "created_in": seconds}.

		A fact that is not given stays as it is. An app without a commit gets the commit that is on the tenant's bench.
		"""
		self._lock()
		self._take(facts)
		self._save_facts()

	def _take(self, facts: dict) -> None:
		self.database = facts.get("database") or self.database
		if facts.get("created_in") is not None:
			self.created_in = facts["created_in"]
		if facts.get("apps") is not None:
			commits = {row.app: row.commit for row in frappe.get_doc("Bench", self.bench).apps}
			rows = [{"commit": commits.get(app["app"]), **app} for app in facts["apps"]]
			self.set("apps", [{key: row.get(key) for key in ("app", "version", "commit")} for row in rows])

	# -- own -------------------------------------------------------------------------------------------------------

	def _start_provisioning(self) -> str:
		tenant_status.check_transition(self.name, self.status, tenant_status.PROVISIONING)
		self.db_set("status", tenant_status.PROVISIONING, notify=True, update_modified=False)
		given = frappe.parse_json(self.origin or '{"playbook": "create_tenant"}')
		playbook = given.pop("playbook")
		return lifecycle.start(playbook, tenant=self.name, bench=self.bench, inputs=given).name

	def _lock(self) -> None:
		"""Lock the row until commit and read it as it is now, whatever the caller (or the browser) had of it."""
		self.flags.for_update = True  # a plain read would show what was when this transaction began
		self.reload()
		self.flags.for_update = False

	def _save_facts(self) -> None:
		# what staff entered was checked when they entered it: a plan that has gone since must not keep a job from ending
		self.flags.ignore_validate = self.flags.ignore_links = True
		try:
			self.save(ignore_permissions=True)
		finally:
			self.flags.ignore_validate = self.flags.ignore_links = False
