"""Operations on tenants' sites: whom they meet, what they are asked for with, and the batch that does them; for one tenant, too."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas.fleet import backup_keys, benches, forecast, rehearsals
from buildpro_saas.jobs import batches, queue
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import WITH_SITE

CLEAR_CACHE, MAINTENANCE, SCHEDULER, FUNCTION = (
	"clear_cache",
	"set_maintenance",
	"set_scheduler",
	"run_function",
)
MIGRATE, REHEARSE = "migrate", "rehearse"
DRILL = "drill"
RESTORE_LOST = "restore_lost"
BACK_UP = "back_up_sites"
LONGEST_MESSAGE = 500
URGENT = 10  # what one tenant waits for goes before what a thousand do


@dataclass(frozen=True)
class Whom:
	"""Which tenants an operation meets: those with a site to whom all that is given applies. tenants: names; None for any.

	tag: one of those that staff give Tenants in Desk.
	"""

	tenants: Collection[str] | None = None
	plan: str | None = None
	status: str | None = None
	bench: str | None = None
	tag: str | None = None

	def found(self) -> list[dict[str, Any]]:
		"""[{"tenant", "bench", "plan", "status", "site"}], by name. Raises frappe.ValidationError where it meets nobody, or names one that is not there."""
		self._check()
		filters: dict[str, Any] = {"status": self.status or ("in", WITH_SITE)}
		filters |= {field: value for field, value in (("plan", self.plan), ("bench", self.bench)) if value}
		if self.tenants is not None:
			filters["name"] = ("in", list(self.tenants))
		if self.tag:
			filters["_user_tags"] = ("like", f"%,{self.tag}%")  # they begin with a comma each
		fields = ["name as tenant", "bench", "plan", "status", "site", "_user_tags as tags"]
		rows = frappe.get_all("Tenant", filters, fields, order_by="name")
		tags = [(row.pop("tags") or "").split(",") for row in rows]
		found = [row for row, its in zip(rows, tags, strict=True) if not self.tag or self.tag in its]
		if not found:
			refuse(_("No tenant with a site meets that: choose others."), title=_("Tenants"))
		return found

	def _check(self) -> None:
		if self.status and self.status not in WITH_SITE:
			refuse(
				_("A tenant that is {0} has no site: choose one of {1}."), self.status, ", ".join(WITH_SITE)
			)
		for doctype, name in (("Plan", self.plan), ("Bench", self.bench)):
			if name and not frappe.db.exists(doctype, name):
				refuse(_("There is no {0} {1}."), _(doctype), name, title=_(doctype))
		if self.tenants is None:
			return
		if not self.tenants:
			refuse(_("There is no tenant to work on: say which."), title=_("Tenants"))
		named = {"name": ("in", list(self.tenants))}
		there = dict(frappe.get_all("Tenant", named, ["name", "status"], as_list=True))
		if unknown := sorted(set(self.tenants) - there.keys()):
			refuse(_("There is no tenant {0}."), ", ".join(unknown), title=_("Tenants"))
		if without := sorted(name for name, status in there.items() if status not in WITH_SITE):
			refuse(_("{0} has no site (it is {1})."), without[0], there[without[0]], title=_("Tenants"))


def start(
	playbook: str,
	whom: Whom,
	*,
	inputs: dict | None = None,
	by: str | None = None,
	why: str = "",
	width: int | None = None,
	**how: Any,
):
	"""Start the batch that does the playbook's work with the tenants, and return its document.

	by: who asks; the user of this session where it is left out. why: shown with the batch. width: None or 0: of migrates as many at once
	as rehearsals say is needed, else 1. how: stop_after, stop_rate, as batches.start takes them. Migrates have their turns in the order that
	rehearsals say (forecast.py). Raises frappe.ValidationError, and nothing is begun, for tenants that cannot be met, and for backups before
	there is a recovery key.
	"""
	if playbook == BACK_UP:
		backup_keys.needed_recipient()
	found = whom.found()
	for bench in sorted({row["bench"] for row in found}):
		benches.only_reached(bench)
	by = by or frappe.session.user
	benches_of = {row["tenant"]: row["bench"] for row in found}
	if playbook == MIGRATE:
		expected = rehearsals.expected(list(benches_of))
		benches_of = {tenant: benches_of[tenant] for tenant in forecast.in_order(expected)}
		width = width or forecast.width(expected, widest(set(benches_of.values())))
	return batches.start(
		playbook,
		list(benches_of.items()),
		width=width or 1,
		why=(why or "").strip() or by,
		inputs={**(inputs or {}), "by": by, "since": f"{now_datetime():%Y-%m-%d %H:%M}"},
		priority=URGENT if len(found) == 1 else 0,
		**how,
	)


def widest(names: Collection[str]) -> int:
	"""How many heavy turns at once the benches of these names have room for: the least of them."""
	most = [queue.slots(frappe.get_doc("Bench", name)) for name in names]
	return min([batches.WIDEST, *most])


def message(text: str | None) -> str:
	"""The text as staff may give it for a site's users. Raises frappe.ValidationError for one that is too long."""
	text = (text or "").strip()
	if len(text) > LONGEST_MESSAGE:
		refuse(
			_("The message has {0} characters: {1} at most."), len(text), LONGEST_MESSAGE, title=_("Message")
		)
	return text


def function(method: str, arguments: dict | str | None) -> dict:
	"""The inputs of run_function. Raises frappe.ValidationError for what is no dotted name, or no object of arguments."""
	parts = (method or "").split(".")
	if len(parts) < 2 or not all(part.isidentifier() for part in parts):
		refuse(_("{0} is no function's dotted name, such as frappe.ping."), method, title=_("Function"))
	try:
		found = frappe.parse_json(arguments) if isinstance(arguments, str) and arguments else arguments
	except ValueError:
		found = arguments
	if not isinstance(found or {}, dict):
		refuse(_("The arguments must be a JSON object of names and values."), title=_("Function"))
	return {"method": method, "arguments": found or {}}
