"""The ways of making a tenant's site. MakeSite tries the quickest first: a standby site, a copy of an image, from scratch.

The sites differ only as docs/architecture.md says ("What a copy is"). What an interrupted way left is found by its mark.
"""

from abc import ABC, abstractmethod

import frappe

from buildpro_saas.agent.door import SiteDoor
from buildpro_saas.agent.errors import NotOursError, is_transient
from buildpro_saas.fleet import finished_site, images, standby
from buildpro_saas.jobs.playbook import Context, StepCancelledError, StepTimeoutError, WayClosedError


class Way(ABC):
	"""One way to make a site. `unmake` removes what an interrupted `make` left, whichever way it was."""

	title: str  # as a job shows it

	@abstractmethod
	def make(self, context: Context, timeout: float) -> dict:
		"""Make the job's site. Returns {"database", "image", "image_kind", "copied_apps", "prepared_company"} (see _copied).

		timeout: seconds. Raises WayClosedError, with the reason, when another way has to be gone.
		"""


class FromScratch(Way):
	"""What `bench new-site` makes. The next step installs the apps."""

	title = "from scratch"

	def make(self, context: Context, timeout: float) -> dict:
		name = context.state["reserved_database"]
		context.bench.do("make_empty_site", site=context.site.name, database=name, mark=context.mark)
		context.run_on_site("buildpro_saas.agent.installer.install_framework", timeout)
		return {"database": name, **_copied(None)}


class FromImage(Way):
	"""A copy of the image that has the plan's apps, and perhaps a company of the tenant's country."""

	title = "from an image"

	def make(self, context: Context, timeout: float) -> dict:
		image = _image(context)
		name = context.state["reserved_database"]
		copy_image(image, context.site, name, context, timeout)
		context.site.call("buildpro_saas.agent.installer.forget")
		context.site.call("buildpro_saas.agent.installer.make_own")
		context.log(f"Copied {image.tables} tables of {image.name}")
		return {"database": name, **_copied(image)}


class FromStandby(Way):
	"""A site that was copied ahead of time. It gets the tenant's name."""

	title = "from a standby site"

	def make(self, context: Context, timeout: float) -> dict:
		if context.tenant.get("database_name"):
			raise WayClosedError("the tenant has a database name of its own")
		image = _image(context)
		row = standby.claim(image, context.job, context.tenant["name"])
		try:
			context.bench.do(
				"take_over_standby",
				database=row.database,
				site=context.site.name,
				mark=row.mark,
				new_mark=context.mark,
			)
		except NotOursError as damage:
			raise WayClosedError(f"{row.name} is damaged: {damage}") from damage
		context.site.call("buildpro_saas.agent.installer.make_own")
		context.log(f"{row.name} waited since {row.ready_at:%Y-%m-%d %H:%M}")
		return {"database": row.database, **_copied(image), "standby": row.name}


def _image(context: Context):
	return images.best(context.bench_row["name"], context.state["plan_apps"], context.tenant)


def _copied(image) -> dict:
	"""What a copy brings, so that later steps need not do it: apps as Tenant keeps them, and a company. None from scratch."""
	return {
		"image": image and image.name,
		"image_kind": image and image.kind,
		"copied_apps": image and images.apps_of(image),
		"prepared_company": image and images.prepared_company(image),
	}


def unmake(context: Context) -> None:
	"""Remove what a way made of the job's site, wholly or in part, where it carries the job's mark. Repeatable.

	Raises NotOursError, and leaves all as it was, where somebody may have used the site.
	"""
	finished_site.remove_unless_used(context)
	for row in standby.claimed_by(context.job):
		standby.discard(row, context.bench, context.mark)


def copy_image(image, site: SiteDoor, database: str, context: Context, timeout: float) -> None:
	"""Copy the image (document): the site's folder, database and database user, all with the job's mark. timeout: seconds.

	Raises WayClosedError when the image cannot be copied.
	"""
	try:
		context.run(
			"copy_image",
			timeout,
			image=image.database,
			contents=vars(images.contents(image)),
			site=site.name,
			place=site.place,
			database=database,
			mark=context.mark,
		)
	except (StepCancelledError, StepTimeoutError):
		raise
	except Exception as error:
		if is_transient(error):
			raise
		frappe.log_error(title=f"Copying {image.name} failed")
		raise WayClosedError(f"copying {image.name} failed: {error}") from error
	images.still_ready(image.name)
