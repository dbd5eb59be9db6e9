"""Frappe's documents that do more than keep data, refused where a feature gates them: the same on every way that leads to them."""

from typing import Any

from frappe.core.doctype.page.page import Page
from frappe.core.doctype.report.report import Report
from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType

from buildpro_saas.tenant_site import gates, restriction


class GatedReport(Report):
	"""Asked for by Desk and exports (is_permitted), by prepared and mailed reports (the others)."""

	def is_permitted(self) -> bool | None:
		gates.require_name("Report", self.name)
		return super().is_permitted()

	def get_data(self, *args, **kwargs) -> Any:
		gates.require_name("Report", self.name)
		return super().get_data(*args, **kwargs)

	def execute_query_report(self, *args, **kwargs) -> Any:
		gates.require_name("Report", self.name)
		return super().execute_query_report(*args, **kwargs)

	def execute_script_report(self, *args, **kwargs) -> Any:
		gates.require_name("Report", self.name)
		return super().execute_script_report(*args, **kwargs)


class GatedPage(Page):
	"""Asked for when Desk loads the page."""

	def is_permitted(self) -> bool | None:
		gates.require_name("Page", self.name)
		return super().is_permitted()


class PausingScheduledJobType(ScheduledJobType):
	"""Waits while the site is restricted, when what it does is the tenant's business; the next time it is due, it is done."""

	def enqueue(self, *args, **kwargs) -> bool:
		return False if self._pauses() else super().enqueue(*args, **kwargs)

	def execute(self) -> None:
		if not self._pauses():
			super().execute()

	def _pauses(self) -> bool:
		return restriction.pauses(self.method, bool(self.server_script))
