"""Builds and prunes site images, and fills the pools of standby sites with copies of them."""

import secrets
import time

import frappe

from buildpro_saas.agent.errors import AgentError, TransientError, hint_for
from buildpro_saas.fleet import image_record, images, site_sources, standby
from buildpro_saas.fleet.drift_facts import IMAGE_DATABASE
from buildpro_saas.fleet.steps.site import MINUTES, InstallApps, check_bench_has
from buildpro_saas.jobs.playbook import Context, Step, WayClosedError

# Doctypes that are asked for first: by making the owner's user, saving the plan settings, signing in, and Desk's first page. The
# doctypes of their tables are among them.
FIRST_ASKED_FOR = (
	*("System Settings", "User", "User Type", "Notification Settings", "Contact"),
	*("Activity Log", "Version", "DocShare", "User Permission", "Notification"),
	*("Server Script", "Nexelya Plan Settings", "Limit Level", "Block Module", "User Email"),
	*("DefaultValue", "User Social Login", "Webhook", "Document Naming Rule", "Translation"),
	*("Notification Subscribed Document", "Assignment Rule", "Energy Point Settings"),
	*("Milestone Tracker", "DocType", "Comment", "Role", "Has Role", "Language", "Has Domain"),
	*("Page", "Error Log", "Custom DocPerm", "Website Route Redirect", "Website Settings"),
	*("Website Theme", "DocPerm", "Module Def", "Property Setter", "Report", "Workspace"),
	*("Workspace Shortcut", "Workspace Link", "Dashboard", "Letter Head", "Domain"),
	*("DocType Layout", "DocField", "Print Settings", "Client Script", "Kanban Board"),
	*("Navbar Settings", "Navbar Item", "Form Tour", "Country", "Success Action"),
	*("Route History", "Portal Settings"),
	# by the hooks of ERPNext and HRMS on users, and by the company's name
	*("Company", "Service Level Agreement", "Employee"),
)


class ReserveImage(Step):
	"""Choose names for the site that becomes the image."""

	title = "Reserve image"

	def run(self, context: Context) -> dict:
		"""Hands on {"site", "database", "reserved_database", "plan_apps"}. Raises AgentError where the bench lacks an app."""
		apps = context.inputs["apps"]
		check_bench_has(context, apps)
		database = context.state.get("reserved_database") or f"{IMAGE_DATABASE}{secrets.token_hex(8)}"
		return {
			# nobody owns .invalid (RFC 2606); the image is a site only while it is being built
			"site": f"image-{database.rpartition('_')[2]}.invalid",
			"database": database,
			"reserved_database": database,
			"plan_apps": apps,
		}


class MakeImageSite(Step):
	"""Makes the site that becomes the image: with the framework; or, for a company, as a copy of the image without one."""

	title = "Make site"
	timeout = 15 * MINUTES

	def run(self, context: Context) -> dict:
		"""Hands on what the way returns (site_sources.Way.make), and {"fingerprints", "began": epoch seconds}."""
		self.undo(context)
		# what the apps on disk are now; they are looked at again when the image is sealed
		noted = {"fingerprints": _fingerprints(context), "began": time.time()}
		return {**noted, **self._make(context)}

	def _make(self, context: Context) -> dict:
		if context.inputs.get("company"):
			try:
				return site_sources.FromImage().make(context, self.timeout)
			except WayClosedError as reason:
				context.log(f"Not {site_sources.FromImage.title}: {reason}.")
				self.undo(context)
		return site_sources.FromScratch().make(context, self.timeout)

	def undo(self, context: Context) -> None:
		if "site" in context.state:
			image_record.begin_again(context.inputs["image"])
			database = context.state["reserved_database"]
			context.bench.do("remove_image_files", database=database, mark=context.mark)
			site_sources.unmake(context)


class InstallImageApps(InstallApps):
	"""The image's apps, as on a tenant's site."""

	redo_from = "make_image_site"


class PrepareCompany(Step):
	"""Sets up a company of the image's country under a placeholder name. Each copy puts its tenant's name there."""

	title = "Prepare company"
	timeout = 15 * MINUTES
	redo_from = "make_image_site"

	def run(self, context: Context) -> dict:
		company = context.inputs.get("company")
		if not company:
			context.log("Without a company: each tenant's is set up on its own site")
			return {"prepared_company": None}
		prepared = context.run_on_site(
			"buildpro_saas.tenant_site.prepared_company.prepare", self.timeout, **company
		)
		context.log(f"A company of {company['country']}, as {prepared['company']}")
		return {"prepared_company": prepared}


