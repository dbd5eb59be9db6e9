"""Site images: which ones a bench needs, whether one may still be copied, and the jobs that build and prune them."""

import json

import frappe
from frappe.utils import now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_copy import Contents
from buildpro_saas.agent.fingerprint import fingerprints
from buildpro_saas.provisioning import jobs
from buildpro_saas.provisioning.playbook import WayClosedError

BUILD = "build_image"
PRUNE = "prune_image"
# Behind tenants' own jobs, before standby sites, which need the image.
PRIORITY = -10
OWN_APP = "buildpro_saas"  # on every tenant's site, and first: it is the gate
SEPARATOR = ", "
UNFINISHED = ("Waiting", "Queued", "Running", "Cancelling")


def apps_to_install(plan: str) -> list[str]:
	"""The apps that a site of the plan gets beside the framework, in the order of their installation."""
	apps = frappe.get_doc("Plan", plan).resolved()["apps"]
	return [OWN_APP, *(app for app in apps if app not in ("frappe", OWN_APP))]


def app_set(apps: list[str]) -> str:
	"""The name of a set of apps, as Site Image and Standby Site keep it."""
	return SEPARATOR.join(apps)


def wanted(bench: str) -> dict[str, list[str]]:
	"""{app set: apps} that active plans need, of those whose apps the bench has."""
	there = {row.app for row in frappe.get_doc("Bench", bench).apps}
	sets = [apps_to_install(plan) for plan in frappe.get_all("Plan", {"is_active": 1}, pluck="name")]
	return {app_set(apps): apps for apps in sets if set(apps) <= there}


# -- copying -------------------------------------------------------------------------------------------------------


def ready(bench: str, apps: list[str]):
	"""The image (document) to copy for these apps. Raises WayClosedError with the reason when there is none that may be."""
	name = frappe.db.get_value(
		"Site Image",
		{"bench": bench, "app_set": app_set(apps), "status": "Ready"},
		order_by="built_at desc",
	)
	if not name:
		raise WayClosedError(f"there is no image with {app_set(apps)}")
	image = frappe.get_doc("Site Image", name)
	check_fresh(image)
	return image


def check_fresh(image) -> None:
	"""Record that the image is stale, and raise WayClosedError, when the bench's code is not what it was built with."""
	if reason := staleness(image):
		set_stale(image.name, reason)
		raise WayClosedError(f"the image {image.name} is stale: {reason}")


def still_ready(name: str):
	"""The image's document. Raises WayClosedError when it was pruned or found stale meanwhile.

	Asked again after copying: such an image may have been half gone, and so its copy.
	"""
	frappe.db.commit()  # a fresh snapshot
	if frappe.db.get_value("Site Image", name, "status") != "Ready":
		raise WayClosedError(f"the image {name} is not in use any more")
	return frappe.get_doc("Site Image", name)


def apps_of(image) -> list[dict]:
	"""The image's apps as Tenant keeps them: {"app", "version", "commit"} each."""
	return [{"app": row.app, "version": row.version, "commit": row.commit} for row in image.apps]


def contents(image) -> Contents:
	"""What the image's database holds, as it was when the image was sealed."""
	return Contents(**json.loads(image.contents))


def staleness(image) -> str:
	"""In which app the bench's code is not what the image was built with; empty when it is."""
	there = Bench.here().app_names()
	for row in image.apps:
		if row.app not in there:
			return f"{row.app} is on the bench no more"
		(now,) = fingerprints(Bench.here(), [row.app])
		for fact, was in (("version", row.version), ("commit", row.commit), ("schema", row.schema_digest)):
			if (was or "") != now[fact]:
				return f"the {fact} of {row.app} was {was or 'unknown'} and is {now[fact] or 'unknown'}"
	return ""


def set_stale(image: str, reason: str) -> None:
	"""Record that the image is not to be copied any more, and commit."""
	frappe.db.set_value(
		"Site Image", {"name": image, "status": "Ready"}, {"status": "Stale", "reason": reason}
	)
	frappe.db.commit()


# -- building and pruning ------------------------------------------------------------------------------------------


def build_wanted(bench: str | None = None, plans: list[str] | tuple[str, ...] = ()) -> list:
	"""Make the images that active plans (or those of `plans`) need, and their jobs; returns the images' documents.

	bench: the default bench of SaaS Settings when left out. Raises frappe.ValidationError when there is nothing to build, or
	one of them is being built already.
	"""
	bench = bench or frappe.db.get_single_value("SaaS Settings", "default_bench")
	sets = wanted(bench)
	for plan in plans:
		if app_set(apps_to_install(plan)) not in sets:
			frappe.throw(f"The bench {bench} lacks an app of the plan {plan}, or the plan is not active.")
	chosen = {app_set(apps_to_install(plan)) for plan in plans} or set(sets)
	if not chosen:
		frappe.throw(
			f"No active plan's apps are all on the bench {bench}: get them, or take them out of the plans."
		)
	return [build(bench, sets[name]) for name in sorted(chosen)]


