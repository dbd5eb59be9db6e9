"""Images (sites that others are copied from) and standby sites (copies that wait for a tenant)."""

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
from buildpro_saas.agent.site_use import signs_of_use


@quick
def seal_image(bench: Bench, site: SiteName, database: str, mark: Mark) -> Contents:
	"""Turn the site with the mark into the image in that database: without user and secrets, its folder out of the web server's sight."""
	folder = bench.site(site)
	with server(account.read(bench)) as mariadb:
		mariadb.drop_user(database, mark)
		contents = contents_of(mariadb, database)
	# neither is of use any more: the user is gone, and nothing is encrypted with the key
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
	"""Copy the image in the database `image`. Makes the site's folder, database and database user, all with the mark.

	contents: what the image had when it was sealed (facts.Contents). Raises NotOursError when one of the names is somebody else's.
	"""
	password = new_password()
	of_bench = account.read(bench)
	folder = site_at(bench, site, place)
	with server(of_bench) as mariadb:
		config = first_config(of_bench, database, password)
		folder.make_folder(config, mark, files=bench.image(image))
		progress.check()  # copying the files may have taken long
		mariadb.create(database, password, mark)
		DatabaseCopy(mariadb, image, database, Contents(**contents)).run(progress.check)


@quick
def take_over_standby(bench: Bench, database: str, site: SiteName, mark: Mark, new_mark: Mark) -> None:
	"""Turn the standby site in that database into the site. Its mark becomes new_mark, that of the job that claimed it. Repeatable.

	Raises NotOursError where it does not carry the mark, or where something else has the name.
	"""
	folder = bench.standby(database)
	with server(account.read(bench)) as mariadb:
		mariadb.hand_over(database, mark, new_mark)
	folder.hand_over(mark, new_mark)
	folder.move_to(bench.site(site), new_mark)


@quick
def remove_standby(bench: Bench, database: str, marks: list[str]) -> str:
	"""Remove the standby site's folder, database and database user, each where it carries one of the marks. Repeatable.

	Where people have used the site, nothing is removed. Returns what shows the use, as a piece of a sentence; empty for none.
	"""
	folder = bench.standby(database)
	with server(account.read(bench)) as mariadb:
		if mariadb.mark_of(database) in marks and (sign := signs_of_use(mariadb, database)):
			return sign
		for mark in marks:
			if not folder.exists() or folder.mark == mark:
				folder.remove_folder(mark)
			if mariadb.mark_of(database) == mark:
				mariadb.drop(database, mark)
	return ""


@quick
def remove_image(bench: Bench, database: str, mark: Mark) -> None:
	"""Remove the image's database and files, each where it carries the mark. Repeatable."""
	with server(account.read(bench)) as mariadb:
		if mariadb.mark_of(database) == mark:
			mariadb.drop(database, mark)
	bench.image(database).remove_folder(mark)


@quick
def remove_image_files(bench: Bench, database: str, mark: Mark) -> None:
	"""Remove the image's files alone: its database is about to be made anew. Raises NotOursError for another mark."""
	bench.image(database).remove_folder(mark)
