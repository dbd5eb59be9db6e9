"""The apps that a plan installs, against those that the benches have."""

import frappe
from frappe import _

from buildpro_saas.fleet import benches
from buildpro_saas.refusal import refuse


def check_there(plan) -> None:
	"""Say which apps that are new in the plan a bench lacks: no tenant of the plan can be made there.

	A plan may be written before its app is got, so this is a message. Raises frappe.ValidationError where the caller asks for that
	(plan.flags.needs_its_apps) and no bench has the app.
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
	frappe.msgprint(
		sentence.format(*map(frappe.utils.escape_html, (bench, apps, plan))),
		title=_("Apps"),
		indicator="orange",
	)


def _apps_of_benches() -> dict[str, set[str]]:
	"""{bench: its apps} of the active benches of which they are known; of those that can be reached as they are on the disk now."""
	found = {}
	for bench in frappe.get_all("Bench", {"status": "Active"}, ["name", "is_reachable"], order_by="name"):
		there = (
			benches.facts(bench.name)["apps"]
			if bench.is_reachable
			else frappe.get_doc("Bench", bench.name).apps
		)
		if there:
			found[bench.name] = {row.get("app") for row in there}
	return found
