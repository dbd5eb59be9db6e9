"""Compares the apps that a plan installs with those that the benches have."""

import frappe
from frappe import _

from buildpro_saas.fleet import benches
from buildpro_saas.refusal import refuse


def check_there(plan) -> None:
	"""Tell in a message which apps that are new in the plan some bench lacks: no tenant of the plan can be made there.

	It is only a message, because a plan may be written before its app is on the bench. A caller can ask for an error instead
	(plan.flags.needs_its_apps): then it raises frappe.ValidationError where no bench has the app. All plans are held meanwhile, so no
	process is started and no other bench is asked.
	"""
	before = plan.get_doc_before_save()
	had = {row.app for row in (before.apps if before else ())}
	added = [row.app for row in plan.apps if row.app not in had]
	if not added:
		return
	known = _apps_of_benches()
	nowhere = [app for app in added if not any(app in there for there in known.values())]
	if nowhere and plan.flags.needs_its_apps:
		refuse(
			_("No bench has {0}: get it there with `bench get-app`, or leave it out of the plan."),
			", ".join(nowhere),
			title=_("Apps"),
		)
	for bench, there in known.items():
		if lacking := [app for app in added if app not in there]:
			_tell(bench, ", ".join(lacking), plan.name)


def _tell(bench: str, apps: str, plan: str) -> None:
	sentence = _(
		"The bench {0} lacks {1}: until it has that, no tenant with the plan {2}, or one that includes it, can be made there."
	)
	if not frappe.db.get_value("Bench", bench, "is_local"):
		sentence += " " + _(
			"Its record says so: if the app is there by now, press Refresh Facts in the Bench."
		)
	frappe.msgprint(
		sentence.format(*map(frappe.utils.escape_html, (bench, apps, plan))),
		title=_("Apps"),
		indicator="orange",
	)


def _apps_of_benches() -> dict[str, set[str]]:
	"""{bench: its apps} of the active benches whose apps are known. For this bench its list of apps is read, for another one its record."""
	found = {}
	for bench in frappe.get_all("Bench", {"status": "Active"}, ["name", "is_local"], order_by="name"):
		if bench.is_local:
			there = set(benches.app_names(bench.name))
		else:
			there = {row.app for row in frappe.get_doc("Bench", bench.name).apps}
		if there:
			found[bench.name] = there
	return found
