import frappe
from frappe import _
from frappe.utils import flt, get_datetime, now_datetime

from buildpro_saas import tenant_status
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.doctype.tenant import commercial, company_name, tenant_region, validation
from buildpro_saas.control_plane.doctype.tenant.actions import TenantActions
from buildpro_saas.control_plane.doctype.tenant.entitlement import TenantEntitlement
from buildpro_saas.control_plane.host_names import check_subdomain
from buildpro_saas.fleet import benches
from buildpro_saas.jobs import lifecycle
from buildpro_saas.licensing import delivery
from buildpro_saas.refusal import refuse

# What only jobs write.
FACTS = (
	*("status", "site", "database", "created_in", "active_since", "entitlement_sequence"),
	*("entitlement_digest", "entitlement_renew_at", "trusted_keys", "token_since"),
	*("delivery_failing_since", "delivery_next_try"),
)
# Of these a caller may have an older value and mean nothing by it: deliveries write them without a new `modified`.
QUIET = (
	*("entitlement_sequence", "entitlement_digest", "entitlement_renew_at", "trusted_keys", "token_since"),
	*("delivery_failing_since", "delivery_next_try"),
)
# What the tenant's site was made from: a change here would make the record say what the site does not have.
FIXED_AFTER_DRAFT = ("bench", "database_name")
# A plan can be changed again once its site is there.
PLAN_CHANGES_IN = (tenant_status.DRAFT, *tenant_status.WITH_SITE)
# A job that failed over one of these goes on with another value.
FIXED_ONCE_MADE = ("owner_email", "country", "currency", "time_zone", "language")


