"""Refuses Frappe's packages on tenants' sites.

A Package Import extracts a user's archive with `tar` below sites/SITE. With links in the archive it writes wherever the bench's user
may: `site_config.json`, other tenants' sites, the apps' code. A Package Release writes files under names that the user chooses.
"""

from collections.abc import Callable
from functools import wraps

import frappe
from frappe import _
from frappe.core.doctype.package_import.package_import import PackageImport
from frappe.core.doctype.package_release.package_release import PackageRelease

from buildpro_saas import site_role


def _not_on_tenant_sites(method: Callable) -> Callable:
	@wraps(method)
	def guarded(*args):
		if site_role.is_tenant_site():
			frappe.throw(
				_(
					"Packages cannot be imported or released on this site. Please ask its operator to install the app."
				),
				frappe.PermissionError,
				title=_("Not available here"),
			)
		return method(*args)

	return guarded


class NoPackageImport(PackageImport):
	"""Refuses to extract an archive."""

	import_package = _not_on_tenant_sites(PackageImport.import_package)


class NoPackageRelease(PackageRelease):
	"""Refuses to write files, as a whole and in each of its parts."""

	export_files = _not_on_tenant_sites(PackageRelease.export_files)
	export_modules = _not_on_tenant_sites(PackageRelease.export_modules)
	export_package_files = _not_on_tenant_sites(PackageRelease.export_package_files)
	make_tarfile = _not_on_tenant_sites(PackageRelease.make_tarfile)
