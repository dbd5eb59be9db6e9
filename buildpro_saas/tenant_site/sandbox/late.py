"""Replaces parts of Frappe with the first request or job of a tenant's site, and not when this app is imported.

Frappe's modules for mails and PDFs open log files as they are imported, so they need a bench. Its importer is slow to import.
"""

import sys

from buildpro_saas import site_role
from buildpro_saas.tenant_site.sandbox import import_files, mail_styles, printing


def on_request() -> None:
	"""Hook `before_request`: on a tenant's site, replace them all."""
	if site_role.is_tenant_site():
		mail_styles.keep()
		printing.keep()
		import_files.keep()


def on_job() -> None:
	"""Hook `before_job`: the same, but the importer only where it is loaded already.

	Frappe has loaded the job's own method by now. So a job that imports no data does not wait for the importer.
	"""
	if site_role.is_tenant_site():
		mail_styles.keep()
		printing.keep()
		if import_files.IMPORTER in sys.modules:
			import_files.keep()
