"""Frappe's packages, which are not there on tenants' sites.

A Package Import extracts an archive of the user's with `tar` below sites/SITE: with links in it, it writes wherever the bench's user may,
in `site_config.json`, in other tenants' sites, in the apps' code. A Package Release writes files by names that the user chooses.
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
	"""Refused where a tenant could extract an archive."""

	import_package = _not_on_tenant_sites(PackageImport.import_package)


class NoPackageRelease(PackageRelease):
	"""Refused where a tenant could write files, as a whole and by each of its parts."""

	export_files = _not_on_tenant_sites(PackageRelease.export_files)
	export_modules = _not_on_tenant_sites(PackageRelease.export_modules)
	export_package_files = _not_on_tenant_sites(PackageRelease.export_package_files)
	make_tarfile = _not_on_tenant_sites(PackageRelease.make_tarfile)
