"""Site images: which ones a bench needs, whether one may still be copied, and the jobs that build and prune them."""

import json
from itertools import chain

import frappe
from frappe.utils import getdate

from buildpro_saas import site_role
from buildpro_saas.agent.errors import OperationFault
from buildpro_saas.agent.facts import Contents
from buildpro_saas.fleet import benches, image_policy, image_spec
from buildpro_saas.fleet.image_policy import Known
from buildpro_saas.fleet.image_record import is_in_hand, set_stale, unfinished_job
from buildpro_saas.fleet.image_spec import ImageKind
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, reached
from buildpro_saas.jobs.playbook import WayClosedError

BUILD = "build_image"
PRUNE = "prune_image"
# Jobs for images go after tenants' own jobs, and before standby sites, which need the image.
PRIORITY = -10


def wanted(bench: str) -> dict[str, ImageKind]:
	"""{name: kind} that active plans and their standby pools need, where the bench has all the apps.

	A kind without a company comes before those that are made from it.
	"""
	there = {row.app for row in frappe.get_doc("Bench", bench).apps}
	plans = image_spec.plans_that_resolve()
	pools = [row for row in image_spec.pools_with_sites() if row.plan in plans]
	kinds = chain(map(ImageKind.of_plan, plans), map(ImageKind.of_pool, pools))
	found = {kind.name: kind for kind in kinds if there.issuperset(kind.apps)}
	return dict(sorted(found.items()))


# -- copying -------------------------------------------------------------------------------------------------------


def best(bench: str, apps: list[str], tenant: dict):
	"""The image (document) with these apps that suits the tenant (its fields) best: with a company of its country, else without.

	Raises WayClosedError, with the reason, where there is none.
	"""
	for kind in image_spec.suiting(apps, tenant):
		try:
			return ready(bench, kind)
		except WayClosedError as closed:
			reason = closed
	raise reason


def ready(bench: str, kind: ImageKind):
	"""The image (document) of that kind to copy. Raises WayClosedError, with the reason, when there is none that may be copied."""
	name = newest_ready(bench, kind.name)
	if not name:
		raise WayClosedError(f"there is no image with {kind.name}")
	image = frappe.get_doc("Site Image", name)
	try:
		check_fresh(image)
	except OperationFault as error:
		# files that come and go while somebody updates the app
		raise WayClosedError(f"whether {name} is fresh cannot be found out: {error}") from error
	return image


def newest_ready(bench: str, kind: str) -> str | None:
	"""The name of the image of that kind (name) to copy, fresh or not; None when there is none."""
	return frappe.db.get_value(
		"Site Image", {"bench": bench, "kind": kind, "status": "Ready"}, order_by="built_at desc"
	)


def check_fresh(image) -> None:
	"""When the bench's code is not what the image was built with: note that it is stale, and raise WayClosedError."""
	if reason := staleness(image):
		set_stale(image.name, reason)
		raise WayClosedError(f"the image {image.name} is stale: {reason}")


def still_ready(name: str):
	"""The image's document. Raises WayClosedError when it was pruned or found stale meanwhile.

	Ask again after copying: such an image may have been half gone, and then its copy is, too.
	"""
	frappe.db.commit()  # a fresh snapshot
	if frappe.db.get_value("Site Image", name, "status") != "Ready":
		raise WayClosedError(f"the image {name} is not in use any more")
	return frappe.get_doc("Site Image", name)


def apps_of(image) -> list[dict]:
	"""The image's apps as Tenant keeps them: {"app", "version", "commit"} each."""
	return [{"app": row.app, "version": row.version, "commit": row.commit} for row in image.apps]


def prepared_company(image) -> dict | None:
	"""What tenant_site.prepared_company needs to know of the company that is set up in the image; None without one."""
	return json.loads(image.prepared_company) if image.prepared_company else None


def contents(image) -> Contents:
	"""What the image's database holds, as it was when the image was sealed."""
	return Contents(**json.loads(image.contents))


def staleness(image) -> str:
	"""Why the image is not what would be built now; empty when it is."""
	if image.valid_until and getdate() > getdate(image.valid_until):
		return "the fiscal year of its company has ended"
	found = door_of(image.bench).do("app_fingerprints", apps=[row.app for row in image.apps])
	there = {each["app"]: each for each in found}
	for row in image.apps:
		if not (now := there.get(row.app)):
			return f"{row.app} is on the bench no more"
		for fact, was in (("version", row.version), ("commit", row.commit), ("schema", row.schema_digest)):
			if (was or "") != now[fact]:
				return f"the {fact} of {row.app} was {was or 'unknown'} and is {now[fact] or 'unknown'}"
	return ""


# -- building and pruning ------------------------------------------------------------------------------------------