class SealImage(Step):
	"""Empties the site of what a copy must not inherit, removes its user, puts its files aside, and lets the image be copied."""

	title = "Seal image"
	timeout = 15 * MINUTES
	redo_from = "make_image_site"

	def run(self, context: Context) -> None:
		state, image = context.state, context.inputs["image"]
		context.run_on_site("buildpro_saas.agent.installer.clean_image", self.timeout)
		company = self._company(context)
		apps = _fingerprints(context)
		if apps != state["fingerprints"]:
			raise TransientError("An app of the bench changed while the image was built.")
		contents = context.bench.do(
			"seal_image", site=state["site"], database=state["database"], mark=context.mark
		)
		context.log(f"{len(contents.tables)} tables, {contents.size / 10**6:.0f} MB")
		# last: it is committed together with the step's end
		image_record.record(
			image,
			apps=apps,
			database=state["database"],
			mark=context.mark,
			contents=contents,
			company=company,
			seconds=time.time() - state["began"],
		)

	def _company(self, context: Context) -> dict | None:
		prepared = context.state["prepared_company"]
		if not prepared:
			return None
		places = context.run_on_site(
			"buildpro_saas.tenant_site.prepared_company.places",
			self.timeout,
			company=prepared["company"],
			abbr=prepared["abbr"],
		)
		context.log(f"The company's name stands in {len(places)} columns")
		return {**prepared, "places": places}


def _fingerprints(context: Context) -> list[dict]:
	return context.bench.do("app_fingerprints", apps=["frappe", *context.inputs["apps"]])


class RemoveImage(Step):
	"""Removes the image's files, database and record. Standby sites that were copied from it stay until they are discarded."""

	title = "Remove image"
	timeout = 5 * MINUTES

	def run(self, context: Context) -> None:
		name = context.inputs["image"]
		if not frappe.db.exists("Site Image", name):
			return
		database, mark = frappe.db.get_value("Site Image", name, ["database", "mark"])
		if mark:
			context.bench.do("remove_image", database=database, mark=mark)
		frappe.delete_doc("Site Image", name, ignore_permissions=True, force=True)
		context.log(f"{name} is gone")


class FillStandby(Step):
	"""A copy of an image in a hidden folder, ready to be given to a tenant."""

	title = "Copy image"
	timeout = 15 * MINUTES

	def run(self, context: Context) -> None:
		name = context.inputs["standby"]
		if frappe.db.get_value("Standby Site", name, "status") != "Filling":
			context.log(f"{name} was ready before")
			return
		standby.remove(standby.row(name), context.bench)
		try:
			self._check_room(context)
			image = images.still_ready(context.inputs["image"])
			images.check_fresh(image)
			database = standby.new_database(name)
			self._copy(context, image, database)
		except WayClosedError as reason:
			context.log(f"Not made: {reason}")
			standby.discard(standby.row(name), context.bench)
			return
		context.bench.standby(database).call(
			"buildpro_saas.agent.installer.warm_caches", doctypes=FIRST_ASKED_FOR
		)
		context.log(f"{name} has {image.tables} tables")
		standby.set_ready(name)  # last: it is committed together with the step's end

	def _check_room(self, context: Context) -> None:
		if standby.room(frappe.get_doc("Bench", context.bench_row["name"])) < 0:  # this one is counted in
			raise WayClosedError("the bench's disk or its last places are taken meanwhile")

	def _copy(self, context: Context, image, database: str) -> None:
		try:
			site_sources.copy_image(image, context.bench.standby(database), database, context, self.timeout)
		except WayClosedError as reason:
			images.still_ready(
				image.name
			)  # raises for one that became stale meanwhile: no fault, and nothing to be kept
			# not discarded: the pool would try it again each minute
			raise AgentError(
				f"The standby site cannot be made: {reason}.",
				(reason.__cause__ and hint_for(reason.__cause__))
				or "See the Error Log; once the cause is mended, press Retry, or Cancel.",
			)

	def undo(self, context: Context) -> None:
		name = context.inputs["standby"]
		if standby.take(name, "Filling", "Ready", "Discarding"):
			standby.discard(standby.row(name), context.bench)