class Tenant(TenantActions, TenantEntitlement, AdminDocument):
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
		bench: DF.Link | None
		company: DF.Data
		country: DF.Link | None
		created_in: DF.Float
		currency: DF.Link | None
		customisations: DF.TextEditor | None
		database: DF.Data | None
		database_name: DF.Data | None
		delivery_failing_since: DF.Datetime | None
		delivery_next_try: DF.Datetime | None
		entitlement_digest: DF.Data | None
		entitlement_renew_at: DF.Datetime | None
		entitlement_sequence: DF.Data | None
		language: DF.Link | None
		next_plan: DF.Link | None
		next_plan_on: DF.Datetime | None
		overrides: DF.Table[TenantOverride]
		owner_email: DF.Data
		owner_name: DF.Data
		plan: DF.Link
		plan_after_trial: DF.Link | None
		plan_version: DF.Link | None
		site: DF.Data | None
		status: DF.Literal[
			"Draft", "Provisioning", "Active", "Past Due", "Suspended", "Archived", "Removed", "Failed"
		]
		subdomain: DF.Data
		time_zone: DF.Autocomplete | None
		token_since: DF.Datetime | None
		trusted_keys: DF.SmallText | None
		trial_ends_on: DF.Datetime | None
	# end: auto-generated types

	def __init__(self, *args, **kwargs):
		super().__init__(*args, **kwargs)
		# a new record as the framework makes it for its REST API has this site's currency, whatever country follows
		if self.get("__unsaved") and not self.get("company"):
			self.currency = None

	def onload(self) -> None:
		"""Give the form the tenant's latest job and its site's address."""
		self.set_onload("job", self.latest_job())
		if self.trial_ends_on or self.next_plan_on:
			self.set_onload("plans", commercial.describe(self))
		if self.status in tenant_status.WITH_SITE:
			self.set_onload(
				"url", benches.site_url(self.site_name, frappe.get_cached_doc("Bench", self.bench).as_dict())
			)

	# -- inserting -------------------------------------------------------------------------------------------------

	def insert(self, *args, **kwargs) -> "Tenant":
		"""Insert as Document.insert does, with our sentences for a wrong choice and for names taken in the same second."""
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
				validation.refuse_database_taken(self.database_name)
			raise

	def db_insert(self, *args, **kwargs) -> None:
		"""The primary key decides between two requests of the same second: the loser gets the sentence, too."""
		try:
			super().db_insert(*args, **kwargs)
		except frappe.DuplicateEntryError:
			frappe.clear_last_message()
			if self.flags.is_adopted:
				validation.refuse_on_record(self)
			validation.refuse_taken(self)

	def before_insert(self) -> None:
		"""Check the subdomain before it becomes the record's name, and fill what staff left empty.

		Of a tenant that is adopted, its site has said all that (adoption.py).
		"""
		if self.flags.is_adopted:
			return
		settings = frappe.get_single("SaaS Settings")
		self.subdomain = check_subdomain(self.subdomain, settings.reserved())
		self.update(dict.fromkeys(FACTS))
		self.status = tenant_status.DRAFT
		self.set("apps", [])
		validation.fill_defaults(self)

	def validate(self) -> None:
		"""Refuse bad input with a sentence that says what to change, before anything is made."""
		if not self.is_new():
			self._keep_what_is_fixed()
			tenant_region.follow_country(self, self.get_doc_before_save())
		validation.check_details(self)
		if self.flags.is_adopted:
			return
		commercial.check(self)
		if self.is_new():
			validation.check_can_be_made(self)
			validation.check_names_free(self)
			validation.warn_of_same_company(self)
		elif (
			self.status == tenant_status.DRAFT
			and self.database_name
			and self.has_value_changed("database_name")
		):
			validation.check_names_free(self)

	def after_insert(self) -> None:
		"""Inserting a tenant is all that staff do: the job makes its site."""
		if not self.flags.is_adopted:
			self._start_provisioning()

	def on_update(self) -> None:
		"""The tenant's site is told what changed of what it may use. One that is being made gets it from its job, and what changed
		while the job ran as it becomes Active."""
		before = self.get_doc_before_save()
		if not before or self.status not in tenant_status.WITH_SITE:
			return
		if before.status not in tenant_status.WITH_SITE:
			if not self.is_entitlement_current():
				delivery.send([self.name], _("changed meanwhile"))
			return
		if before.company != self.company:
			company_name.tell(self, before.company)
		if before.status != self.status or commercial.are_terms_changed(self):
			delivery.send([self.name], _("its terms") if before.status == self.status else _(self.status))

	def after_delete(self) -> None:
		"""Whoever has the name next begins with no use of anything."""
		for doctype in ("Tenant Usage", "Tenant Limit Level"):
			frappe.db.delete(doctype, {"tenant": self.name})

	def on_trash(self) -> None:
		"""A record may go once nothing of the tenant is on a bench; what its jobs did stays on record (hooks.py)."""
		if self.status not in tenant_status.WITHOUT_SITE:
			refuse(
				_("{0} is {1}: only a tenant that is Draft or Removed can be deleted."),
				self.name,
				self.status,
			)

	# -- what jobs write -------------------------------------------------------------------------------------------

	@property
	def site_name(self) -> str:
		"""Host name, site name and folder name in one. Kept from the tenant's insertion: a bench's domain may change."""
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
		"""Go to another status, with what a job found (record_facts has it), recorded as one change of the document.

		Raises frappe.ValidationError for a way there is not.
		"""
		self._lock()
		self._take(facts or {})
		tenant_status.check_transition(self.name, self.status, new)
		self.status = new
		if new == tenant_status.ACTIVE and not self.active_since:
			self.active_since = now_datetime()
		self._save_facts()

	def record_facts(self, facts: dict) -> None:
		"""Keep what a job found: {"database": name, "apps": [{"app", "version", "commit"}], "created_in": seconds}.

		A fact that is not given stays as it is. An app's commit, where not given, is the one on the tenant's bench.
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
		return lifecycle.start("create_tenant", tenant=self.name, bench=self.bench).name

	def _lock(self) -> None:
		"""Hold the row until commit and read it as it is now, whatever the caller (or the browser) had of it."""
		self.flags.for_update = True  # a plain read would show what was when this transaction began
		self.reload()
		self.flags.for_update = False

	def _save_facts(self) -> None:
		# what staff entered was checked when they entered it; a plan that went since must not keep a job from ending
		self.flags.ignore_validate = self.flags.ignore_links = True
		try:
			self.save(ignore_permissions=True)
		finally:
			self.flags.ignore_validate = self.flags.ignore_links = False

	def _refuse_other_facts(self, before) -> None:
		"""What only jobs and buttons write is not entered. Raises frappe.ValidationError where it is given and another than on record."""
		for field in set(FACTS) - set(QUIET):
			df = self.meta.get_field(field)
			if _plain(df.fieldtype, self.get(field)) != _plain(df.fieldtype, before.get(field)):
				refuse(
					_(
						"The {0} of {1} is not entered, but follows from what is done with the tenant: it is {2}. Leave it out."
					),
					_(df.label),
					self.name,
					before.get(field) or _("empty"),
					title=_(df.label),
				)
		if [row.app for row in self.apps] != [row.app for row in before.apps]:
			refuse(
				_("The apps of {0} are those that its site has: leave them out."), self.name, title=_("Apps")
			)

	def _keep_what_is_fixed(self) -> None:
		before = self.get_doc_before_save()
		self._refuse_other_facts(before)
		self.update({field: before.get(field) for field in FACTS})
		self.set("apps", before.apps)
		fixed = () if before.status == tenant_status.DRAFT else FIXED_AFTER_DRAFT
		if before.status not in PLAN_CHANGES_IN:
			fixed += ("plan",)
		if before.status not in (tenant_status.DRAFT, tenant_status.FAILED):
			fixed += FIXED_ONCE_MADE
		for field in fixed:
			if (self.get(field) or "") != (before.get(field) or ""):
				refuse(
					_("The {0} of {1} is fixed, since its site is made from it: set it back to {2}."),
					_(self.meta.get_label(field)),
					self.name,
					before.get(field) or _("nothing"),
				)


def _plain(fieldtype: str, value: object) -> object:
	"""A fact in comparable form: as the database has it, as JSON has it, and without what a form drops of it."""
	if not value:
		return None
	if fieldtype == "Datetime":
		return get_datetime(value).replace(microsecond=0)
	return flt(value, 3) if fieldtype == "Float" else str(value)
