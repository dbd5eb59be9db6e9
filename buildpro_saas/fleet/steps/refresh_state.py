"""What the steps of a refresh hand on to each other, and what they ask of it."""

from datetime import datetime

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.jobs import batch_rows
from buildpro_saas.jobs.playbook import Context, RetryPolicy

MINUTES = 60
LOOK = 1.0  # seconds until a step that waits for a program asks again
WAIT = 60.0  # seconds until it asks again where nobody has told it of the batch's end
TOLD = 5
ONCE = RetryPolicy(attempts=3)
MIGRATES = ("MigrateCanaries", "MigrateRest")  # the steps whose batches migrate sites


def keep(context: Context, **values) -> None:
	"""Hand on, and commit; what this run knows of it is brought along."""
	context.keep(values)
	context.state.update(values)


def of(step: str) -> str:
	"""Under which name the state has the batch of the step (its class's name)."""
	return f"batch_{step}"


def migrated(context: Context) -> list[str]:
	"""Tenants whose sites the refresh has migrated."""
	names = [name for step in MIGRATES if (name := context.state.get(of(step)))]
	of_these = {"batch": ("in", names), "status": "Completed", "message": ("like", "Migrated%")}
	return frappe.get_all(batch_rows.ROW, of_these, pluck="tenant", order_by="tenant") if names else []


def seconds_since(moment: str | datetime) -> float:
	"""Seconds from then to now."""
	return (now_datetime() - get_datetime(moment)).total_seconds()