def build_wanted(bench: str | None = None, plans: list[str] | tuple[str, ...] = ()) -> list:
	"""Make images for the active plans, or for those of `plans`, and their jobs. Returns the images' documents.

	bench: left out, the default bench of SaaS Settings. Raises frappe.ValidationError when there is nothing to build, or one of them is
	being built already.
	"""
	bench = bench or frappe.db.get_single_value("SaaS Settings", "default_bench")
	benches.only_reached(bench)
	kinds = wanted(bench)
	chosen = {ImageKind.of_plan(plan).name: plan for plan in plans}
	for name, plan in chosen.items():
		if name not in kinds:
			frappe.throw(f"The bench {bench} lacks an app of the plan {plan}, or the plan is not active.")
	if not kinds:
		frappe.throw(
			f"No active plan's apps are all on the bench {bench}: get them, or take them out of the plans."
		)
	return [build(bench, kind) for kind in kinds.values() if not plans or kind.without_company.name in chosen]


def build(bench: str, kind: ImageKind, *, priority: int = 0):
	"""Make a Site Image and the job that builds it. Returns the image's document.

	Raises frappe.ValidationError while one of the kind is being built.
	"""
	benches.only_reached(bench)
	frappe.db.get_value("Bench", bench, "name", for_update=True)  # two requests of one second
	if under_way := frappe.db.get_value(
		"Site Image", {"bench": bench, "kind": kind.name, "status": "Building"}, for_update=True
	):
		frappe.throw(
			f"{under_way} is being built with {kind.name} already: wait for its job to end, or cancel it."
		)
	image = frappe.get_doc({"doctype": "Site Image", "bench": bench, "kind": kind.name, "status": "Building"})
	image.insert(ignore_permissions=True)
	job = lifecycle.start(
		BUILD,
		tenant=None,
		bench=bench,
		inputs={"image": image.name, "apps": list(kind.apps), "company": kind.company},
		about=kind.name,
		priority=priority,
		image=image.name,
	)
	image.db_set("job", job.name, update_modified=False)
	return image


def prune(image: str):
	"""Start the job that removes an image's database and files; the record goes with them. Returns the job's document.

	Raises frappe.ValidationError for an image whose job has not ended, or failed and may still have something to undo.
	"""
	bench = frappe.db.get_value("Site Image", image, "bench", for_update=True)
	benches.only_reached(bench)
	if job := unfinished_job(image):
		frappe.throw(f"The job {job} of {image} has not ended: cancel it first.")
	frappe.db.set_value("Site Image", image, {"status": "Stale", "reason": "To be removed"})
	return lifecycle.start(
		PRUNE,
		tenant=None,
		bench=bench,
		inputs={"image": image},
		about=image,
		priority=PRIORITY,
		image=image,
	)


# -- looking after -------------------------------------------------------------------------------------------------


def renew_images() -> None:
	"""Every five minutes, on the admin site: build the images that plans need, and prune those that nothing needs."""
	if not site_role.is_admin_site() or not frappe.db.get_single_value("SaaS Settings", "build_images"):
		return
	for bench in reached(status="Active"):
		lifecycle.shielded(_renew_on, bench)


def _renew_on(bench: str) -> None:
	kinds = wanted(bench)
	todo = image_policy.decide(_known(bench, kinds), kinds)
	for name, reason in todo.set_stale.items():
		set_stale(name, reason)
	for name in todo.prune:
		if not is_in_hand(PRUNE, name):
			prune(name)
			frappe.db.commit()
	for name in filter(lambda name: _may_build(bench, name), todo.build):
		build(bench, kinds[name], priority=PRIORITY)
		frappe.db.commit()


def _known(bench: str, kinds: dict[str, ImageKind]) -> list[Known]:
	"""The bench's images that are ready or stale, the newest first. Only images that may be kept are asked whether they are outdated."""
	fields = ["name", "kind", "status"]
	filters = {"bench": bench, "status": ("in", ("Ready", "Stale"))}
	rows = frappe.get_all("Site Image", filters, fields, order_by="built_at desc")
	return [
		Known(
			row.name,
			row.kind,
			is_ready := row.status == "Ready",
			staleness(frappe.get_doc("Site Image", row.name)) if is_ready and row.kind in kinds else "",
		)
		for row in rows
	]


def _may_build(bench: str, kind: str) -> bool:
	"""Whether an image of the kind may be built: not while one is being built, nor after a failure with the same code."""
	last = frappe.get_all(
		"Site Image",
		{"bench": bench, "kind": kind},
		["name", "status", "job"],
		order_by="creation desc",
		limit=1,
	)
	if not last or last[0].status not in ("Building", "Failed"):
		return True
	state = frappe.parse_json(frappe.db.get_value("Provisioning Job", last[0].job, "state") or "{}")
	built_of = state.get("fingerprints")
	if last[0].status == "Building" or not built_of:
		return False
	return built_of != door_of(bench).do("app_fingerprints", apps=[row["app"] for row in built_of])
