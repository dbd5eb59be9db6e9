from urllib.parse import urlsplit

import frappe
from frappe import _
from frappe.utils import validate_email_address

from buildpro_saas import region
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.doctype.tenant import backup_settings
from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.domains import publishing
from buildpro_saas.fleet import (
	admin_backup,
	admin_drill,
	backup_keys,
	backups,
	bench_trash,
	database_account,
	exports,
	holds,
	migrate_ways,
	offsite,
	removals,
	renames,
	shadows,
)
from buildpro_saas.fleet.image_spec import DEFAULT_LANGUAGE
from buildpro_saas.licensing import delivery
from buildpro_saas.monitoring import alert_settings, telling
from buildpro_saas.refusal import refuse

# Each standby site is a site with its database, made by a job: a number with a digit too many would fill the disk.
MOST_STANDBY_SITES = 100
TOKEN_LENGTH = 32
IN_ENTITLEMENTS = ("support_contact", "entitlement_valid_days", "entitlement_grace_days")


class SaaSSettings(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.standby_pool.standby_pool import StandbyPool

		acme_contact: DF.Data | None
		acme_directory: DF.Data | None
		acme_directory_2: DF.Data | None
		acme_eab_hmac: DF.Password | None
		acme_eab_kid: DF.Data | None
		admin_backups_per_day: DF.Int
		admin_keep_daily: DF.Int
		admin_keep_monthly: DF.Int
		admin_keep_weekly: DF.Int
		alert_channels: DF.Password | None
		alert_digest: DF.Literal["", "Daily", "Weekly", "Daily and Weekly"]
		alert_escalate_minutes: DF.Int
		alert_escalate_to: DF.SmallText | None
		alert_fault: DF.SmallText | None
		alert_hook_secret: DF.Password | None
		alert_hook_url: DF.Password | None
		alert_hours: DF.Data | None
		alert_least: DF.Literal["Info", "Warning", "Critical"]
		alert_mail_to: DF.SmallText | None
		alert_repeat_hours: DF.Int
		base_domain: DF.Data | None
		build_images: DF.Check
		clone_days: DF.Int
		database_password: DF.Password | None
		database_user: DF.Data | None
		default_bench: DF.Link | None
		dns_provider: DF.Link | None
		dns_records: DF.Literal["Wildcard", "A record a tenant"]
		entitlement_grace_days: DF.Int
		entitlement_valid_days: DF.Int
		export_hours: DF.Int
		longest_copy: DF.Int
		longest_hold: DF.Int
		metrics_token: DF.Password | None
		offsite_access_key: DF.Data | None
		offsite_bucket: DF.Data | None
		offsite_endpoint: DF.Data | None
		offsite_folder: DF.Data | None
		offsite_keep_daily: DF.Int
		offsite_keep_monthly: DF.Int
		offsite_keep_weekly: DF.Int
		offsite_kind: DF.Literal["", "S3", "Folder"]
		offsite_only_adds: DF.Check
		offsite_prefix: DF.Data | None
		offsite_region: DF.Data | None
		offsite_secret_key: DF.Password | None
		recovery_recipient: DF.Data | None
		redirect_days: DF.Int
		removed_days: DF.Int
		reserved_subdomains: DF.SmallText | None
		shadow_hours: DF.Int
		shipped: DF.SmallText | None
		standby_pools: DF.Table[StandbyPool]
		support_contact: DF.Data | None
		token_days: DF.Int
		trash_days: DF.Int
		watchdog_url: DF.Password | None
	# end: auto-generated types

	def onload(self) -> None:
		"""Tell the form whether the control plane can make databases yet."""
		self.set_onload("has_account", database_account.has_account())
		self.database_user = database_account.user()

	def validate(self) -> None:
		"""Normalise names; store the database account where it belongs."""
		if self.base_domain:
			self.base_domain = check_domain(self.base_domain)
		self.reserved_subdomains = "\n".join(self.reserved())
		self.trash_days = self.trash_days or bench_trash.DAYS
		self.shadow_hours = self.shadow_hours or shadows.HOURS
		self.longest_hold = self.longest_hold or holds.LONGEST
		self._check_own_backups()
		self.export_hours = self.export_hours or exports.HOURS
		self.longest_copy = self.longest_copy or migrate_ways.QUICK
		self.redirect_days = self.redirect_days or renames.DAYS
		self.removed_days = self.removed_days or removals.DAYS
		if (self.entitlement_valid_days or 0) < 1:
			refuse(_("An entitlement must be valid for a day at least: enter 1 or more days."))
		if self.default_bench and frappe.db.get_value("Bench", self.default_bench, "status") != "Active":
			refuse(
				_("The bench {0} is not active: choose another default bench, or activate it."),
				self.default_bench,
			)
		self._check_pools()
		self._move_account()
		offsite.check(self)
		self._check_authorities()
		alert_settings.check(self)
		self._check_metrics_token()
		if (self.recovery_recipient or "") != backup_keys.recipient():
			refuse(
				_("A recovery key is set by `saas recovery-key` alone: leave Recovery Recipient as it is.")
			)

	def on_update(self) -> None:
		"""Send the tenants' sites at once what stands in their entitlements (the contact), and have proxies follow the base domain."""
		if any(self.has_value_changed(field) for field in IN_ENTITLEMENTS):
			delivery.send(None, _("SaaS Settings"))
		if self.has_value_changed("base_domain"):
			publishing.want_all()

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def back_up_admin_site(self, why: str | None = None) -> dict:
		"""Start the job that takes a backup of this site: {"backup", "job"}. For SaaS Manager. Raises frappe.ValidationError with what to change."""
		staff.only_for_manager()
		backup, job = admin_backup.start(why or "")
		return {"backup": backup, "job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def drill_admin_site(self) -> dict:
		"""Start the job that drills this site's newest backup: {"backup", "job"}. For SaaS Manager. Raises frappe.ValidationError where there is none."""
		staff.only_for_manager()
		backup, job = admin_drill.start()
		return {"backup": backup, "job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def send_test_alert(self) -> list[str]:
		"""Tell every way that is set up that this is a test; returns what went wrong, a sentence each. For SaaS Manager."""
		staff.only_for_manager()
		return telling.send_test()

	def reserved(self) -> list[str]:
		"""Subdomains that no tenant gets, in small letters, each once, in the order given."""
		return list(dict.fromkeys((self.reserved_subdomains or "").lower().split()))

	def _check_own_backups(self) -> None:
		"""Fill in what is empty, and refuse numbers out of bounds."""
		for field, usual in backups.OF_ADMIN_SITE.items():
			name, most = f"admin_{field}", backup_settings.MOST_BACKUPS[field]
			self.set(name, self.get(name) or usual)
			if self.get(name) > most:
				refuse(_("{0} must be {1} at most."), _(self.meta.get_label(name)), most)

	def _check_pools(self) -> None:
		seen = set()
		for row in self.standby_pools:
			row.company_language = (row.company_language or DEFAULT_LANGUAGE) if row.company_country else None
			kind = (row.plan, row.company_country, row.company_language)
			if kind in seen:
				refuse(
					_("The plan {0} has two standby pools for the same tenants ({1}): take one out."),
					row.plan,
					row.company_country or _("all countries"),
				)
			seen.add(kind)
			self._check_numbers(row)
			if row.company_country and not region.currency(region.code_of(row.company_country)):
				refuse(
					_("{0} has no currency of its own: leave the country of its standby pool empty."),
					row.company_country,
				)

	def _check_authorities(self) -> None:
		"""Refuse addresses of certificate authorities that are none."""
		for field in ("acme_directory", "acme_directory_2"):
			address = (self.get(field) or "").strip()
			self.set(field, address)
			if address and not _is_https(address):
				refuse(
					_(
						"The {0} is no directory of an authority: enter its address, which begins with https://."
					),
					_(self.meta.get_label(field)),
				)
		if self.acme_contact and not validate_email_address(self.acme_contact):
			refuse(_("{0} is no e-mail address."), self.acme_contact)

	def _check_metrics_token(self) -> None:
		"""Refuse a token that is easy to guess. One that was kept before comes as stars."""
		token = self.metrics_token or ""
		if token and not self.is_dummy_password(token) and len(token) < TOKEN_LENGTH:
			refuse(
				_("The token for Prometheus is too short: enter {0} random characters or more."), TOKEN_LENGTH
			)

	def _check_numbers(self, row) -> None:
		if max(row.sites or 0, row.most_sites or 0) > MOST_STANDBY_SITES:
			refuse(
				_("The standby pool of the plan {0} may keep {1} sites at most: enter a smaller number."),
				row.plan,
				MOST_STANDBY_SITES,
			)
		if row.most_sites and row.most_sites < (row.sites or 0):
			refuse(
				_(
					"The most of the standby pool of the plan {0} ({1}) is below its number of sites ({2}): raise it."
				),
				row.plan,
				row.most_sites,
				row.sites,
			)

	def _move_account(self) -> None:
		"""Try the account that was entered, and move it to its file on this bench. The password is not kept here."""
		password, self.database_password = self.database_password, None
		if not password:
			if self.database_user and self.database_user != database_account.user():
				refuse(_("Enter the password of the database user {0}, too."), self.database_user)
			return
		if not self.database_user:
			refuse(_("Enter the database user that the password belongs to."))
		database_account.store(self.database_user, password)
		self.set_onload("has_account", True)


def _is_https(address: str) -> bool:
	try:
		parts = urlsplit(address)
	except ValueError:  # an address of the sixth version that is not closed, say
		return False
	return parts.scheme == "https" and bool(parts.hostname) and address.isprintable()
