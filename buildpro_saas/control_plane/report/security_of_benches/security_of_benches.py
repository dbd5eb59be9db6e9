"""What is open, outdated or readable on the benches and their machines, and with which command to close it."""

from frappe import _

from buildpro_saas.control_plane.access import staff
from buildpro_saas.fleet import bench_security
from buildpro_saas.jobs.bench_door import reached

COLUMNS = (
	{"fieldname": "bench", "label": "Bench", "fieldtype": "Link", "options": "Bench", "width": 140},
	{"fieldname": "state", "label": "State", "fieldtype": "Data", "width": 90},
	{"fieldname": "subject", "label": "Subject", "fieldtype": "Data", "width": 110},
	{"fieldname": "sentence", "label": "What Is So", "fieldtype": "Data", "width": 560},
	{"fieldname": "command", "label": "What to Run or Do", "fieldtype": "Data", "width": 420},
)


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Columns and rows for Frappe's report view; for SaaS Manager. Takes some seconds for each bench."""
	staff.only_for_manager()
	chosen = (filters or {}).get("bench")
	rows = bench_security.overview([str(chosen)] if chosen else reached())
	return [{**column, "label": _(column["label"])} for column in COLUMNS], rows
