"""What of an admin site's configuration its backups take along; how a recovery key is read; an export's files and their time."""

import json
import os
import stat
import time
from types import SimpleNamespace

import pytest

from buildpro_saas.agent import backup, site_export
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.site import Site
from buildpro_saas.agent.site_export import SiteExport
from buildpro_saas.commands.backups import ask_recovery_key

SITE = {
	"db_name": "_x",
	"db_password": "p",
	"db_host": "h",
	"db_type": "mariadb",
	"encryption_key": "e",
	"buildpro_job": "mark",
	"buildpro_role": "admin",
	"buildpro_signing_key": {"kid": "k", "private": "s"},
	"host_name": "https://admin.example.com",
	"mute_emails": 1,
	"pause_scheduler": 1,
	"maintenance_mode": 1,
}


def test_an_admin_sites_own_configuration_comes_along_and_nothing_of_its_database_or_moment():
	assert backup._of_admin_site(SITE) == {
		key: SITE[key]
		for key in ("encryption_key", "buildpro_role", "buildpro_signing_key", "host_name", "mute_emails")
	}
	assert backup._of_data(SITE) == {"encryption_key": "e"}


@pytest.mark.parametrize(
	"text",
	[
		"AGE-SECRET-KEY-1X",
		"AGE-SECRET-KEY-1X\n\n",
		"# created: today\n# public key: age1x\nAGE-SECRET-KEY-1X\n",
	],
)
def test_a_recovery_key_is_read_as_printed_or_as_age_keygen_writes_it(tmp_path, text):
	path = tmp_path / "key"
	path.write_text(text)
	with path.open() as file:
		assert ask_recovery_key(file) == "AGE-SECRET-KEY-1X"


class Fetched:
	"""A backup as it comes out of a store: four parts in a folder."""

	id = "ab" * 8

	def fetch(self, target):
		for part in ("public/files", "private/files"):
			(target / part).mkdir(parents=True)
		(target / "database.sql").write_text("-- sql")
		(target / "site_config.json").write_text('{"encryption_key": "e"}')
		return SimpleNamespace(site="acme.localhost")


@pytest.fixture
def export(tmp_path):
	"""A site without an export."""
	site = Site(tmp_path, "acme.localhost")
	site.path.mkdir()
	(site.path / "site_config.json").write_text(json.dumps({"db_name": "_x"}))
	return SiteExport(site)


def make(export: SiteExport, seconds: float, size: int = 1) -> dict:
	return export.make(Fetched(), time.time() + seconds, size, lambda: None)


def test_an_export_takes_the_place_of_the_one_before_and_nobody_lists_it(export):
	first = make(export, 60)
	second = make(export, 60)
	assert first["id"] != second["id"] and len(second["id"]) == 32
	(there,) = export.folder.iterdir()
	assert there.name == second["id"]
	modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (export.folder, there, *there.iterdir())]
	assert modes == [0o711, 0o711, *[0o644] * 4]
	assert list(export.site.files()) == []  # no backup takes it along


def test_it_goes_when_its_time_is_over_and_not_before(export):
	make(export, 60)
	assert not export.remove_expired() and export.folder.exists()
	make(export, -1)
	assert export.remove_expired() and not export.folder.exists()
	assert export.site.json_file(site_export.FILE)["state"] == "Gone"
	assert export.remove_expired()


def test_without_room_nothing_is_written(export):
	with pytest.raises(AgentError, match="GB are free there"):
		make(export, 60, size=10**18)
	assert not export.folder.exists()
