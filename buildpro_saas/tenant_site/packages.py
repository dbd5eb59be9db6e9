"""Frappe's packages, which are not there on tenants' sites.

A Package Import extracts an archive of the user's with `tar` below sites/SITE: with links in it, it writes wherever the bench's user may,
in `site_config.json`, in other tenants' sites, in the apps' code. A Package Release writes files by names that the user chooses.
"""

import frappe
from frappe import _
from frappe.core.doctype.package_import.package_import import PackageImport
from frappe.core.doctype.package_release.package_release import PackageRelease

from buildpro_saas import site_role


class NoPackageImport(PackageImport):
	"""Refused where a tenant could extract an archive."""

	def import_package(self) -> None:
		_refuse_on_tenant_site()
		super().import_package()


class NoPackageRelease(PackageRelease):
	"""Refused where a tenant could write files."""

	def export_files(self) -> None:
		_refuse_on_tenant_site()
		super().export_files()

	def export_modules(self) -> None:
		_refuse_on_tenant_site()
		super().export_modules()

	def export_package_files(self, package) -> None:
		_refuse_on_tenant_site()
		super().export_package_files(package)

	def make_tarfile(self, package) -> None:
		_refuse_on_tenant_site()
		super().make_tarfile(package)


def _refuse_on_tenant_site() -> None:
	if site_role.is_tenant_site():
		frappe.throw(
			_(
				"Packages cannot be imported or released on this site. Please ask its operator to install the app."
			),
			frappe.PermissionError,
			title=_("Not available here"),
		)
