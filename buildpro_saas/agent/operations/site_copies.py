"""Images and standby sites: a site that is copied, and copies that wait to be given away."""

from typing import Any

from buildpro_saas.agent import account
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_copy import DatabaseCopy, contents_of
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Contents
from buildpro_saas.agent.operations.names import Mark, Place, SiteName, site_at
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.operations.sites import first_config, new_password


@quick
def seal_image(bench: Bench, site: SiteName, database: str, mark: Mark) -> Contents:
	"""Make the site that the job made the image in that database: without a user or secrets, its folder out of sight."""
	folder = bench.site(site)
	with server(account.read(bench)) as mariadb:
		mariadb.drop_user(database, mark)
		contents = contents_of(mariadb, database)
	# the password of a user that is gone need not lie about, nor a key with which nothing is encrypted any more
	folder.update_config({"db_password": None, "encryption_key": None})
	folder.move_to(bench.image(database), mark)
	return contents


@in_thread
def copy_image(
	bench: Bench,
	progress: Progress,
	image: SiteName,
	contents: dict[str, Any],
	site: SiteName,
	database: str,
	mark: Mark,
	place: Place = "",
) -> None:
	"""Make the site's folder, database and database user as a copy of the image in the database `image`, all with the mark.

	contents: the image's (facts.Contents), as it was when it was sealed.
	"""
	password = new_password()
	of_bench = account.read(bench)
	folder = site_at(bench, site, place)
	with server(of_bench) as mariadb:
		config = first_config(of_bench, database, password)
		folder.make_folder(config, mark, files=bench.image(image))
		mariadb.create(database, password, mark)
		DatabaseCopy(mariadb, image, database, Contents(**contents)).run(progress.check)


@quick
def take_over_standby(bench: Bench, database: str, site: SiteName, mark: Mark, new_mark: Mark) -> None:
	"""Give the standby site in that database its name and the new mark, that of the job that claimed it. Repeatable.

	Raises NotOursError where it does not carry the mark, or where something else has the name.
	"""
	folder = bench.standby(database)
	with server(account.read(bench)) as mariadb:
		mariadb.hand_over(database, mark, new_mark)
	folder.hand_over(mark, new_mark)
	folder.move_to(bench.site(site), new_mark)


@quick
def remove_standby(bench: Bench, database: str, marks: list[str]) -> None:
	"""Remove the standby site's folder, database and database user, as far as they carry one of the marks. Repeatable."""
	folder = bench.standby(database)
	with server(account.read(bench)) as mariadb:
		for mark in marks:
			if not folder.exists() or folder.mark == mark:
				folder.remove_folder(mark)
			if mariadb.mark_of(database) == mark:
				mariadb.drop(database, mark)


@quick
def remove_image(bench: Bench, database: str, mark: Mark) -> None:
	"""Remove the image's database and files, as far as they carry the mark. Repeatable."""
	with server(account.read(bench)) as mariadb:
		if mariadb.mark_of(database) == mark:
			mariadb.drop(database, mark)
	bench.image(database).remove_folder(mark)


@quick
def remove_image_files(bench: Bench, database: str, mark: Mark) -> None:
	"""Remove the image's files alone: its database is about to be made anew."""
	bench.image(database).remove_folder(mark)
