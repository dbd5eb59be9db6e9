"""What of Frappe is replaced with the first request or job of a tenant's site, and not as this app is imported.

Frappe's modules of mails and PDFs open log files as they are imported, which takes a bench to be in; its importer is slow to import.
"""

import sys

from buildpro_saas import site_role
from buildpro_saas.tenant_site.sandbox import import_files, mail_styles, printing


def on_request() -> None:
	"""Hook `before_request`."""
	if site_role.is_tenant_site():
		mail_styles.keep()
		printing.keep()
		import_files.keep()


def on_job() -> None:
	"""Hook `before_job`: a job that does not import is spared the importer, for Frappe has loaded the job's method by now."""
	if site_role.is_tenant_site():
		mail_styles.keep()
		printing.keep()
		if import_files.IMPORTER in sys.modules:
			import_files.keep()
