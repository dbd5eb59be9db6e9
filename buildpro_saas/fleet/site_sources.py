"""The ways of making a tenant's site, quickest first in MakeSite: a standby site, a copy of an image, from scratch.

The sites differ only as docs/architecture.md lists ("What a copy is"). What an interrupted way left is found by its marks.
"""

import secrets
from abc import ABC, abstractmethod

import frappe

from buildpro_saas.agent.database_copy import DatabaseCopy
from buildpro_saas.agent.databases import DatabaseServer, server
from buildpro_saas.agent.errors import NotOursError, is_transient
from buildpro_saas.agent.site import Site
from buildpro_saas.fleet import database_account, finished_site, images, standby
from buildpro_saas.jobs.playbook import Context, StepCancelledError, StepTimeoutError, WayClosedError


class Way(ABC):
	"""One way. What an interrupted `make` left is taken away by `unmake`, whichever way it was."""

	title: str  # as a job shows it

	@abstractmethod
	def make(self, context: Context, timeout: float) -> dict:
		"""Make the job's site. Returns {"database", and what it is a copy of (_copied)}.

		Raises WayClosedError, with the reason, when another way has to be gone.
		"""


class FromScratch(Way):
	"""What `bench new-site` makes; the apps are installed by the next step."""

	title = "from scratch"

	def make(self, context: Context, timeout: float) -> dict:
		name, password = context.state["reserved_database"], new_password()
		context.site.make_folder(first_config(name, password), context.mark)
		with server(database_account.account()) as mariadb:
			mariadb.create(name, password, context.mark)
		context.site.run(
			"buildpro_saas.agent.installer.install_framework",
			timeout=timeout,
			log=context.log,
			checkpoint=context.checkpoint,
		)
		return {"database": name, **_copied(None)}


class FromImage(Way):
	"""A copy of the image that has the plan's apps, and perhaps a company of the tenant's country."""

	title = "from an image"

	def make(self, context: Context, timeout: float) -> dict:
		image = _image(context)
		name = context.state["reserved_database"]
		with server(database_account.account()) as mariadb:
			copy_image(image, mariadb, context.site, name, context)
		context.site.call("buildpro_saas.agent.installer.forget")
		context.site.call("buildpro_saas.agent.installer.make_own")
		context.log(f"Copied {image.tables} tables of {image.name}")
		return {"database": name, **_copied(image)}


class FromStandby(Way):
	"""A site that was copied ahead of time: it gets its name, and is the tenant's."""

	title = "from a standby site"

	def make(self, context: Context, timeout: float) -> dict:
		if context.tenant.get("database_name"):
			raise WayClosedError("the tenant has a database name of its own")
		image = _image(context)
		row = standby.claim(image, context.job, context.tenant["name"])
		try:
			self._take_over(row, context)
		except NotOursError as damage:
			raise WayClosedError(f"{row.name} is damaged: {damage}") from damage
		context.site.call("buildpro_saas.agent.installer.make_own")
		context.log(f"{row.name} waited since {row.ready_at:%Y-%m-%d %H:%M}")
		return {"database": row.database, **_copied(image), "standby": row.name}

	def _take_over(self, row, context: Context) -> None:
		folder = context.bench.standby(row.database)
		with server(database_account.account()) as mariadb:
			mariadb.hand_over(row.database, row.mark, context.mark)
		folder.hand_over(row.mark, context.mark)
		folder.move_to(context.site, context.mark)


def _image(context: Context):
	return images.best(context.bench_row["name"], context.state["plan_apps"], context.tenant)


def _copied(image) -> dict:
	"""What later steps need not do again: apps as Tenant keeps them, and the company that was set up; None where they do."""
	return {
		"image": image and image.name,
		"image_kind": image and image.kind,
		"copied_apps": image and images.apps_of(image),
		"prepared_company": image and images.prepared_company(image),
	}


def unmake(context: Context) -> None:
	"""Take away what a way made of the job's site, wholly or in part, as far as it carries the job's mark; repeatable.

	Raises NotOursError, and leaves all as it was, where somebody may have used the site.
	"""
	is_its = not context.site.exists() or context.site.mark == context.mark
	try:
		finished_site.check_unused(context)
		if is_its:
			# out of the web server's sight: nobody comes in any more, but somebody may just have
			context.site.hide(context.mark)
			finished_site.check_unused(context)
	except BaseException:
		context.site.show(context.mark)
		raise
	if is_its:
		context.site.remove_draft(context.mark)
	databases = {context.state.get("reserved_database"), context.state.get("database")} - {None}
	with server(database_account.account()) as mariadb:
		for name in databases:
			if mariadb.mark_of(name) == context.mark:
				mariadb.drop(name, context.mark)
	for row in standby.claimed_by(context.job):
		standby.discard(row, context.bench, context.mark)


def copy_image(image, mariadb: DatabaseServer, site: Site, database: str, context: Context) -> None:
	"""Make the site's folder, database and database user as a copy of the image (document), all with the job's mark.

	Raises WayClosedError when the image cannot be copied.
	"""
	password = new_password()
	try:
		site.make_folder(
			first_config(database, password), context.mark, files=context.bench.image(image.database)
		)
		mariadb.create(database, password, context.mark)
		DatabaseCopy(mariadb, image.database, database, images.contents(image)).run(context.checkpoint)
	except (StepCancelledError, StepTimeoutError):
		raise
	except Exception as error:
		if is_transient(error):
			raise
		frappe.log_error(title=f"Copying {image.name} failed")
		raise WayClosedError(f"copying {image.name} failed: {error}") from error
	images.still_ready(image.name)


def first_config(database: str, password: str) -> dict:
	"""site_config.json of a site that is being made: nobody's scheduler, mail or web request touches it before it is ready."""
	return {
		"db_name": database,
		"db_password": password,
		"db_type": frappe.conf.get("db_type") or "mariadb",
		**database_account.where_of_own(),
		"buildpro_role": "tenant",
		"pause_scheduler": 1,
		"maintenance_mode": 1,
		"mute_emails": 1,
		"allow_reads_during_maintenance": 0,
	}


def new_password() -> str:
	"""A database password that nobody needs to know."""
	return secrets.token_urlsafe(24)
