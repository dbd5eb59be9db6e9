"""Where the engine keeps a job: in its Provisioning Job document. Each change is committed as it happens."""

import json
import time
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.jobs import ending
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.jobs.playbook import Context, Playbook, StepCancelledError

OUTPUT_LIMIT = 60_000  # characters a step; the newest are kept
FLUSH_SECONDS = 1.0
UNDONE = "Undone. What follows was said before that, and holds no more:"
EVENT = "provisioning_job_update"


class JobStore:
	"""One Provisioning Job. It is read once a run, and written step by step."""

	def __init__(self, name: str):
		self.name = name
		self.doc = frappe.get_doc("Provisioning Job", name)
		self._last_flush = 0.0
		self._unflushed: dict[str, str] = {}

	@property
	def steps(self) -> list:
		"""The job's step rows in the playbook's order."""
		return self.doc.steps

	@property
	def state(self) -> dict[str, Any]:
		"""What the steps have handed on so far."""
		return json.loads(self.doc.state or "{}")

	@property
	def inputs(self) -> dict[str, Any]:
		"""The job's arguments, as they were when it was made."""
		return json.loads(self.doc.inputs or "{}")

	def set(self, **values: Any) -> None:
		"""Write fields of the job, commit, and tell whoever is looking at it in Desk."""
		self._write(values)
		self.commit()

	def set_with_tenant(self, tenant_status: str | None, **values: Any) -> None:
		"""Write the job's fields and the tenant's status (None: leave it) in one transaction: never one without the other."""
		self._write(values)
		if self.doc.tenant and tenant_status:
			ending.save_tenant(frappe.get_doc("Tenant", self.doc.tenant), tenant_status)
		self.commit()

	def set_step(self, row, **values: Any) -> None:
		"""Write fields of a step's row, with its output that is not written yet, and commit."""
		if row.name in self._unflushed:
			values["output"] = self._unflushed.pop(row.name)
		row.update(values)
		frappe.db.set_value(row.doctype, row.name, values, update_modified=False)
		self.commit()

	def set_undone(self, row) -> None:
		"""Write that the step is undone. A line that says so is put before the step's earlier output, which holds no more."""
		said = self._unflushed.get(row.name, row.output or "")
		row.output = self._unflushed[row.name] = f"{UNDONE}\n{said}"[:OUTPUT_LIMIT]
		self.set_step(row, status="Undone", ended_at=now_datetime())

	def merge_state(self, values: dict[str, Any]) -> None:
		"""Add to what later steps get. It is committed with the next write.

		`way` is shown with the job. The first `database` becomes a column, by which the job is found.
		"""
		columns = {"way": values["way"]} if "way" in values else {}
		if not self.doc.database and values.get("database"):
			columns["database"] = values["database"]
		self._write({"state": frappe.as_json({**self.state, **values}), **columns})

	def keep(self, values: dict[str, Any]) -> None:
		"""Add to the state and commit: a run that is killed is resumed from here."""
		self.merge_state(values)
		self.commit()

	def log(self, row, line: str) -> None:
		"""Add a line to the step's output. It is committed at most once a second, and with the step's next write."""
		text = f"{self._unflushed.get(row.name, row.output or '')}{line}\n"
		row.output = self._unflushed[row.name] = text[-OUTPUT_LIMIT:]
		if time.monotonic() - self._last_flush >= FLUSH_SECONDS:
			self._last_flush = time.monotonic()
			self.set_step(row)

	def commit(self) -> None:
		"""Commit, and publish that the job moved on."""
		frappe.db.commit()
		self.publish()

	def publish(self) -> None:
		"""Tell whoever is looking at the job in Desk that it moved on."""
		frappe.publish_realtime(EVENT, {"job": self.name}, doctype="Provisioning Job", docname=self.name)

	def end(self, playbook: Playbook, status: str, **values: Any) -> None:
		"""End the job as ending.end does, and publish it."""
		ending.end(self.name, playbook, status, **values)
		self.publish()

	def is_cancel_requested(self) -> bool:
		"""Ask the database whether staff have pressed Cancel. Commits, to see the newest row."""
		frappe.db.commit()  # ends the snapshot: a repeatable read would never see the request
		return bool(frappe.db.get_value("Provisioning Job", self.name, "cancel_requested"))

	def lock_and_check_cancel(self) -> bool:
		"""The same, and hold the row until the next commit: a job must not end while it is being cancelled."""
		frappe.db.commit()
		return bool(frappe.db.get_value("Provisioning Job", self.name, "cancel_requested", for_update=True))

	def checkpoint(self) -> None:
		"""Raise StepCancelledError when staff pressed Cancel."""
		if self.is_cancel_requested():
			raise StepCancelledError

	def context(self, row, *, is_cancellable: bool) -> Context:
		"""What a step of this job gets to work with."""
		# a step before it may have given the tenant another name, which the framework has written here, too
		self.doc.tenant = frappe.db.get_value("Provisioning Job", self.name, "tenant")
		return Context(
			job=self.name,
			mark=self.doc.mark,
			bench=door_of(self.doc.bench),
			# of this run: Retry gives a step its attempts back, and what ran under a number before is not to be found again
			operation=f"{self.name}/{row.step_key}/{self.doc.runs or 0}.{row.attempts or 0}",
			inputs=self.inputs,
			state=self.state,
			read_tenant=self._tenant,
			read_bench_row=lambda: frappe.get_doc("Bench", self.doc.bench).as_dict(),
			log=lambda line: self.log(row, line),
			checkpoint=self.checkpoint if is_cancellable else lambda: None,
			keep=self.keep,
		)

	def _tenant(self) -> dict[str, Any]:
		if not self.doc.tenant:
			return {}
		tenant = frappe.get_doc("Tenant", self.doc.tenant)
		return {**tenant.as_dict(), "site": tenant.site_name}

	def sync_steps(self, playbook: Playbook) -> None:
		"""Give the job a row for each step of the playbook. A resumed job may meet newer code with more steps."""
		known = {row.step_key for row in self.steps}
		missing = [step for step in playbook.steps if step.key not in known]
		if not missing:
			return
		for step in missing:
			self.doc.append("steps", {"step_key": step.key, "title": step.title, "status": "Pending"})
		order = {step.key: index for index, step in enumerate(playbook.steps, start=1)}
		self.doc.steps.sort(key=lambda row: order.get(row.step_key, 0))
		for index, row in enumerate(self.doc.steps, start=1):
			row.idx = index
		self.doc.flags.by_engine = True
		self.doc.save(ignore_permissions=True)
		self.doc.flags.by_engine = False
		self.commit()

	def seconds_since_start(self) -> float:
		"""Seconds since the job's first run began."""
		return (now_datetime() - get_datetime(self.doc.started_at)).total_seconds()

	def check_tenant_can_become(self, status: str | None) -> None:
		"""Raise AgentError when the job's tenant cannot go to that status from its present one. None: nothing is asked."""
		if not (status and self.doc.tenant):
			return
		# the locking read comes first: what is read after it is no older than the lock
		frappe.db.get_value("Tenant", self.doc.tenant, "name", for_update=True)
		tenant = frappe.get_doc("Tenant", self.doc.tenant, for_update=True)
		if not tenant.can_become(status):
			raise AgentError(
				f"{tenant.name} is {tenant.status} and cannot become {status}: nothing of it is changed.",
				"What this job was made for has been settled otherwise. Leave the job as it is.",
			)

	def _write(self, values: dict[str, Any]) -> None:
		# not doc.db_set: it reads the document and its steps for update first, and two jobs at once then deadlock
		self.doc.update(values)
		frappe.db.set_value("Provisioning Job", self.name, values)
