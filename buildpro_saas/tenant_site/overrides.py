"""Reports, pages and scheduled jobs: refused or paused where the plan says so.

It is done in their classes, because every way to them goes through those.
"""

from html import escape
from typing import Any

import frappe
from frappe import _
from frappe.core.doctype.page.page import Page
from frappe.core.doctype.report.report import Report
from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType
from frappe.utils import get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.tenant_site import gates, restriction
from buildpro_saas.tenant_site.installed_apps_guard import APP

FRAMEWORK = "frappe"


class GatedReport(Report):
	"""Refused where a feature gates it. Desk and exports call is_permitted; prepared and mailed reports call the other methods."""

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
	"""Refused where a feature gates it. Desk calls is_permitted as it loads the page."""

	def is_permitted(self) -> bool | None:
		gates.require_name("Page", self.name)
		return super().is_permitted()


class PausingScheduledJobType(ScheduledJobType):
	"""A scheduled job that waits while the site is restricted, if it does the tenant's business. It runs when it is next due.

	Frappe lets a System Manager name any function without arguments. Some functions act on the whole bench: they empty its queues, enter
	other sites, or take the site's role and entitlement away. So on a tenant's site a job may name only what an app schedules, or a
	function of an app other than the framework and this one.
	"""

	def validate(self) -> None:
		self.refuse_internals()
		super().validate()

	def refuse_internals(self) -> None:
		"""Raise frappe.PermissionError for a function that no app schedules and that belongs to the framework, this app or no app."""
		if self.server_script or not site_role.is_tenant_site() or self.method in scheduled_methods():
			return
		if app_of(self.method) not in apps_of_bench() - {APP, FRAMEWORK}:
			frappe.throw(
				_(
					"{0} is no job that can be scheduled here: choose one that an app schedules, or a function of an app's own."
				).format(escape(str(self.method))),
				frappe.PermissionError,
				title=_("Not a job for this site"),
			)

	def is_event_due(self, current_time=None) -> bool:
		"""As Frappe's, but a last run in the future counts as due: it was noted while the clock ran ahead."""
		now = current_time or now_datetime()
		if self.last_execution and get_datetime(self.last_execution) > now:
			return True
		return super().is_event_due(current_time)

	def enqueue(self, *args, **kwargs) -> bool:
		return False if self._pauses() else super().enqueue(*args, **kwargs)

	def execute(self) -> None:
		self.refuse_internals()  # again: rows can be written without being validated
		if not self._pauses():
			super().execute()

	def _pauses(self) -> bool:
		return restriction.pauses(self.method, bool(self.server_script))


def scheduled_methods() -> set[str]:
	"""Every method that an app of this site has under scheduler_events in its hooks.py."""
	found: set[str] = set()
	waiting = [frappe.get_hooks("scheduler_events")]
	while waiting:
		part = waiting.pop()
		if isinstance(part, str):
			found.add(part)
		else:
			waiting.extend(part.values() if isinstance(part, dict) else part)
	return found


def app_of(method: str | None) -> str | None:
	"""The app that has the function's code, None for what is no function of an app. Nothing outside of apps is imported.

	It may not be the app in the dotted name: a module also has what it imports.
	"""
	module, _dot, name = (method or "").rpartition(".")
	if module.partition(".")[0] not in apps_of_bench():
		return None
	try:
		function = getattr(frappe.get_module(module), name)
	except (ImportError, AttributeError, ValueError):
		return None
	return str(getattr(function, "__module__", "")).partition(".")[0]


def apps_of_bench() -> set[str]:
	"""The apps of the bench, by the bench's own list. The site's list is in its database, which a tenant can write."""
	return set(frappe.get_all_apps(with_internal_apps=False))
