import frappe
from frappe import _

from buildpro_saas import region
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.fleet import bench_trash, database_account
from buildpro_saas.fleet.image_spec import DEFAULT_LANGUAGE
from buildpro_saas.licensing import delivery
from buildpro_saas.refusal import refuse

# Each is a site with its database, made by a job of its own: a number with a digit too many would fill the disk.
MOST_STANDBY_SITES = 100
IN_ENTITLEMENTS = ("support_contact", "entitlement_valid_days", "entitlement_grace_days")


class SaaSSettings(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.standby_pool.standby_pool import StandbyPool

		base_domain: DF.Data | None
		build_images: DF.Check
		database_password: DF.Password | None
		database_user: DF.Data | None
		default_bench: DF.Link | None
		entitlement_grace_days: DF.Int
		entitlement_valid_days: DF.Int
		reserved_subdomains: DF.SmallText | None
		shipped: DF.SmallText | None
		standby_pools: DF.Table[StandbyPool]
		support_contact: DF.Data | None
		token_days: DF.Int
		trash_days: DF.Int
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
		if (self.entitlement_valid_days or 0) < 1:
			refuse(_("An entitlement must be valid for a day at least: enter 1 or more days."))
		if self.default_bench and frappe.db.get_value("Bench", self.default_bench, "status") != "Active":
			refuse(
				_("The bench {0} is not active: choose another default bench, or activate it."),
				self.default_bench,
			)
		self._check_pools()
		self._move_account()

	def on_update(self) -> None:
		"""What stands in the tenants' entitlements reaches their sites at once."""
		if any(self.has_value_changed(field) for field in IN_ENTITLEMENTS):
			delivery.send(None, _("SaaS Settings"))

	def reserved(self) -> list[str]:
		"""Subdomains that no tenant gets, in small letters, each once, in the order given."""
		return list(dict.fromkeys((self.reserved_subdomains or "").lower().split()))

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
		"""Try the account that was entered and move it to its file on this bench; of the password nothing stays here."""
		password, self.database_password = self.database_password, None
		if not password:
			if self.database_user and self.database_user != database_account.user():
				refuse(_("Enter the password of the database user {0}, too."), self.database_user)
			return
		if not self.database_user:
			refuse(_("Enter the database user that the password belongs to."))
		database_account.store(self.database_user, password)
		self.set_onload("has_account", True)
