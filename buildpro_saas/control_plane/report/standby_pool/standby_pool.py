"""The pools of standby sites at a glance: ready, filling, claimed today, the oldest, hits and misses."""

from frappe import _

from buildpro_saas.control_plane.access import staff
from buildpro_saas.fleet import standby


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Columns and rows for Frappe's report view; for SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	return [{**column, "label": _(column["label"])} for column in standby.OVERVIEW], standby.overview()