def build(bench: str, apps: list[str], *, priority: int = 0):
	"""Make a Site Image and the job that builds it; returns the image's document.

	Raises frappe.ValidationError when one of these apps is being built already.
	"""
	set_name = app_set(apps)
	frappe.db.get_value("Bench", bench, "name", for_update=True)  # two requests of one second
	if under_way := frappe.db.get_value(
		"Site Image", {"bench": bench, "app_set": set_name, "status": "Building"}, for_update=True
	):
		frappe.throw(
			f"{under_way} is being built with {set_name} already: wait for its job to end, or cancel it."
		)
	image = frappe.get_doc(
		{"doctype": "Site Image", "bench": bench, "app_set": set_name, "status": "Building"}
	)
	image.insert(ignore_permissions=True)
	job = jobs.start(
		BUILD,
		tenant=None,
		bench=bench,
		inputs={"image": image.name, "apps": apps},
		about=set_name,
		priority=priority,
	)
	image.db_set("job", job.name, update_modified=False)
	return image


def build_is(inputs: dict, status: str) -> None:
	"""What the status of the job that builds an image means for the image."""
	values = {
		"Running": {"status": "Building", "reason": ""},
		"Failed": {"status": "Failed", "reason": "See its job"},
		"Cancelled": {"status": "Failed", "reason": "Its job was cancelled"},
	}
	if status in values:
		frappe.db.set_value(
			"Site Image", {"name": inputs["image"], "status": ("!=", "Ready")}, values[status]
		)


def begin_again(image: str) -> None:
	"""Its database goes in a moment: nobody may copy it any more. Commits."""
	frappe.db.set_value("Site Image", image, {"status": "Building", "contents": None})
	frappe.db.commit()


def prune(image: str):
	"""Start the job that removes an image's database and files; the record goes with them. Returns the job's document.

	Raises frappe.ValidationError for an image whose job has not ended, or failed and may still have something to undo.
	"""
	bench, job = frappe.db.get_value("Site Image", image, ["bench", "job"], for_update=True)
	if job and frappe.db.get_value("Provisioning Job", job, "status") not in ("Completed", "Cancelled", None):
		frappe.throw(f"The job {job} of {image} has not ended: cancel it first.")
	frappe.db.set_value("Site Image", image, {"status": "Stale", "reason": "To be removed"})
	return jobs.start(
		PRUNE, tenant=None, bench=bench, inputs={"image": image}, about=image, priority=PRIORITY
	)


def is_in_hand(playbook: str, image: str) -> bool:
	"""Whether a job of the playbook for the image has not ended."""
	return any(
		json.loads(inputs or "{}").get("image") == image
		for inputs in frappe.get_all(
			"Provisioning Job",
			{"playbook": playbook, "status": ("in", (*UNFINISHED, "Failed"))},
			pluck="inputs",
		)
	)


# -- looking after -------------------------------------------------------------------------------------------------


def look_after() -> None:
	"""Every few minutes, on the admin site: build the images that plans need and prune those that nothing needs."""
	if not site_role.is_admin_site() or not frappe.db.get_single_value("SaaS Settings", "build_images"):
		return
	for bench in frappe.get_all("Bench", {"is_local": 1, "status": "Active"}, pluck="name"):
		_look_after_bench(bench)


def _look_after_bench(bench: str) -> None:
	sets = wanted(bench)
	newest: set[str] = set()
	for row in frappe.get_all(
		"Site Image", {"bench": bench, "status": "Ready"}, ["name", "app_set"], order_by="built_at desc"
	):
		if row.app_set in newest or row.app_set not in sets:
			set_stale(row.name, "A newer one took its place" if row.app_set in newest else "No plan needs it")
		elif reason := staleness(frappe.get_doc("Site Image", row.name)):
			set_stale(row.name, reason)
		else:
			newest.add(row.app_set)
	for name in frappe.get_all("Site Image", {"bench": bench, "status": "Stale"}, pluck="name"):
		if not is_in_hand(PRUNE, name):
			prune(name)
			frappe.db.commit()
	for set_name in sorted(set(sets) - newest):
		if _may_build(bench, set_name):
			build(bench, sets[set_name], priority=PRIORITY)
			frappe.db.commit()


def _may_build(bench: str, set_name: str) -> bool:
	"""Not while one is being built, nor after a failure until staff or newer code had a look: it would fail each time."""
	last = frappe.get_all(
		"Site Image",
		{"bench": bench, "app_set": set_name},
		["name", "status"],
		order_by="creation desc",
		limit=1,
	)
	return not last or last[0].status not in ("Building", "Failed")


def record(
	image: str, *, apps: list[dict], database: str, mark: str, contents: Contents, seconds: float
) -> None:
	"""Write down what the sealed image is, and let it be copied once this transaction commits."""
	doc = frappe.get_doc("Site Image", image)
	doc.update(
		{
			"status": "Ready",
			"reason": "",
			"database": database,
			"mark": mark,
			"built_at": now_datetime(),
			"build_seconds": seconds,
			"tables": len(contents.tables),
			"size": contents.size / 10**6,
			"contents": frappe.as_json(vars(contents)),
		}
	)
	doc.set("apps", [{**app, "schema_digest": app["schema"]} for app in apps])
	doc.save(ignore_permissions=True)
